"""The order in which the services of a board start: peers first."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.contract import Contract


def start_order(
    names: Sequence[str], contracts: dict[str, Contract]
) -> tuple[list[str], list[list[str]]]:
    """Return the order, and the rings of services that need each other.

    Both keep the order of ``names`` within a ring, and wherever the peers allow any order.
    """
    reach = _reach(names, contracts)
    order: list[str] = []
    rings: list[list[str]] = []
    left = list(names)
    while left:
        # Ready: needs only services that have started, and those that need it in turn.
        first = next(n for n in left if all(n in reach[m] or m in order for m in reach[n]))
        ring = [n for n in left if n == first or (n in reach[first] and first in reach[n])]
        if len(ring) > 1:
            rings.append(ring)
        order += ring
        left = [n for n in left if n not in ring]
    return order, rings


def _reach(names: Sequence[str], contracts: dict[str, Contract]) -> dict[str, set[str]]:
    """Return all services that each service needs, directly or through others."""
    needs = {n: {p.service for p in contracts[n].peers if p.service in names} for n in names}
    for middle in names:
        for name in names:
            if middle in needs[name]:
                needs[name] = needs[name] | needs[middle]
    return needs
