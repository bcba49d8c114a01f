"""Boards that sleep, in the simulator: policies, schedules over deep sleep, wake pins, Wi-Fi."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.helpers.running import write_cluster
from torpor_sim import SimBoard, Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.link import build

DOOR = """
import asyncio

from torpor import Service, every, get, on_wake, system


class Door(Service):
    async def start(self) -> None:
        self.log.info("start: %s, %s", system.reset_cause(), system.wake_reason())

    @get("/state")
    async def condition(self) -> str:
        return "here"

    @get("/slow")
    async def slow(self) -> str:
        await asyncio.sleep_ms(600)
        return "at last"
"""
MEASURES = """
    @every(seconds=6)
    async def measure(self) -> None:
        self.log.info("measured")
"""
OPENS = """
    @on_wake(pin=4, level=0)
    async def opened(self) -> None:
        self.log.info("opened")
"""


@asynccontextmanager
async def sleeper(
    root: Path, board: str, power: str, source: str = DOOR
) -> AsyncIterator[tuple[Simulator, SimBoard]]:
    """One service, ``door``, on a board with that power table."""
    write_cluster(root, {"door": source}, board)
    toml = root / "cluster.toml"
    toml.write_text(toml.read_text() + f"\n[boards.box.power]\n{power}\n")
    image = build(load_plan(root), "box", root / "build", types=False)
    async with Simulator([image], ports="os") as sim:
        yield sim, sim.board("box")


async def test_a_deep_board_serves_sleeps_and_wakes_for_its_jobs(tmp_path: Path) -> None:
    deep = 'policy = "deep"\nlinger_ms = 300'
    async with sleeper(tmp_path, "ESP32_GENERIC", deep, DOOR + MEASURES) as (sim, board):
        answer = await sim.http("door").get("/state")
        assert answer.text == "here"
        await board.wait_log("start: power-on, ")
        asleep = await board.wait_trace("deepsleep")
        assert 4000 < asleep["ms"] <= 6000
        await board.wait_log("start: deep sleep, timer")
        mark = board.log.mark()
        await board.wait_log("deep sleep for")
        assert any("measured" in str(line) for line in board.log.since(mark - 10))
