"""The gateway's shortcut, between real sockets: a client's and those of a board that is played."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from torpor_tools.config.mailbox import from_url
from torpor_tools.gateway import shortcut
from torpor_tools.gateway.app import App, Home
from torpor_tools.gateway.broker import Broker
from torpor_tools.gateway.message import Topics
from torpor_tools.gateway.parked import Parked
from torpor_tools.gateway.shortcut import Head, Shortcut, answer_head, usual

GET = b"GET /items HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nX-Own: a\r\nContent-Length:   2\r\n\r\n"
GOT = b"HTTP/1.1 200 OK\r\nx-own: a\r\ncontent-length: 2\r\n\r\n"

Play = Callable[["Board", int, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# What is usual


def test_what_the_board_gets() -> None:
    head = b"GET /a?b=c HTTP/1.1\r\nHost: shed.local\r\nConnection: keep-alive\r\nX-A: b\r\n\r\n"
    request = usual(head)
    assert request
    assert request.data == b"GET /a?b=c HTTP/1.1\r\nhost: shed.local\r\nx-a: b\r\n\r\n"
    assert request.named == {"shed"}


@pytest.mark.parametrize(
    "data",
    [
        GET[:-2],
        GET + GET,
        GET + b"G",
        GET.replace(b"GET", b"HEAD"),
        GET.replace(b"GET", b"POST"),
        GET.replace(b"1.1", b"1.0"),
        GET.replace(b"/items", b"/~gateway"),
        GET.replace(b"/items", b"/openapi.json"),
        GET.replace(b"/items", b"http://x/items"),
        GET.replace(b"Host", b"Prefer: wait=1\r\nHost"),
        GET.replace(b"Host", b"Idempotency-Key: 1\r\nHost"),
        GET.replace(b"Host", b"Connection: close\r\nHost"),
        GET.replace(b"Host", b"Connection: upgrade\r\nUpgrade: websocket\r\nHost"),
        GET.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\nhi"),
        GET.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        b"nonsense",
        b"",
    ],
)
def test_what_is_not_usual(data: bytes) -> None:
    assert usual(data) is None


def test_heads_of_answers() -> None:
    assert answer_head(OK) == Head(GOT, 2)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK.replace(b"X-Own: a", b"Connection: close"),
        OK.replace(b"X-Own: a", b"Connection: close").replace(b"  2", b"  0"),
        OK.replace(b"X-Own: a", b"Content-Length: 3"),
        OK.replace(b"1.1", b"1.0"),
        b"nonsense\r\n\r\n",
    ],
)
def test_heads_that_are_not_passed_on(head: bytes) -> None:
    assert answer_head(head) is None


# Between sockets


async def answers(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"%02d" % number)


class Board:
    """Answers the nth request with ``play(board, n, writer)``; ``seen``: the requests."""

    def __init__(self, play: Play = answers) -> None:
        self.play = play
        self.seen: list[bytes] = []
        self.connections = 0
        self.closed = asyncio.Event()
        self.go = asyncio.Event()
        self.sent = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, length, rest = head.partition(b"content-length: ")
                body = await reader.readexactly(int(rest.partition(b"\r\n")[0])) if length else b""
                self.seen.append(head + body)
                await self.play(self, len(self.seen), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.closed.set()
            writer.close()


class Client:
    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def answer(self, data: bytes = b"") -> bytes:
        """Send ``data``, and read an answer with a length."""
        self.writer.write(data)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head + await self.reader.readexactly(length)


@asynccontextmanager
async def between(board: Board, **more: Any) -> AsyncIterator[Client]:
    """A client whose first GET was answered, so that a connection to the board is kept."""
    played = await asyncio.start_server(board.serve, "127.0.0.1", 0)
    place = played.sockets[0].getsockname()
    broker = Broker(from_url("mqtt://localhost"), {}, [], lambda topic, payload: None)
    homes: dict[int, list[Home]] = {}
    app = App(homes, Parked(), broker, Topics("x"), lambda home, host: place, 1, {"a": {}})
    config = uvicorn.Config(app, port=0, http=Shortcut, lifespan="off", ws="none", **more)
    config.log_level, config.server_header, config.date_header = "error", False, False
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    homes[port] = [Home("box", "items", 8001, "box.local", mailbox=False)]
    try:
        async with asyncio.timeout(30):
            client = await Client(port).open()
            assert await client.answer(GET) == GOT + b"01"
            yield client
    finally:
        server.should_exit = True
        await task
        played.close()


async def test_it_answers_as_the_ordinary_way() -> None:
    board = Board()
    async with between(board) as client:
        for n in range(2, 5):
            assert await client.answer(GET) == GOT + b"%02d" % n
        client.writer.write(GET[:10])  # comes in two pieces
        await client.writer.drain()
        await asyncio.sleep(0.05)
        assert await client.answer(GET[10:]) == GOT + b"05"
        post = b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
        assert await client.answer(post) == GOT + b"06"
        assert await client.answer(GET) == GOT + b"07"
    assert board.connections == 2  # the POST has one of its own
    assert board.seen[1] == board.seen[0]


async def test_requests_that_do_not_wait() -> None:
    board = Board()
    async with between(board) as client:
        client.writer.write(GET + GET + GET)
        for n in range(2, 5):
            assert await client.answer() == GOT + b"%02d" % n

        async def slowly(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
            await board.go.wait()
            await answers(board, number, writer)

        board.play = slowly
        client.writer.write(GET)
        await until(lambda: len(board.seen) == 5)
        client.writer.write(GET + b"GET /~gateway HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
        await client.writer.drain()
        await asyncio.sleep(0.05)
        board.go.set()
        assert await client.answer() == GOT + b"05"
        assert await client.answer() == GOT + b"06"
        assert b'"boards"' in await client.answer()
        assert await client.answer() == GOT + b"07"


async def test_a_kept_connection_that_the_board_has_closed() -> None:
    """It may close it just as the request is sent; a GET runs again, on another."""

    async def once(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 2:
            raise ConnectionError
        await answers(board, number, writer)

    board = Board(once)
    async with between(board) as client:
        assert await client.answer(GET) == GOT + b"03"
    assert board.connections == 2


@pytest.mark.parametrize("sent", [OK + b"0", OK, OK + b"0123"])
async def test_a_board_that_breaks_off(sent: bytes) -> None:
    """Or says more than it announced: the client must not take that for an answer."""

    async def breaks(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            return await answers(board, number, writer)
        writer.write(sent[: len(OK)])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(sent[len(OK) :])
        raise ConnectionError

    async with between(Board(breaks)) as client:
        client.writer.write(GET)
        told = await client.reader.read()
        assert len(told) < len(GOT) + 2
        assert GOT.startswith(told[: len(GOT)])


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
CHUNKED_GOT = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
NONE = b"HTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        (CHUNKED, CHUNKED_GOT),
        (NONE, NONE.replace(b"ETag", b"etag")),
        (OK.replace(b"X-Own: a", b"Connection: close") + b"02", GOT.replace(b"x-own: a\r\n", b"")),
    ],
)
async def test_answers_that_are_not_usual(sent: bytes, got: bytes) -> None:
    async def second(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number != 2:
            return await answers(board, number, writer)
        writer.write(sent[:40])
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(sent[40:])

    board = Board(second)
    async with between(board) as client:
        client.writer.write(GET)
        told = await client.reader.readexactly(len(got))
        assert told == got
        if got.startswith(GOT[:15]) and got.endswith(b"2\r\n\r\n"):
            assert await client.reader.readexactly(2) == b"02"
        assert await client.answer(GET) == GOT + b"03"


async def test_a_stream_without_an_end() -> None:
    """What has no length comes as it is sent, and ends with the board's connection."""

    async def streams(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            return await answers(board, number, writer)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await board.go.wait()
        raise ConnectionError

    board = Board(streams)
    async with between(board) as client:
        client.writer.write(GET)
        assert b"text/event-stream" in await client.reader.readuntil(b"\r\n\r\n")
        assert b"data: 1\n\n" in await client.reader.readuntil(b"1\n\n")
        board.go.set()
        assert (await client.reader.readuntil(b"0\r\n\r\n")).endswith(b"0\r\n\r\n")


async def test_a_client_that_goes_away() -> None:
    async def half(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"01"[: 2 if number == 1 else 1])

    board = Board(half)
    async with between(board) as client:
        client.writer.write(GET)
        await client.reader.readuntil(b"\r\n\r\n0")
        client.writer.close()
        await board.closed.wait()  # nobody must get the rest as an answer of theirs


async def test_a_client_that_reads_slowly() -> None:
    total = 40_000_000

    async def large(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            return await answers(board, number, writer)
        writer.write(OK.replace(b"  2", b"%d" % total))
        for _ in range(total // 100_000):
            writer.write(bytes(100_000))
            await writer.drain()
            board.sent += 100_000

    board = Board(large)
    async with between(board) as client:
        client.writer.write(GET)
        sent = -1
        while board.sent != sent or not sent:
            sent = board.sent
            await asyncio.sleep(0.2)
        assert sent < total  # the gateway does not hold what the client does not read
        assert len(await client.answer()) > total
        assert await client.answer(GET.replace(b"items", b"other"))


async def test_a_board_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            await answers(board, number, writer)

    monkeypatch.setattr(shortcut, "SILENT_S", 0.1)
    async with between(Board(silent), timeout_keep_alive=1) as client:
        told = await client.answer(GET)
        assert told.startswith(b"HTTP/1.1 502")
        assert b"says nothing" in told


async def test_a_connection_that_is_not_used_is_closed() -> None:
    async with between(Board(), timeout_keep_alive=1) as client:
        assert await client.answer(GET) == GOT + b"02"
        assert await client.reader.read() == b""


async def until(met: Callable[[], bool]) -> None:
    while not met():
        await asyncio.sleep(0.01)
