"""200 boards behind one gateway, each asleep 95 % of the time, 20 requests a second over all.

The boards are not MicroPython: two hundred of them, started ten times a second, need more than the
two cores of a usual CI machine. They are clients that speak a board's side of docs/gateway.md. The
gateway and the broker are the real ones, in processes of their own.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections import Counter
from pathlib import Path

import aiomqtt
import httpx
import psutil
import pytest

from tests.helpers.brokers import LOGIN, Broker
from tests.helpers.running import write_cluster
from tests.helpers.storm import GatewayProcess

pytestmark = pytest.mark.soak

BOARDS = 200
PERIOD_S = 20.0  # of which a board is awake for a second
AWAKE_S = 1.0
RATE = 20  # requests a second
SECONDS = 120
SOURCE = """
from torpor import Service, post


class Items(Service):
    @post("/items")
    async def add(self, n: int) -> dict:
        return {"n": n}
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Sleeper:
    """A board's side of the wire. ``executed`` counts requests, ``known`` is its window."""

    def __init__(self, name: str, broker: Broker, executed: Counter[int]) -> None:
        self.name = name
        self._broker = broker
        self._executed = executed
        self._known: dict[str, bytes] = {}
        self.base = f"torpor/test/{name}"

    async def run(self) -> None:
        await asyncio.sleep(random.uniform(0, PERIOD_S))
        while True:
            await self._wake()
            await asyncio.sleep(PERIOD_S - AWAKE_S)

    async def _wake(self) -> None:
        async with aiomqtt.Client(
            "127.0.0.1",
            self._broker.port,
            identifier=f"torpor-test-{self.name}",
            username=LOGIN["user"],
            password=LOGIN["password"],
            clean_session=False,
            max_queued_outgoing_messages=1000,
        ) as client:
            await client.subscribe(f"{self.base}/in", 1)
            # No address: what comes is to be parked, as if the board were always about to sleep.
            await self._say(client, {"state": "lost"})
            mark = secrets.token_hex(8).encode()
            await client.publish(f"{self.base}/in", mark, 1)
            try:
                async with asyncio.timeout(AWAKE_S):
                    async for message in client.messages:
                        await self._take(client, bytes(message.payload), mark)
            except TimeoutError:
                pass
            await self._say(client, {"state": "asleep", "ms": int(1000 * PERIOD_S)})

    async def _say(self, client: aiomqtt.Client, told: dict[str, object]) -> None:
        await client.publish(f"{self.base}/status", json.dumps(told), 1, retain=True)

    async def _take(self, client: aiomqtt.Client, payload: bytes, mark: bytes) -> None:
        line, _, request = payload.partition(b"\n")
        if not request:
            return
        envelope = json.loads(line)
        id = envelope["id"]
        if id not in self._known:
            body = request.partition(b"\r\n\r\n")[2]
            self._executed[json.loads(body)["n"]] += 1
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
            self._known[id] = head.encode() + body
        await client.publish(envelope["reply"], self._known[id], 1, retain=True)


async def test_a_fleet(tmp_path: Path) -> None:
    broker = Broker("nats", tmp_path / "broker")
    names = [f"b{n}" for n in range(BOARDS)]
    _write(tmp_path, broker, names)
    broker.start()
    gateway = GatewayProcess(tmp_path)
    gateway.start()
    executed: Counter[int] = Counter()
    boards = [Sleeper(name, broker, executed) for name in names]
    tasks = [asyncio.create_task(board.run()) for board in boards]
    try:
        url = f"http://127.0.0.1:{gateway.port}"
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(
            base_url=url, limits=limits, timeout=150, trust_env=False
        ) as http:
            await _all_known(http)
            memory: list[float] = []
            answers = await _load(http, names, psutil.Process(gateway.pid), memory)
    finally:
        for task in tasks:
            task.cancel()
        gateway.kill()
        broker.stop()
    print("gateway MB:", [round(each, 1) for each in memory])
    count = RATE * SECONDS
    assert [n for n in range(count) if answers.get(n) != {"n": n}] == []
    assert [n for n in range(count) if executed[n] != 1] == []
    half = len(memory) // 2
    assert max(memory[half:]) < 1.25 * max(memory[:half])


def _write(root: Path, broker: Broker, names: list[str]) -> None:
    write_cluster(root, {"items": SOURCE}, "ESP32_GENERIC")
    lines = ["[cluster]", 'name = "test"', "[mailbox]", f'url = "{broker.where.url}"']
    for name in names:
        lines += [f"[boards.{name}]", 'type = "ESP32_GENERIC"', 'services = ["items"]']
        lines += ["mailbox = true"]
    lines += ["[services.items]", "port = 8001"]
    (root / "cluster.toml").write_text("\n".join(lines) + "\n")
    login = "".join(f'{key} = "{value}"\n' for key, value in LOGIN.items())
    (root / "secrets.toml").write_text(f"[mailbox]\n{login}")


async def _all_known(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(90):
        while True:
            try:
                if len((await http.get("/~gateway")).json()["boards"]) == BOARDS:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.3)


async def _load(
    http: httpx.AsyncClient, names: list[str], process: psutil.Process, memory: list[float]
) -> dict[int, object]:
    """Post at the rate; the answers. ``memory`` gets the gateway's MB every few seconds."""
    answers: dict[int, object] = {}

    async def post(n: int) -> None:
        headers = {"Torpor-Board": random.choice(names), "Idempotency-Key": f"key-{n}"}
        answer = await http.post("/items", json={"n": n}, headers=headers)
        answers[n] = answer.json() if answer.status_code == 200 else answer.status_code

    begun = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as work:
        for n in range(RATE * SECONDS):
            work.create_task(post(n))
            if n % (5 * RATE) == 0:
                memory.append(process.memory_info().rss / 1e6)
            ahead = begun + (n + 1) / RATE - asyncio.get_running_loop().time()
            await asyncio.sleep(max(0, ahead))
    memory.append(process.memory_info().rss / 1e6)
    return answers
