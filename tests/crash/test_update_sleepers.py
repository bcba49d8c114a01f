"""Sleeping boards are updated through the gateway, although wakes are cut off."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import Result

from tests.helpers import signing, updates
from tests.helpers.brokers import LOGIN, Broker
from tests.helpers.mail import ITEMS, with_psram
from torpor_sim import SimBoard, Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.gateway import Gateway, update_calls
from torpor_tools.link import build
from torpor_tools.update.pending import Report

CUT = 0.2  # the share of wakes that are cut off
BUDGET = 20  # calls in a wake, so that an update takes several
BOARD = """
[boards.{name}]
type = "ESP32_GENERIC_S3"
flash_mb = 8
services = ["items"]

[boards.{name}.power]
policy = "deep"
linger_ms = 300
wake_every = "1h"
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


Holds = Callable[[Report], bool]


class Fleet:
    """Sleeping boards, their gateway, and how often each has been cut off."""

    def __init__(self, root: Path, sim: Simulator, gateway: Gateway, seed: int) -> None:
        self.root = root
        self.sim = sim
        self.cuts: Counter[str] = Counter()
        self.wakes: Counter[str] = Counter()
        self._gateway = gateway
        self._random = random.Random(seed)
        self._starting = asyncio.Semaphore(4)  # boards that are awake at a time

    def report(self, name: str) -> Report:
        return self._gateway._couriers._all[name].report

    async def tool(self, *words: str) -> Result:
        return await asyncio.to_thread(updates.tool, self.root, *words)

    async def all_reported(self) -> None:
        async with asyncio.TaskGroup() as work:
            for board in self.sim.boards:
                work.create_task(self._wake_until(board, known, 0.0))

    async def all_done(self) -> None:
        async with asyncio.TaskGroup() as work:
            for board in self.sim.boards:
                work.create_task(self._wake_until(board, done, CUT))

    async def _wake_until(self, board: SimBoard, holds: Holds, cut: float) -> None:
        while not holds(self.report(board.name)):
            async with self._starting:
                await self._wake(board, self._random.random() < cut)

    async def _wake(self, board: SimBoard, is_cut: bool) -> None:
        await asleep(board, 0)
        mark = board.trace.mark()
        self.wakes[board.name] += 1
        # A board that fell asleep while its door was open wakes when the door closes.
        board.inputs.pin(4, 1 - (board.inputs.level(4) or 0))
        if is_cut:
            start = board.starts + 1
            while board.starts < start:
                await asyncio.sleep(0.005)
            await asyncio.sleep(self._random.uniform(0.0, 1.5))
            self.cuts[board.name] += 1
            self.sim.kill(board.name)
            await self.sim.revive(board.name)
        await asleep(board, mark)


async def asleep(board: SimBoard, mark: int) -> None:
    """Wait until the board has logged after ``mark`` that it sleeps."""
    async with asyncio.timeout(120):
        while True:
            events = board.trace.since(mark)
            if events and events[-1]["event"] == "deepsleep":
                return
            await asyncio.sleep(0.02)


def known(report: Report) -> bool:
    return bool(report.files)


def done(report: Report) -> bool:
    return bool(report.status["counter"]) and report.pending is None


@asynccontextmanager
async def fleet(root: Path, count: int, seed: int) -> AsyncIterator[Fleet]:
    broker = Broker("nats", root / "broker", ack_wait="300ms")
    write(root, broker, [f"b{n}" for n in range(count)])
    plan = load_plan(root)
    images = [with_psram(build(plan, b.name, root / "build", types=False)) for b in plan.boards]
    broker.start()
    try:
        async with Simulator(images, ports="os", storage=root / "build" / "sim") as sim:
            for board in sim.boards:
                board.inputs.pin(4, 1)
            async with Gateway(
                plan, broker.where, dict(LOGIN), root / "gateway", bind="127.0.0.1", ports={}
            ) as gateway:
                await gateway.broker.connected.wait()
                yield Fleet(root, sim, gateway, seed)
    finally:
        broker.stop()


def write(root: Path, broker: Broker, names: list[str]) -> None:
    (root / "services" / "items").mkdir(parents=True)
    (root / "services" / "items" / "__init__.py").write_text(ITEMS)
    text = f'[cluster]\nname = "test"\n[mailbox]\nurl = "{broker.where.url}"\n'
    text += "".join(BOARD.format(name=name) for name in names)
    (root / "cluster.toml").write_text(f"{text}\n[services.items]\nport = 8001\n")
    login = "".join(f'{key} = "{value}"\n' for key, value in LOGIN.items())
    keys = f'[cluster]\nkeys = ["{updates.KEY}"]\n'
    (root / "secrets.toml").write_text(f"{keys}[mailbox]\n{login}")
    signing.add_key(root)


async def check(root: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update_calls, "WAKE_CALLS", BUDGET)
    monkeypatch.setattr(update_calls, "_SETTLE_S", 0.05)
    seed = random.randrange(1 << 32)
    print("seed", seed)
    async with fleet(root, count, seed) as boards:
        await boards.all_reported()
        source = root / "services" / "items" / "__init__.py"
        source.write_text(ITEMS.replace("for peers only", "for peers only, " * 200))
        words = ("update", "--all", "--no-wait", "--no-types", "--allow-low-heap", "--confirm", "1")
        left = await boards.tool(*words)
        assert left.exit_code == 0, (left.output, repr(left.exception))
        await boards.all_done()
        print("wakes", boards.wakes.total(), "cut", boards.cuts.total())
        for board in boards.sim.boards:
            report = boards.report(board.name)
            log = "\n".join(map(str, board.log))
            assert report.failed is None, (board.name, report.failed)
            assert f"-> {report.status['build']}" in left.output, board.name
            assert log.count("is confirmed") <= 1, log
            assert not board.crashes


@pytest.mark.soak
@pytest.mark.parametrize("count", [3, 50])
async def test_all_boards_are_updated_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    await check(tmp_path, count, monkeypatch)
