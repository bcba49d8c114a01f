"""For tests: a cluster, built and in the simulator, in one call."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from torpor_sim import Simulator

from .contracts import load_plan
from .link import build


def simulator(
    root: Path | str, *, types: bool = True, out: Path | None = None, **options: Any
) -> Simulator:
    """Build the cluster in ``root`` and return a ``Simulator`` of its images, not yet started.

    ``out`` is the folder for the images (without it a temporary one), ``types=False`` leaves out
    mypy; the other options are the ``Simulator``'s. Raises ``UserError``.
    """
    plan = load_plan(Path(root))
    folder = out or Path(tempfile.mkdtemp(prefix="torpor-build-"))
    images = [build(plan, board.name, folder, types=types) for board in plan.boards]
    return Simulator(images, **options)
