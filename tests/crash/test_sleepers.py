"""A call to a board that sleeps is executed once, no matter what is killed."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.brokers import Broker
from tests.helpers.sleepers import IN, Pair, pair
from torpor_tools import paths

CUTS = ("executing", "before", "broker", "again")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def storm(root: Path, cuts: list[str]) -> tuple[list[int], Counter[int]]:
    """Make a call for each cut; return the answered numbers, and those in the store."""
    answered = []
    async with pair(root, Broker("nats", root / "broker", ack_wait="300ms")) as boards:
        for n, cut in enumerate(cuts, 100):
            await boards.asleep()
            call = await boards.asks("POST", "/add", json={"n": n, "ms": 300})
            await _cut(boards, cut, n)
            answer = await call
            if answer.status_code == 200:
                answered.append(answer.json()["n"])
        return answered, Counter(await boards.rows())


async def _cut(boards: Pair, cut: str, n: int) -> None:
    if cut == "broker":
        boards.broker.kill()
        boards.broker.start()
    boards.wake()
    if cut == "before":  # it has the call, or will
        await boards.until(lambda: boards.sent(b"keeper.add", b"[%d" % n))
    elif cut == "executing":
        await boards.until(lambda: boards.times(n))
    elif cut == "again":  # the broker delivers it twice
        await boards.until(lambda: boards.sent(b"keeper.add", b"[%d" % n))
        await boards.spy.publish(IN, boards.sent(b"keeper.add", b"[%d" % n)[0])
    if cut in ("before", "executing"):
        boards.sim.kill("box")
        await boards.sim.revive("box")


async def test_each_call_is_executed_once(tmp_path: Path) -> None:
    answered, rows = await storm(tmp_path, list(CUTS))
    numbers = list(range(100, 100 + len(CUTS)))
    assert (answered, rows) == (numbers, Counter(numbers))


@pytest.mark.soak
async def test_each_call_is_executed_once_long(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    cuts = random.Random(seed).choices(CUTS, k=200)
    answered, rows = await storm(tmp_path, cuts)
    numbers = list(range(100, 100 + len(cuts)))
    assert (answered, rows) == (numbers, Counter(numbers))


async def test_a_runtime_that_does_not_look_ids_up_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "firmware"
    shutil.copytree(paths.firmware_dir(), copy)
    file = copy / "torpor/mqtt/execute.py"
    text = file.read_text()
    assert text.count("known = self._windows.get(id)") == 1
    file.write_text(text.replace("known = self._windows.get(id)", "known = None"))
    monkeypatch.setattr(paths, "firmware_dir", lambda: copy)
    _, rows = await storm(tmp_path / "cluster", ["again"])
    assert max(rows.values()) > 1
