"""Two boards: one sleeps, the other calls it through a broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.helpers.brokers import LOGIN, Broker
from tests.helpers.several import write_boards
from torpor_sim import SimBoard, Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.gateway.broker import Broker as Client
from torpor_tools.link import build
from torpor_tools.model.image import Image

KEEPER = """
import asyncio

from torpor import Fault, Service, get, on_wake, safe


class Keeper(Service):
    async def start(self) -> None:
        self._rows = self.store.table("rows")

    @safe
    async def all(self) -> list[int]:
        found = []
        async for _, row in self._rows.scan():
            found.append(row["n"])
        return found

    async def add(self, n: int, ms: int = 0) -> dict:
        self.log.info("adds %d" % n)
        key = await self._rows.append({"n": n})
        if ms:
            await asyncio.sleep_ms(ms)
        return {"n": n, "key": key}

    async def full(self) -> None:
        raise Fault(409, "it is taken")

    async def bug(self) -> int:
        return 1 // 0

    async def raw(self, size: int) -> bytes:
        return b"x" * size

    @get("/rows")
    async def rows(self) -> list[int]:
        return await self.all()

    @on_wake(pin=4, level=0)
    async def opened(self) -> None: ...
"""
FRONT = """
from services.keeper import Keeper
from torpor import Service, deadline, get, post


class Front(Service):
    keeper: Keeper

    @get("/all")
    async def all(self) -> list[int]:
        return await self.keeper.all()

    @post("/add")
    async def add(self, n: int, ms: int = 0) -> dict:
        return await self.keeper.add(n, ms)

    @post("/hasty")
    async def hasty(self, n: int) -> dict:
        with deadline(500):
            return await self.keeper.add(n)

    @post("/full")
    async def full(self) -> None:
        await self.keeper.full()

    @post("/bug")
    async def bug(self) -> int:
        return await self.keeper.bug()

    @get("/raw")
    async def raw(self, size: int) -> int:
        return len(await self.keeper.raw(size))
"""
APART = {"box": ["keeper"], "barn": ["front"]}
TOGETHER = {"box": ["keeper", "front"]}
IN = "torpor/test/box/in"
NOTE = b'"held": 1'
MORE = """
[mailbox]
url = "{url}"

[boards.box.power]
policy = "deep"
linger_ms = 300
wake_every = "1h"
"""


def images(root: Path, broker: Broker, boards: dict[str, list[str]] = APART) -> list[Image]:
    types = {"box": "ESP32_GENERIC_S3"}
    services = {"keeper": KEEPER, "front": FRONT}
    write_boards(root, services, boards, types=types, deadline_ms=60_000)
    toml = root / "cluster.toml"
    toml.write_text(toml.read_text() + MORE.format(url=broker.where.url))
    secrets = root / "secrets.toml"
    login = "".join(f'{key} = "{value}"\n' for key, value in LOGIN.items())
    secrets.write_text(secrets.read_text() + f"[mailbox]\n{login}")
    plan = load_plan(root)
    return [build(plan, b.name, root / "build", types=False) for b in plan.boards]


class Pair:
    """Two boards, and a spy that sees all messages at the broker: ``seen``."""

    def __init__(self, sim: Simulator, http: httpx.AsyncClient, broker: Broker) -> None:
        self.sim = sim
        self.box: SimBoard = sim.board("box")
        self.http = http
        self.broker = broker
        self.seen: list[tuple[str, bytes]] = []
        topics = [IN, "torpor/test/answers/#"]
        self.spy = Client(broker.where, LOGIN, topics, lambda *message: self.seen.append(message))

    def sent(self, *words: bytes) -> list[bytes]:
        """Return the messages for the box that contain all these words."""
        return [data for topic, data in self.seen if topic == IN and all(w in data for w in words)]

    async def asks(self, verb: str, path: str, **more: Any) -> asyncio.Task[httpx.Response]:
        """Make the front start a call, and wait until the broker has its note."""
        notes = len(self.sent(NOTE))
        call = asyncio.create_task(self.http.request(verb, path, **more))
        await self.until(lambda: len(self.sent(NOTE)) > notes)
        return call

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until ``condition()`` is true."""
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)

    async def asleep(self) -> None:
        self.box.inputs.pin(4, 1)
        await self.until(lambda: self.box.trace and self.box.trace[-1]["event"] == "deepsleep")

    def wake(self) -> None:
        self.box.inputs.pin(4, 0)

    def times(self, n: int) -> int:
        """Return how often the board has begun to add ``n``."""
        return sum(str(line).endswith(f"adds {n}") for line in self.box.log)

    async def rows(self) -> list[int]:
        await self.asleep()
        call = await self.asks("GET", "/all")
        self.wake()
        numbers: list[int] = (await call).json()
        return numbers


@asynccontextmanager
async def pair(root: Path, broker: Broker) -> AsyncIterator[Pair]:
    built = images(root, broker)
    broker.start()
    try:
        async with Simulator(built, ports="os", storage=root / "build" / "sim") as sim:
            sim.board("box").inputs.pin(4, 1)
            async with sim.http("front") as http:
                http.timeout = httpx.Timeout(60)
                boards = Pair(sim, http, broker)
                spying = asyncio.create_task(boards.spy.run())
                await boards.spy.connected.wait()
                yield boards
                spying.cancel()
    finally:
        broker.kill()
