"""Propose a better placement from a plan and a recorded run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from ..model.plan import Plan
from .calls import calls
from .needs import loads, rooms
from .record import Record
from .solve import Placement, solve


def propose(
    plan: Plan,
    record: Record | None,
    fixed: Mapping[str, str],
    free: Collection[str],
    cache: Path | None,
) -> Placement | None:
    """The placement with the fewest calls over the network, or None if none fits.

    ``fixed``: service -> board where it must be. ``free``: services that use hardware and may move.
    The replicas of a service count as one. The services come in the order of ``cluster.toml``.
    """
    found = calls(plan)
    counts: dict[tuple[str, str], int] = dict.fromkeys(found.between(), 0)
    for caller, peer in found.sites():
        counts[caller.service, peer.service] += 1
    if record is not None:
        counts = {pair: record.between().get(pair, 0) for pair in counts}
    wanted = [
        replace(load, fixed=fixed.get(load.service, load.fixed))
        for load in loads(plan, record, cache, free)
    ]
    now = {name: board.name for board in plan.cluster.boards for name in board.services}
    best = solve(wanted, rooms(plan, record), counts, now)
    if best is None:
        return None
    order = [service.name for service in plan.cluster.services]
    homes = {name: best.homes[name] for name in order if name in best.homes}
    return replace(best, homes=homes)
