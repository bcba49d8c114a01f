"""The cost of metrics and of the watchdog."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest.mock import patch

from tests.bench.figures.http import ITEMS, PATH, board
from tests.bench.lab import Lab
from tests.bench.load import load
from tests.bench.registry import figure
from tests.helpers.running import write_cluster
from torpor_tools.link.runtime import PARTS
from torpor_tools.model.image import Image

_SLICES = 40  # for each side of a round
_SLICE_S = 0.1


def measured(lab: Lab) -> Image:
    """Link the listener's image with ``/metrics``."""
    root = write_cluster(Path(tempfile.mkdtemp(dir=lab.folder)), {"items": ITEMS})
    with (root / "cluster.toml").open("a") as file:
        file.write('\n[metrics]\nservice = "items"\n')
    return lab.image(root, port="unix", connections=32)


@figure("metrics_cost", unit="ratio", goal=1.02, better="lower")
def metrics_cost(lab: Lab) -> list[float]:
    """Compare the processor time for a request with and without ``[metrics]``."""
    return _cost(lab, lab.once(measured), lab.once(board))


def unwatched(lab: Lab) -> Image:
    """Link the listener's image without the part that observes the loop and feeds the watchdog."""
    with patch.dict(PARTS, watchdog=lambda board: False):
        return board(lab)


@figure("watchdog_cost", unit="ratio", goal=1.02, better="lower")
def watchdog_cost(lab: Lab) -> list[float]:
    """Compare the processor time for a request with and without the watchdog."""
    return _cost(lab, lab.once(board), lab.once(unwatched))


def _cost(lab: Lab, image: Image, without: Image) -> list[float]:
    """Return the ratio of the minimum processor time per request, for each round.

    The server's processor time limits the requests a second. Other load only adds to it, so the
    minimum of many short slices is hardly affected.
    """
    sides = lab.native(image), lab.native(without)
    ratios = []
    for _ in range(lab.rounds):
        least = dict.fromkeys(sides, 1.0)
        for _ in range(_SLICES):
            for side in sides:
                before = lab.processor_s(side)
                responses = len(load(side, PATH, connections=4, seconds=_SLICE_S).latencies)
                spent = (lab.processor_s(side) - before) / responses
                least[side] = min(least[side], spent)
        ratios.append(least[sides[0]] / least[sides[1]])
    return ratios
