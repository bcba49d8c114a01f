"""Mutated requests over contract routes, a Microdot application and the gateway.

None may end in a 5xx of a contract route, in a traceback, in the loss of the board or of one of
its places for connections. ``make test`` runs a short slice, ``make soak`` 100,000. What has
failed once is a line of ``seeds/fuzz.txt`` and comes first in both.
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
CLIENTS = 2  # at once: three have a slot, and there is 503 when all are taken
BATCH = 250  # attempts between two looks at the log
AWAKE = 'policy = "deep"\nlinger_ms = 3600000\nwake_every = "1h"'  # with a mailbox, and awake
REFUSALS = (501, 505)  # of a Transfer-Encoding and of a version that is not supported
IDLE_S = 0.05  # the gateway waits for more: the client has nothing, and leaves

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
    """A board with both services, and the gateway in front of it."""
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
    """Sends attempts and collects what is wrong."""

    def __init__(self, box: Mail) -> None:
        self.box = box
        place = box.board.place
        self.addresses = {
            "contract": (place.address, place.ports[8001]),
            "application": (place.address, place.ports[8002]),
            "gateway": ("127.0.0.1", box.gateway.ports[8001]),
        }
        self.wrong: list[str] = []
        self.statuses: dict[str, dict[int, int]] = {target: {} for target in CORPUS}
        self._read = len(box.board.log)

    async def run(self, attempts: Sequence[Attempt]) -> None:
        """Make the attempts, and fail with what was wrong."""
        for at in range(0, len(attempts), BATCH):
            batch = attempts[at : at + BATCH]
            queue = list(reversed(batch))
            await asyncio.gather(*(self._work(queue) for _ in range(CLIENTS)))
            await self._usable(batch[-1])
            if noise := self._errors():
                self.wrong.append(await self._narrow(batch) + "\n" + noise)
            if self.box.board.starts != 1:
                self.wrong.append(f"{batch[0].name} to {batch[-1].name}: the board has restarted")
            assert not self.wrong, "\n".join([f"to {SEEDS.name} belongs:", *self.wrong])

    async def _work(self, queue: list[Attempt]) -> None:
        while queue:
            await self._make(queue.pop())

    async def _make(self, attempt: Attempt) -> None:
        target = attempt.name.split()[0]
        async with asyncio.timeout(60):
            data = await self._exchange(target, attempt)
        for found in re.findall(rb"HTTP/1\.[01] (\d\d\d) [A-Z]", data):
            status = int(found)
            counts = self.statuses[target]
            counts[status] = counts.get(status, 0) + 1
            late = status == 504 and b"/~requests/" in b"".join(attempt.pieces)  # says the gateway
            if status >= 500 and status not in REFUSALS and not late:
                self.wrong.append(_shown(attempt, str(status), data))
        if data and not data.startswith(b"HTTP/1."):
            self.wrong.append(_shown(attempt, "not HTTP", data))

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
            elif target == "gateway":  # which considers a client gone that has shut its side
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
        """The gateway answers, and the board has all its slots for clients.

        A connection that is being closed still has its place for a moment, so it is asked again.
        """
        answer = ""
        for _ in range(50):
            answer = await self._three_clients() or await self._through_the_gateway()
            if not answer:
                return
            await asyncio.sleep(0.1)
        self.wrong.append(f"after {last.name}: {answer}")

    async def _three_clients(self) -> str:
        """Keep three connections, as many as there are slots. Return what is wrong, or ""."""
        kept: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        try:
            async with asyncio.timeout(30):
                for _ in range(3):
                    kept.append(await asyncio.open_connection(*self.addresses["contract"]))
                    await _ask(*kept[-1])
                for each in kept:
                    await _ask(*each)
        except (OSError, EOFError, TimeoutError) as error:
            return f"of three clients one has no place: {error!r}"
        finally:
            for _, writer in kept:
                writer.close()
        return ""

    async def _through_the_gateway(self) -> str:
        reader, writer = await asyncio.open_connection(*self.addresses["gateway"])
        try:
            async with asyncio.timeout(30):
                await _ask(reader, writer)
        except (OSError, EOFError, TimeoutError) as error:
            return f"the gateway does not answer: {error!r}"
        finally:
            writer.close()
        return ""

    def _errors(self) -> str:
        lines = [str(line) for line in list(self.box.board.log)[self._read :]]
        self._read = len(self.box.board.log)
        bad = [n for n, line in enumerate(lines) if "ERROR" in line or "Traceback" in line]
        return "\n".join(lines[bad[0] : bad[0] + 40]) if bad else ""

    async def _narrow(self, batch: Sequence[Attempt]) -> str:
        """The attempts of the batch that write errors into the log when repeated one by one."""
        guilty = []
        for each in batch:
            await self._make(each)
            await asyncio.sleep(0.05)
            if self._errors():
                guilty.append(_shown(each, "an error in the log"))
        return "\n".join(guilty) or f"{batch[0].name} to {batch[-1].name}, not one by one"


def _shown(attempt: Attempt, problem: str, answer: bytes = b"") -> str:
    """The line for the file of what has failed, with what was wrong as a comment."""
    line = f"{attempt.name.split()[0]} {b''.join(attempt.pieces)!r}"
    return f"# {attempt.name}: {problem} {answer[:300]!r}\n{line}"


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Make a plain request. Raises if it is not answered as such."""
    writer.write(b"GET /list HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await reader.readuntil(b"[1,2,3]")
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise ConnectionError(answer)


def _kept() -> list[Attempt]:
    """Requests that failed once, as sent: seeds would mean something else in a new corpus."""
    attempts = []
    for number, line in enumerate(SEEDS.read_text().splitlines(), 1):
        target, _, data = line.partition(" ")
        if target in CORPUS:
            attempts.append(Attempt(f"{target} {SEEDS.name} {number}", [literal_eval(data)], False))
    return attempts


async def fuzz(
    box: Mail, seed: int, counts: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    """Make ``counts`` attempts at each target, after those that are kept."""
    caplog.set_level(logging.ERROR)
    run = Fuzz(box)
    await run.run(_kept())
    for target, count in counts.items():
        await run.run([attempt(target, CORPUS[target], seed, n) for n in range(count)])
        print(target, count, dict(sorted(run.statuses[target].items())))
    assert not [record.getMessage() for record in caplog.records if record.exc_info]
    assert box.gateway.parked.boards["box"].state == "awake"


async def test_a_short_slice(box: Mail, caplog: pytest.LogCaptureFixture) -> None:
    seed = int(os.environ.get("TORPOR_FUZZ_SEED", "1"))
    await fuzz(box, seed, {"contract": 900, "application": 800, "gateway": 300}, caplog)


@pytest.mark.soak
async def test_a_hundred_thousand(box: Mail, caplog: pytest.LogCaptureFixture) -> None:
    seed = int(os.environ.get("TORPOR_FUZZ_SEED", "0")) or random.randrange(1 << 32)
    print(f"TORPOR_FUZZ_SEED={seed}")
    counts = {"contract": 45_000, "application": 35_000, "gateway": 20_000}
    await fuzz(box, seed, counts, caplog)
