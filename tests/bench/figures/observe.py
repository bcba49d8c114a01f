"""The price that a board pays for reporting about itself."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from unittest.mock import patch

from tests.bench.figures.http import ITEMS, PATH, SECONDS, board
from tests.bench.lab import Lab
from tests.bench.load import load
from tests.bench.registry import figure
from tests.helpers.running import write_cluster
from torpor_tools.link.runtime import PARTS
from torpor_tools.model.image import Image


def measured(lab: Lab) -> Image:
    """The listener's image with ``/metrics``."""
    root = write_cluster(Path(tempfile.mkdtemp(dir=lab.folder)), {"items": ITEMS})
    with (root / "cluster.toml").open("a") as file:
        file.write('\n[metrics]\nservice = "items"\n')
    return lab.image(root, port="unix", connections=32)


@figure("metrics_cost", unit="ratio", goal=1.02, better="lower")
def metrics_cost(lab: Lab) -> list[float]:
    run = partial(load, path=PATH, connections=4, seconds=SECONDS)
    without, counted = lab.native(lab.once(board)), lab.native(lab.once(measured))
    return lab.ratios(lambda: run(without).rps, lambda: run(counted).rps)


def unwatched(lab: Lab) -> Image:
    """The listener's image without what observes the loop and feeds the watchdog."""
    with patch.dict(PARTS, watchdog=lambda board: False):
        return board(lab)


@figure("watchdog_cost", unit="ratio", goal=1.02, better="lower")
def watchdog_cost(lab: Lab) -> list[float]:
    run = partial(load, path=PATH, connections=4, seconds=SECONDS)
    without, watched = lab.native(lab.once(unwatched)), lab.native(lab.once(board))
    return lab.ratios(lambda: run(without).rps, lambda: run(watched).rps)
