"""Calls to a board that sleeps: real broker, real boards, through the mailbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.brokers import KINDS, LOGIN, Broker
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
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/add", {"json": {"n": 8}}),
    ("POST", "/full", {}),
    ("POST", "/bug", {}),
    ("GET", "/raw", {"params": {"size": 3_000}}),
    ("GET", "/all", {}),
]
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
    types = {"box": "ESP32_GENERIC"}
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
        """The messages for the box that have all these words."""
        return [data for topic, data in self.seen if topic == IN and all(w in data for w in words)]

    async def asks(self, verb: str, path: str, **more: Any) -> asyncio.Task[httpx.Response]:
        """Have the front make a call; return when the broker has the note of it."""
        notes = len(self.sent(NOTE))
        call = asyncio.create_task(self.http.request(verb, path, **more))
        await self.until(lambda: len(self.sent(NOTE)) > notes)
        return call

    async def until(self, holds: object) -> None:
        async with asyncio.timeout(30):
            while not holds():  # type: ignore[operator]
                await asyncio.sleep(0.01)

    async def asleep(self) -> None:
        self.box.inputs.pin(4, 1)
        await self.until(lambda: self.box.trace and self.box.trace[-1]["event"] == "deepsleep")

    def wake(self) -> None:
        self.box.inputs.pin(4, 0)

    def times(self, n: int) -> int:
        """How often the board began to add ``n``."""
        return sum(str(line).endswith(f"adds {n}") for line in self.box.log)

    async def rows(self) -> list[int]:
        await self.asleep()
        call = await self.asks("GET", "/all")
        self.wake()
        found: list[int] = (await call).json()
        return found


@asynccontextmanager
async def pair(root: Path, broker: Broker) -> AsyncIterator[Pair]:
    made = images(root, broker)
    broker.start()
    try:
        async with Simulator(made, ports="os", storage=root / "build" / "sim") as sim:
            sim.board("box").inputs.pin(4, 1)
            async with sim.http("front") as http:
                http.timeout = httpx.Timeout(60)
                found = Pair(sim, http, broker)
                spying = asyncio.create_task(found.spy.run())
                await found.spy.connected.wait()
                yield found
                spying.cancel()
    finally:
        broker.kill()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=KINDS)
async def boards(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    root = tmp_path_factory.mktemp("cluster")
    async with pair(root, Broker(request.param, root / "broker")) as found:
        yield found


async def test_a_call_waits_until_the_board_wakes(boards: Pair) -> None:
    await boards.asleep()
    calls = [await boards.asks("POST", "/add", json={"n": n}) for n in (1, 2)]
    assert not any(call.done() for call in calls)
    boards.wake()
    answers = [await call for call in calls]
    assert [a.status_code for a in answers] == [200, 200], [a.text for a in answers]
    assert sorted(a.json()["n"] for a in answers) == [1, 2]
    assert sorted(await boards.rows()) == [1, 2]
    assert (boards.times(1), boards.times(2)) == (1, 1)


async def answers(calls: list[Awaitable[httpx.Response]]) -> list[tuple[int, Any]]:
    found = [await call for call in calls]
    return [(answer.status_code, answer.json()) for answer in found]


async def test_a_service_that_moves_to_a_board_that_sleeps_gives_the_same_answers(
    tmp_path: Path,
) -> None:
    """Also faults, bugs and bytes; ``cluster.toml`` is all that differs."""
    broker = Broker("nats", tmp_path / "broker")
    async with pair(tmp_path / "apart", broker) as boards:
        apart = []
        for some in (REQUESTS[:3], REQUESTS[3:]):  # a Pico W has places for three clients
            await boards.asleep()
            asked = [await boards.asks(verb, path, **more) for verb, path, more in some]
            boards.wake()
            apart += await answers(list(asked))
        barn = "\n".join(map(str, boards.sim.board("barn").log))
    assert "keeper.bug on box: ZeroDivisionError; the log there says more" in barn
    (image,) = images(tmp_path / "together", broker, TOGETHER)
    async with Simulator([image], ports="os") as sim, sim.http("front") as http:
        together = await answers(
            [http.request(verb, path, **more) for verb, path, more in REQUESTS]
        )
    assert apart == together
    assert [status for status, _ in apart] == [200, 409, 500, 200, 200]


async def test_a_call_whose_deadline_is_over_is_not_executed(boards: Pair) -> None:
    await boards.asleep()
    late = await boards.http.post("/hasty", json={"n": 3})
    assert late.status_code == 504
    text = "keeper.add on box: it did not wake within 500 ms"
    assert late.json() == {"error": text}
    assert 3 not in await boards.rows()
    assert boards.times(3) == 0


async def test_a_board_that_loses_power_executes_the_call_once(boards: Pair) -> None:
    await boards.asleep()
    call = await boards.asks("POST", "/add", json={"n": 4, "ms": 400})
    boards.wake()
    await boards.until(lambda: boards.times(4))
    boards.sim.kill("box")
    await boards.sim.revive("box")
    assert (await call).json()["n"] == 4
    assert boards.times(4) == 2, "it began twice, and the first time came to nothing"
    assert (await boards.rows()).count(4) == 1


async def test_what_is_forged_or_recorded_is_not_executed(boards: Pair) -> None:
    """As somebody with the broker's password, and without the cluster's key."""
    await boards.asleep()
    call = await boards.asks("POST", "/add", json={"n": 6})
    id = json.loads(boards.sent(NOTE)[-1])["id"]
    answers = f"torpor/test/answers/barn/{id}"
    await boards.spy.publish(answers, b'HTTP/1.1 200 ~0\r\n\r\n{"n": 99}' + bytes(16), retain=True)
    boards.wake()
    assert (await call).json()["n"] == 6
    (genuine,) = boards.sent(b"keeper.add", b'{"n": 6'.replace(b'{"n": ', b"["))
    line, _, frame = genuine.partition(b"\n")
    other_id = line.replace(id.encode(), b"0" * 16)
    changed = frame.replace(b"[6", b"[7")
    for message in (genuine, other_id + b"\n" + frame, line + b"\n" + changed):
        await boards.spy.publish(IN, message)
    await boards.asleep()
    await boards.spy.publish(IN, genuine)
    rows = await boards.rows()
    assert (rows.count(6), rows.count(7), boards.times(6)) == (1, 0, 1)


async def test_a_broker_that_is_killed_loses_no_call(boards: Pair) -> None:
    await boards.asleep()
    call = await boards.asks("POST", "/add", json={"n": 5})
    boards.broker.kill()
    boards.broker.start()
    boards.wake()
    assert (await call).json()["n"] == 5
    assert (await boards.rows()).count(5) == 1
