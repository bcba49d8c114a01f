"""200 boards behind one gateway, each asleep 95 % of the time, with 20 requests a second in total.

The boards do not run MicroPython, because starting ten of them a second needs more than the two
cores of a usual CI machine. They are clients that implement a board's side of
docs/internals/gateway.md. The gateway and the broker are the real ones, in separate processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest

from tests.helpers.brokers import LOGIN, Broker
from tests.helpers.running import write_cluster
from tests.helpers.storm import GatewayProcess

pytestmark = pytest.mark.soak

BOARDS = 200
PERIOD_S = 20.0  # a board is awake for one second of it
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


class Mqtt:
    """The part of MQTT 3.1.1 that a sleeper needs, over a stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._number = 0
        self.unsettled: dict[int, int] = {}  # packet id of a response -> that of its request

    def send(self, first: int, body: bytes) -> None:
        left, size = len(body), b""
        while True:
            left, digit = left >> 7, left & 127
            size += bytes([digit | 128 if left else digit])
            if not left:
                break
        self.writer.write(bytes([first]) + size + body)

    def connect(self, name: str) -> None:
        texts = (name, LOGIN["user"], LOGIN["password"])
        self.send(0x10, b"\0\4MQTT\4\xc0\0\x3c" + b"".join(map(_text, texts)))

    def subscribe(self, topic: str) -> None:
        self.send(0x82, b"\0\1" + _text(topic) + b"\1")

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, for_: int = 0) -> None:
        self._number = self._number % 60000 + 2
        self.unsettled[self._number] = for_
        number = self._number.to_bytes(2, "big")
        self.send(0x33 if retain else 0x32, _text(topic) + number + payload)

    async def packet(self) -> tuple[int, bytes]:
        first = (await self._reader.readexactly(1))[0]
        size = shift = 0
        while True:
            digit = (await self._reader.readexactly(1))[0]
            size |= (digit & 127) << shift
            shift += 7
            if not digit & 128:
                return first >> 4, await self._reader.readexactly(size)


def _text(text: str) -> bytes:
    return len(text.encode()).to_bytes(2, "big") + text.encode()


class Sleeper:
    """A board's side of the protocol. ``executed`` counts the executions of each request."""

    def __init__(self, name: str, broker: Broker, executed: Counter[int]) -> None:
        self.name = name
        self._broker = broker
        self._executed = executed
        self._known: dict[str, bytes] = {}  # request id -> response
        self._base = f"torpor/test/{name}"

    async def run(self) -> None:
        await asyncio.sleep(random.uniform(0, PERIOD_S))
        while True:
            with contextlib.suppress(OSError, EOFError):
                await self._wake()
            await asyncio.sleep(PERIOD_S - AWAKE_S)

    async def _wake(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._broker.port)
        mqtt = Mqtt(reader, writer)
        try:
            mqtt.connect(f"torpor-test-{self.name}")
            mqtt.subscribe(f"{self._base}/in")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AWAKE_S):
                    while True:
                        self._take(mqtt, *await mqtt.packet())
            message = {"state": "asleep", "ms": int(1000 * PERIOD_S)}
            mqtt.publish(f"{self._base}/status", json.dumps(message).encode(), retain=True)
            mqtt.send(0xE0, b"")
            await writer.drain()
        finally:
            writer.close()

    def _take(self, mqtt: Mqtt, kind: int, body: bytes) -> None:
        if kind == 4:
            request = mqtt.unsettled.pop(int.from_bytes(body, "big"), 0)
            if request:
                mqtt.send(0x40, request.to_bytes(2, "big"))
        if kind != 3:
            return
        end = 2 + int.from_bytes(body[:2], "big")
        number = int.from_bytes(body[end : end + 2], "big")
        line, _, request_text = body[end + 2 :].partition(b"\n")
        envelope = json.loads(line)
        id = envelope["id"]
        if id not in self._known:
            message = request_text.partition(b"\r\n\r\n")[2]
            self._executed[json.loads(message)["n"]] += 1
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(message)}\r\n\r\n"
            self._known[id] = head.encode() + message
        mqtt.publish(envelope["reply"], self._known[id], retain=True, for_=number)


async def test_every_request_to_a_fleet_is_executed_once(tmp_path: Path) -> None:
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
            responses = await _load(http, names, psutil.Process(gateway.pid), memory)
    finally:
        for task in tasks:
            task.cancel()
        gateway.kill()
        broker.stop()
    print("gateway MB:", [round(each, 1) for each in memory])
    count = RATE * SECONDS
    assert [n for n in range(count) if responses.get(n) != {"n": n}] == []
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
    """Post at ``RATE``; return the responses. ``memory`` gets the gateway's MB every 5 s."""
    responses: dict[int, object] = {}

    async def post(n: int) -> None:
        headers = {"Torpor-Board": random.choice(names), "Idempotency-Key": f"key-{n}"}
        response = await http.post("/items", json={"n": n}, headers=headers)
        responses[n] = response.json() if response.status_code == 200 else response.status_code

    started = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as work:
        for n in range(RATE * SECONDS):
            work.create_task(post(n))
            if n % (5 * RATE) == 0:
                memory.append(process.memory_info().rss / 1e6)
            delay = started + (n + 1) / RATE - asyncio.get_running_loop().time()
            await asyncio.sleep(max(0, delay))
    memory.append(process.memory_info().rss / 1e6)
    return responses
