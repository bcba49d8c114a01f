"""For tests: a cluster, built and in the simulator, in one call."""

from __future__ import annotations

import contextlib
import tempfile
import weakref
from pathlib import Path
from typing import Any

from torpor_sim import Simulator

from .contracts import load_plan
from .link import build_boards


def simulator(
    root: Path | str,
    *,
    types: bool = False,
    strict: bool = False,
    out: Path | None = None,
    **options: Any,
) -> Simulator:
    """Build the cluster in ``root`` and return a ``Simulator`` of its images, not yet started.

    For example ``async with simulator(".") as sim``, and in it
    ``await sim.http("hello").get("/greeting")``. The services get free ports, so that tests can run
    side by side. ``types=True`` runs mypy too, as ``torpor build`` does. ``strict=True`` has calls
    in memory pass through the wire encoding. ``out`` is the folder for the images; without it they
    go to a temporary one that lives as long as the ``Simulator``. ``options`` are the
    ``Simulator``'s own. Raises ``UserError``.
    """
    plan = load_plan(Path(root))
    with contextlib.ExitStack() as stack:
        if out is None:
            out = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="torpor-build-")))
        names = [board.name for board in plan.boards]
        images = list(build_boards(plan, names, out, types=types, strict=strict))
        sim = Simulator(images, **{"ports": "os", **options})
        weakref.finalize(sim, stack.pop_all().close)
    return sim
