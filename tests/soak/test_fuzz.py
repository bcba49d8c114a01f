"""Mutated requests over contract routes, a Microdot application and the gateway.

No request may cause a 5xx of a contract route, a traceback, a restart of the board, or the loss of
a connection slot. ``make test`` sends 2,000 requests, ``make soak`` 100,000. Both begin with the
requests that have failed before, which are in ``seeds/fuzz.txt``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
import socket
import struct
from ast import literal_eval
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.helpers.brokers import Broker
from tests.helpers.fuzz import APPLICATION, CONTRACT, GATEWAY, Attempt, attempt
from tests.helpers.mail import Mail, write
from torpor_sim import Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.link import build

SEEDS = Path(__file__).with_name("seeds") / "fuzz.txt"
CORPUS = {"contract": CONTRACT, "application": APPLICATION, "gateway": GATEWAY}
BOARD = "RPI_PICO2_W"  # few slots and much heap: both services and the mailbox fit in 64 bits
CLIENTS = 2  # in parallel; the board has three slots, and responds 503 if all are taken
BATCH = 250  # attempts between two checks of the log
AWAKE = 'policy = "deep"\nlinger_ms = 3600000\nwake_every = "1h"'  # a mailbox, but always awake
REFUSALS = (501, 505)  # for an unsupported Transfer-Encoding or HTTP version
IDLE_S = 0.05  # the client's wait for a response of the gateway, which waits for more bytes

CONTRACT_SOURCE = """
from collections.abc import AsyncIterator

from torpor import Service, delete, get, post, put


class Items(Service):
    @get("/items/<name>")
    async def item(self, name: str, limit: int = 10) -> dict:
        return {"name": name, "limit": limit}

    @put("/items/<name>")
    async def put_item(self, name: str, value: float, on: bool = False) -> tuple[dict, int]:
        return {"name": name, "value": value, "on": on}, 201

    @delete("/items/<name>")
    async def drop(self, name: str) -> None:
        return None

    @get("/items/special/<n>/twice")
    async def twice(self, n: int) -> dict:
        return {"twice": n}

    @get("/flag/<on>")
    async def flag(self, on: bool) -> bool:
        return on

    @post("/tags")
    async def tags(
        self, tags: list[str], more: dict | None = None, note: str | None = None
    ) -> dict:
        return {"tags": tags, "more": more, "note": note}

    @post("/nested")
    async def nested(
        self, rows: list[dict[str, float | None]], more: dict[str, list[int]] | None = None
    ) -> dict:
        return {"rows": rows, "more": more}

    @post("/large")
    async def large(self, text: str) -> int:
        return len(text)

    @get("/list")
    async def listing(self) -> list[int]:
        return [1, 2, 3]

    @get("/lines.csv", content_type="text/csv")
    async def lines(self, count: int = 3) -> AsyncIterator[str]:
        for i in range(min(count, 20)):
            yield "line %d\\n" % i

    async def internal(self, n: int) -> int:
        return n
"""

# Like those of a careful author, its handlers answer invalid input with 400: Microdot itself would
# answer with 500 and log a traceback.
SITE_SOURCE = """
import asyncio

from microdot import Microdot, Request, Response, abort, send_file
from microdot.multipart import FormDataIter, FileUpload
from microdot.sse import with_sse
from microdot.websocket import WebSocketError, websocket_upgrade
from torpor import Service

Request.max_content_length = 64 * 1024
app = Microdot()


class Site(Service):
    app = app


@app.get("/")
async def index(request):
    return "hello"


@app.get("/users/<int:id>")
async def user(request, id):
    return {"id": id, "q": request.args.getlist("q") if request.args else [], "c": request.cookies}


@app.post("/json")
async def json_body(request):
    try:
        return {"json": request.json}
    except (ValueError, RuntimeError):
        abort(400)


@app.post("/form")
async def form(request):
    try:
        return {"form": sorted(request.form or {})}
    except ValueError:
        abort(400)


@app.post("/parts")
async def parts(request):
    sizes = {}
    try:
        async for name, value in FormDataIter(request):
            if isinstance(value, FileUpload):
                value = await value.read()
            sizes[name] = len(value)
    except ValueError:
        abort(400)
    return sizes


@app.post("/upload")
async def upload(request):
    size = 0
    while part := await request.stream.read(500):
        size += len(part)
    return {"size": size}


@app.get("/page")
async def page(request):
    return send_file("static/page.html")


@app.get("/lines")
async def lines(request):
    return ("line %d" % i for i in range(5))


@app.get("/events")
@with_sse
async def events(request, sse):
    for i in range(3):
        await sse.send({"n": i})
        await asyncio.sleep_ms(1)


@app.get("/own")
async def own(request):
    await request.sock[1].awrite(b"HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nown")
    return Response.already_handled


@app.get("/abort/<int:code>")
async def aborted(request, code):
    abort(code if 400 <= code < 500 else 400)


@app.get("/path/<path:path>")
async def path(request, path):
    return path


@app.get("/ws")
async def ws(request):
    ws = await websocket_upgrade(request)
    try:
        while True:
            await ws.send(await ws.receive())
    except (UnicodeError, WebSocketError, EOFError, OSError):
        return Response.already_handled


@app.errorhandler(400)
async def bad(request):
    return {"error": "bad request"}, 400
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def box(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mail]:
    """Yield a board with both services, and the gateway in front of it."""
    root = tmp_path_factory.mktemp("fuzz") / "cluster"
    broker = Broker("nats", root.parent / "broker")
    write(root, broker, source=CONTRACT_SOURCE, power=AWAKE)
    site = root / "services" / "site"
    (site / "static").mkdir(parents=True)
    (site / "__init__.py").write_text(SITE_SOURCE)
    (site / "static" / "page.html").write_text("<p>page</p>" * 300)
    toml = root / "cluster.toml"
    text = toml.read_text().replace('["items"]', '["items", "site"]')
    text = text.replace("ESP32_GENERIC", BOARD)
    toml.write_text(text + "\n[services.site]\nport = 8002\n")
    plan = load_plan(root)
    image = build(plan, "box", root / "build", types=False)
    broker.start()
    try:
        async with Simulator([image], ports="os", storage=root / "sim") as sim:
            running = Mail(plan, broker, sim)
            async with running.opened() as gateway:
                running.gateway = gateway
                await running.known("awake")
                yield running
    finally:
        broker.kill()


class Fuzz:
    """Sends attempts and collects failures."""

    def __init__(self, box: Mail) -> None:
        self.box = box
        place = box.board.place
        self.addresses = {
            "contract": (place.address, place.ports[8001]),
            "application": (place.address, place.ports[8002]),
            "gateway": ("127.0.0.1", box.gateway.ports[8001]),
        }
        self.failures: list[str] = []
        self.statuses: dict[str, dict[int, int]] = {target: {} for target in CORPUS}
        self._read = len(box.board.log)

    async def run(self, attempts: Sequence[Attempt]) -> None:
        """Make the attempts, and raise ``AssertionError`` with the failures."""
        for at in range(0, len(attempts), BATCH):
            batch = attempts[at : at + BATCH]
            queue = list(reversed(batch))
            await asyncio.gather(*(self._work(queue) for _ in range(CLIENTS)))
            await self._usable(batch[-1])
            if noise := self._errors():
                self.failures.append(await self._narrow(batch) + "\n" + noise)
            if self.box.board.starts != 1:
                self.failures.append(
                    f"{batch[0].name} to {batch[-1].name}: the board has restarted"
                )
            assert not self.failures, "\n".join([f"add to {SEEDS.name}:", *self.failures])

    async def _work(self, queue: list[Attempt]) -> None:
        while queue:
            await self._make(queue.pop())

    async def _make(self, attempt: Attempt) -> None:
        target = attempt.name.split()[0]
        async with asyncio.timeout(60):
            data = await self._exchange(target, attempt)
        for digits in re.findall(rb"HTTP/1\.[01] (\d\d\d) [A-Z]", data):
            status = int(digits)
            counts = self.statuses[target]
            counts[status] = counts.get(status, 0) + 1
            late = status == 504 and b"/~requests/" in b"".join(attempt.pieces)  # of the gateway
            if status >= 500 and status not in REFUSALS and not late:
                self.failures.append(_shown(attempt, str(status), data))
        if data and not data.startswith(b"HTTP/1."):
            self.failures.append(_shown(attempt, "not HTTP", data))

    async def _exchange(self, target: str, attempt: Attempt) -> bytes:
        reader, writer = await asyncio.open_connection(*self.addresses[target])
        data = b""
        with suppress(OSError):
            for piece in attempt.pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if attempt.leaves:
                linger = struct.pack("ii", 1, 0)  # a reset
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
            elif target == "gateway":  # it treats a half-closed connection as closed
                with suppress(TimeoutError):
                    while part := await asyncio.wait_for(reader.read(65536), IDLE_S):
                        data += part
            else:
                writer.write_eof()
                while part := await reader.read(65536):
                    data += part
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return data

    async def _usable(self, last: Attempt) -> None:
        """Check that the gateway responds, and that clients get all slots of the board.

        A connection that is being closed keeps its slot for a moment, so the check is repeated.
        """
        problem = ""
        for _ in range(50):
            problem = await self._three_clients() or await self._through_the_gateway()
            if not problem:
                return
            await asyncio.sleep(0.1)
        self.failures.append(f"after {last.name}: {problem}")

    async def _three_clients(self) -> str:
        """Use three connections, as many as there are slots; return the problem, or ""."""
        connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        try:
            async with asyncio.timeout(30):
                for _ in range(3):
                    connections.append(await asyncio.open_connection(*self.addresses["contract"]))
                    await _ask(*connections[-1])
                for connection in connections:
                    await _ask(*connection)
        except (OSError, EOFError, TimeoutError) as error:
            return f"one of three clients has no slot: {error!r}"
        finally:
            for _, writer in connections:
                writer.close()
        return ""

    async def _through_the_gateway(self) -> str:
        reader, writer = await asyncio.open_connection(*self.addresses["gateway"])
        try:
            async with asyncio.timeout(30):
                await _ask(reader, writer)
        except (OSError, EOFError, TimeoutError) as error:
            return f"the gateway does not respond: {error!r}"
        finally:
            writer.close()
        return ""

    def _errors(self) -> str:
        lines = [str(line) for line in list(self.box.board.log)[self._read :]]
        self._read = len(self.box.board.log)
        bad = [n for n, line in enumerate(lines) if "ERROR" in line or "Traceback" in line]
        return "\n".join(lines[bad[0] : bad[0] + 40]) if bad else ""

    async def _narrow(self, batch: Sequence[Attempt]) -> str:
        """Return the attempts of the batch that log errors when they are repeated one by one."""
        failing = []
        for each in batch:
            await self._make(each)
            await asyncio.sleep(0.05)
            if self._errors():
                failing.append(_shown(each, "an error in the log"))
        return "\n".join(failing) or f"{batch[0].name} to {batch[-1].name}, only together"


def _shown(attempt: Attempt, problem: str, response: bytes = b"") -> str:
    """Return the line for ``seeds/fuzz.txt``, with the problem as a comment."""
    line = f"{attempt.name.split()[0]} {b''.join(attempt.pieces)!r}"
    return f"# {attempt.name}: {problem} {response[:300]!r}\n{line}"


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Make a valid request. Raises ``ConnectionError`` if the status is not 200."""
    writer.write(b"GET /list HTTP/1.1\r\nHost: x\r\n\r\n")
    response = await reader.readuntil(b"[1,2,3]")
    if not response.startswith(b"HTTP/1.1 200 "):
        raise ConnectionError(response)


def _failed_before() -> list[Attempt]:
    """Return the requests that have failed before: as bytes, because a seed needs its corpus."""
    attempts = []
    for number, line in enumerate(SEEDS.read_text().splitlines(), 1):
        target, _, data = line.partition(" ")
        if target in CORPUS:
            attempts.append(Attempt(f"{target} {SEEDS.name} {number}", [literal_eval(data)], False))
    return attempts


async def fuzz(
    box: Mail, seed: int, counts: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    """Make ``counts`` attempts at each target, after the requests that have failed before."""
    caplog.set_level(logging.ERROR)
    run = Fuzz(box)
    await run.run(_failed_before())
    for target, count in counts.items():
        await run.run([attempt(target, CORPUS[target], seed, n) for n in range(count)])
        print(target, count, dict(sorted(run.statuses[target].items())))
    assert not [record.getMessage() for record in caplog.records if record.exc_info]
    assert box.gateway.parked.boards["box"].state == "awake"


async def test_2_000_mutated_requests_cause_no_failure(
    box: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    seed = int(os.environ.get("TORPOR_FUZZ_SEED", "1"))
    await fuzz(box, seed, {"contract": 900, "application": 800, "gateway": 300}, caplog)


@pytest.mark.soak
async def test_100_000_mutated_requests_cause_no_failure(
    box: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    seed = int(os.environ.get("TORPOR_FUZZ_SEED", "0")) or random.randrange(1 << 32)
    print(f"TORPOR_FUZZ_SEED={seed}")
    counts = {"contract": 45_000, "application": 35_000, "gateway": 20_000}
    await fuzz(box, seed, counts, caplog)
