"""Drivers from PyPI, unmodified, against the models: they measure what the datasheets state.

They reach the board as they reach a user's: by ``torpor add``, linked into an image, which leaves
out what nobody calls.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.helpers.drivers import DRIVERS, END, SHOWN, dots, service_of, write_project
from tests.sim import tiny
from torpor_sim import Simulator
from torpor_sim.shown import as_png
from torpor_tools.contracts import load_plan
from torpor_tools.link import build

PICTURES = Path(__file__).parents[1] / "cases" / "pictures"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def boards(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    """A board for each driver."""
    root = tmp_path_factory.mktemp("drivers")
    write_project(root, {service_of(driver): [driver] for driver in DRIVERS})
    plan = load_plan(root)
    images = [
        build(plan, each.name, root / "build" / each.name, types=False) for each in plan.boards
    ]
    async with Simulator(images) as simulator:
        yield simulator


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_driver_from_pypi(boards: Simulator, driver: str) -> None:
    devices, _, expected = DRIVERS[driver]
    board = boards.board(service_of(driver))
    await board.wait_log(END, 60)
    lines = tiny.printed(board.log)
    lines = lines[: lines.index(END)]
    assert [line for line in lines if " now, and was " not in line] == expected
    if driver in SHOWN:
        device, state = SHOWN[driver]
        assert board.shown(device) == state
    elif "display" in devices:
        frame = board.shown("display")
        assert frame
        picture = PICTURES / f"{driver}.png"
        assert dots(as_png(frame)) == dots(picture.read_bytes())
