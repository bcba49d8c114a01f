"""Requests to a board that mostly sleeps, while board, broker and gateways are killed.

A request is posted with an idempotency key and ``respond-async`` until a gateway answers 202: from
then on nobody sends it again, and it must get a response. Some are posted to both gateways, as by a
client that has not received the first response. The board's power is cut at random instants of a
wake, and right after the handler logs that it has begun or has written.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.helpers.brokers import Broker, reserved_port
from tests.helpers.cluster import ClusterBroker
from tests.helpers.ending import ending_with_us
from tests.helpers.mail import write
from torpor_sim import LogLine, SimBoard, Simulator
from torpor_tools.link import build

SOURCE = """
import asyncio

from torpor import Service, get, on_wake, post


class Items(Service):
    async def start(self) -> None:
        self._items = self.store.table("items")

    @post("/items")
    async def add(self, n: int) -> dict:
        self.log.info("begun %d", n)
        await asyncio.sleep_ms(15)
        key = await self._items.append({"n": n})
        self.log.info("wrote %d", n)
        await asyncio.sleep_ms(5)
        return {"n": n, "key": key}

    @on_wake(pin=4, level=0)
    async def opened(self) -> None:
        pass

    @get("/items")
    async def all(self) -> dict:
        found = {}
        async for key, row in self._items.scan():
            found[key] = row["n"]
        return found
"""
POWER = 'policy = "deep"\nlinger_ms = 100\nwake_every = "1h"'
KINDS = ("instant", "begun", "wrote", "sleep")
LIMITS = httpx.Limits(max_connections=None)


@dataclass
class Size:
    """The size of a storm.

    ``cuts``: how a wake may end, see ``Storm._wakes``. ``doubled``: one request in this many is
    posted to both gateways. ``calm_s``: a request without a response this long after the storm is
    lost.
    """

    requests: int
    wakes: int
    broker_kills: int = 0
    gateway_kills: int = 0
    cuts: tuple[str, ...] = KINDS
    doubled: int = 5
    calm_s: float = 40


@dataclass
class Ledger:
    """The outcome of the requests."""

    answers: dict[int, object] = field(default_factory=dict)  # request -> response
    rows: dict[str, int] = field(default_factory=dict)  # key -> request, as stored by the board
    wakes: int = 0
    cuts: int = 0
    broker_kills: int = 0
    gateway_kills: int = 0
    crashes: list[str] = field(default_factory=list)  # of the board's program
    # request -> the last status and body
    unanswered: dict[int, object] = field(default_factory=dict)

    def lost(self, requests: int) -> list[int]:
        """Return the requests that were accepted but got no response or had no effect."""
        stored = set(self.rows.values())
        return [n for n in range(requests) if n not in self.answers or n not in stored]

    def twice(self) -> list[int]:
        """Return the requests that were executed more than once."""
        return [n for n, times in Counter(self.rows.values()).items() if times > 1]

    def mixed_up(self) -> list[int]:
        """Return the requests whose response does not belong to their execution."""
        stored = {n: int(key) for key, n in self.rows.items()}
        return [n for n, a in self.answers.items() if a != {"n": n, "key": stored.get(n)}]


class GatewayProcess:
    """``torpor gateway`` in its own process."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.port, self._reserved = reserved_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        torpor = str(Path(sys.executable).with_name("torpor"))
        command = [torpor, "-C", str(self._root), "gateway", "--bind", "127.0.0.1"]
        with (self._root / f"gateway-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*ending_with_us(), *command, "--port-base", str(self.port)],
                stdout=log,
                stderr=log,
                env={**os.environ, "NO_COLOR": "1"},
            )

    def kill(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Kill it for the last time."""
        self.kill()
        self._reserved.close()

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid


class Storm:
    """All running parts. ``root``: an empty folder."""

    def __init__(self, root: Path, broker: Broker | ClusterBroker, size: Size, seed: int) -> None:
        self.size = size
        self.ledger = Ledger()
        self._root = root
        self._random = random.Random(seed)
        self._broker = broker
        self._gateways = [GatewayProcess(root), GatewayProcess(root)]
        self._board: SimBoard
        self._cut_at = ""  # the prefix of the log line after which the power is cut
        self._is_cut = False  # it has no power, so no pin wakes it
        self._heard = asyncio.Event()
        self._over = asyncio.Event()
        self._progress = asyncio.Condition()  # a wake began, or a request was accepted or answered
        self._waiting: set[int] = set()  # requests that were accepted and have no response
        self._http: httpx.AsyncClient

    async def run(self) -> Ledger:
        async with self._running(), asyncio.TaskGroup() as work:
            clients = [work.create_task(self._client(n)) for n in range(self.size.requests)]
            work.create_task(self._kill_broker())
            work.create_task(self._kill_gateways())
            await self._wakes()
            self._over.set()
            await self._notify()
            await self._settle(clients)
        return self.ledger

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        plan = write(self._root, self._broker, source=SOURCE, power=POWER)
        image = build(plan, "box", self._root / "build", types=False)
        self._broker.start()
        async with AsyncExitStack() as stack:
            stack.callback(self._broker.stop)
            for gateway in self._gateways:
                gateway.start()
                stack.callback(gateway.close)
            storage = self._root / "build" / "sim"
            sim = Simulator([image], ports="os", storage=storage, log=self._on_log)
            await stack.enter_async_context(sim)
            self._http = httpx.AsyncClient(trust_env=False, timeout=10, limits=LIMITS)
            await stack.enter_async_context(self._http)
            self._board = sim.board("box")
            self._board.inputs.pin(4, 1)
            await self._board.wait_trace("deepsleep")  # by then it has connected to the broker
            yield

    def _on_log(self, line: LogLine) -> None:
        if line.level in ("", "ERROR"):
            print(line, flush=True)
        if self._cut_at and line.text.startswith(self._cut_at):
            self._cut_at = ""
            self._heard.set()

    # The board

    async def _wakes(self) -> None:
        for _ in range(self.size.wakes):
            self.ledger.wakes += 1
            await self._notify()
            kind = await self._kind()
            mark = self._board.trace.mark()
            self._heard.clear()
            await self._wake(mark)
            if kind == "instant":
                await asyncio.sleep(self._random.uniform(0.02, 0.6))
            elif kind == "sleep":
                await self._asleep(mark, 8)
                continue
            else:
                self._cut_at = kind
                waits = [self._asleep(mark, 8), self._heard.wait()]
                tasks = [asyncio.ensure_future(each) for each in waits]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
                self._cut_at = ""
                if not self._heard.is_set():
                    continue
                await asyncio.sleep(self._random.uniform(0, 0.02))
            self.ledger.cuts += 1
            self._is_cut = True
            self._board.cut()

    async def _kind(self) -> str:
        """Choose the end of a wake.

        A handler cannot begin while no request waits, so wait until one does. If no more requests
        will come, choose another end.
        """
        kind = self._random.choice(self.size.cuts)
        if kind in ("begun", "wrote"):
            async with self._progress:
                await self._progress.wait_for(lambda: self._waiting or self._due <= self._done)
            if not self._waiting:
                return "instant"
        return kind

    @property
    def _due(self) -> int:
        """The number of requests due by this wake: all are due before the last tenth of wakes."""
        share = self.ledger.wakes / self.size.wakes / 0.9
        return min(self.size.requests, 1 + int(share * self.size.requests))

    @property
    def _done(self) -> int:
        return len(self.ledger.answers)

    async def _notify(self) -> None:
        async with self._progress:
            self._progress.notify_all()

    async def _wake(self, mark: int) -> None:
        """Wake the board by its pin if it sleeps; otherwise restart it."""
        asleep = self._board.trace[-1]["event"] == "deepsleep" and self._board.pid is None
        if self._is_cut or not asleep:
            self._is_cut = False
            self._board.kill()
            return
        # A board that went to sleep while the pin was low waits until it is high.
        for level in (0, 1) * 20:
            self._board.inputs.pin(4, level)
            with contextlib.suppress(TimeoutError):
                await self._board.wait_trace("boot", 0.5, since=mark)
                break
        self._board.inputs.pin(4, 1)

    async def _asleep(self, mark: int, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):  # it may wait for a broker that was killed
            await self._board.wait_trace("deepsleep", seconds, since=mark)

    async def _settle(self, clients: list[asyncio.Task[None]]) -> None:
        """Let the board work until all requests have a response, and read its rows."""
        try:
            async with asyncio.timeout(self.size.calm_s):
                while not all(client.done() for client in clients):
                    mark = self._board.trace.mark()
                    await self._wake(mark)
                    await self._asleep(mark, 8)
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pass
        for client in clients:
            client.cancel()
        self.ledger.crashes = [str(crash) for crash in self._board.crashes]
        self.ledger.rows = await self._stored()

    async def _stored(self) -> dict[str, int]:
        """Return the rows of the board; it may go to sleep before a connection arrives."""
        async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
            for _ in range(20):
                await self._board.reset()
                with contextlib.suppress(httpx.TransportError):
                    response = await http.get(self._board.place.url(8001) + "/items")
                    return dict(response.json())
        raise TimeoutError("the board goes to sleep each time before it responds")

    # Broker and gateways

    async def _kill_broker(self) -> None:
        for _ in range(self.size.broker_kills):
            await self._pause(self.size.broker_kills)
            self._broker.kill()
            await asyncio.sleep(self._random.uniform(0, 0.3))
            await asyncio.to_thread(self._broker.start)
            self.ledger.broker_kills += 1

    async def _kill_gateways(self) -> None:
        for n in range(self.size.gateway_kills):
            await self._pause(self.size.gateway_kills)
            gateway = self._gateways[n % 2]
            gateway.kill()
            gateway.start()
            self.ledger.gateway_kills += 1

    async def _pause(self, times: int) -> None:
        """Wait until the next of ``times`` kills, which are spread over all wakes."""
        wake = self.ledger.wakes + max(1, self.size.wakes // (times + 1))
        async with self._progress:
            await self._progress.wait_for(lambda: self.ledger.wakes >= wake or self._over.is_set())
        await asyncio.sleep(self._random.uniform(0, 0.3))

    # Clients

    async def _client(self, n: int) -> None:
        async with self._progress:
            await self._progress.wait_for(lambda: n < self._due)
        path, taker = await self._post(n, self._gateways)
        if n % self.size.doubled == 0:
            others = [gateway for gateway in self._gateways if gateway is not taker]
            path = (await self._post(n, others))[0] or path
        while path and n not in self.ledger.answers:
            await asyncio.sleep(self._random.uniform(0.1, 0.3))
            status, message = await self._ask(self._random.choice(self._gateways), "GET", path)
            self.ledger.unanswered[n] = (status, message)
            if status in (200, 500):
                self.ledger.answers[n] = message
                del self.ledger.unanswered[n]
        self._waiting.discard(n)
        await self._notify()

    async def _post(self, n: int, gateways: Sequence[GatewayProcess]) -> tuple[str, GatewayProcess]:
        """Send a request to one of the gateways.

        Returns:
            The path of its response, empty if that has arrived already, and the gateway.
        """
        while True:
            gateway = self._random.choice(gateways)
            status, message = await self._ask(gateway, "POST", "/items", n)
            if status == 202:
                self._waiting.add(n)
                await self._notify()
                return str(message), gateway
            if status == 200:
                self.ledger.answers[n] = message
                return "", gateway
            await asyncio.sleep(0.1)

    async def _ask(
        self, gateway: GatewayProcess, verb: str, path: str, n: int | None = None
    ) -> tuple[int, object]:
        headers = (
            {"Prefer": "respond-async", "Idempotency-Key": f"key-{n}"} if verb == "POST" else {}
        )
        try:
            response = await self._http.request(
                verb,
                f"http://127.0.0.1:{gateway.port}{path}",
                json=None if n is None else {"n": n},
                headers=headers,
            )
        except httpx.TransportError:
            return 0, None
        if response.status_code == 202:
            return 202, response.headers.get("location")
        return response.status_code, response.json()
