"""kill -9 of a simulated board while it writes as fast as it can."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from tests.helpers.running import write_cluster
from torpor_sim import Simulator
from torpor_sim.board import SimBoard
from torpor_tools.testing import simulator

# Each commit adds row n to the log and puts it under n % 50, so that each start can check whether
# all commits up to the last one exist, and whether one is incomplete.
WRITER = """
from torpor import Service


class Writer(Service):
    async def start(self) -> None:
        self._lines = self.store.table("lines", keep=300)
        self._slots = self.store.table("slots")
        last = self._lines.last() or 0
        wrong = 0
        async for key, row in self._slots.scan():
            wrong += row["n"] != last - (last - key) % 50
        async for key, row in self._lines.scan():
            wrong += row["n"] != key
        kept = await self._lines.count()
        wrong += kept < min(last, 300) or await self._slots.count() != min(last, 50)
        wrong += self._lines.leaves.lost + self._slots.leaves.lost
        self.log.info("found %d wrong %d", last, wrong)
        self.spawn(self._write)

    async def _write(self) -> None:
        n = self._lines.last() or 0
        while True:
            n += 1
            async with self.store.batch():
                await self._lines.append({"n": n, "text": "x" * (n % 40)})
                await self._slots.put(n % 50, {"n": n})
            self.log.info("wrote %d", n)
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def sim(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    root = write_cluster(tmp_path_factory.mktemp("cluster"), {"writer": WRITER})
    async with simulator(root, storage=tmp_path_factory.mktemp("storage")) as running:
        yield running


async def kill_and_look(board: SimBoard, commits: int) -> tuple[int, int]:
    """Kill the board after some commits; return the last confirmed and the last found one."""
    before = board.log.mark()
    for _ in range(commits):
        await board.wait_log("wrote ", since=board.log.mark())
    start = board.starts + 1
    board.kill()
    await board.ready(start=start)
    texts = [line.text for line in board.log.since(before)]
    found = max(n for n, text in enumerate(texts) if text.startswith("found "))
    confirmed = [text for text in texts[:found] if text.startswith("wrote ")]
    _, last, _, wrong = texts[found].split()
    assert wrong == "0", texts[found]
    return int(confirmed[-1].split()[1]), int(last)


async def kill_often(board: SimBoard, times: int) -> int:
    await board.ready()
    random.seed(times)
    last = 0
    for _ in range(times):
        confirmed, last = await kill_and_look(board, random.randrange(1, 12))
        assert confirmed <= last <= confirmed + 200, "a confirmed commit is lost"
    return last


async def test_nothing_confirmed_is_lost(sim: Simulator) -> None:
    await kill_often(sim.board("box"), 12)


@pytest.mark.soak
async def test_nothing_confirmed_is_lost_in_500_kills(sim: Simulator) -> None:
    last = await kill_often(sim.board("box"), 500)
    print(f"500 kills in {last} commits")
