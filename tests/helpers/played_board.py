"""A board that a test imitates with a TCP server, behind a gateway without a broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from torpor_tools.gateway.app import App
from torpor_tools.gateway.broker import Broker
from torpor_tools.gateway.client import ClientConnection as Connection
from torpor_tools.gateway.homes import Home
from torpor_tools.gateway.message import Status, Topics
from torpor_tools.gateway.parking_state import Parked
from torpor_tools.project.mailbox import from_url

GET = b"GET /items HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nX-Own: a\r\nContent-Length:   2\r\n\r\n"
GOT = b"HTTP/1.1 200 OK\r\nx-own: a\r\ncontent-length: 2\r\n\r\n"

Play = Callable[["Board", int, asyncio.StreamWriter], Awaitable[None]]


async def answers(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
    """Respond with the number of the request."""
    writer.write(OK + b"%02d" % number)


class Board:
    """A board that responds to its nth request with ``play(board, n, writer)``."""

    def __init__(self, play: Play = answers) -> None:
        self.play = play
        self.seen: list[bytes] = []
        self.connections = 0
        self.closed = asyncio.Event()
        self.go = asyncio.Event()
        self.sent = 0
        self.server: asyncio.Server
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, length, tail = head.partition(b"content-length: ")
                body = await reader.readexactly(int(tail.partition(b"\r\n")[0])) if length else b""
                self.seen.append(head + body)
                await self.play(self, len(self.seen), writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self.closed.set()
            writer.close()


class Client:
    """A connection to the gateway."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def open(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def answer(self, data: bytes = b"") -> bytes:
        """Send ``data``, and read a response with a length."""
        self.writer.write(data)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head + await self.reader.readexactly(length)

    async def all(self, data: bytes) -> bytes:
        """Send ``data``, and read until the gateway closes the connection."""
        self.writer.write(data)
        return await self.reader.read()


@asynccontextmanager
async def between(board: Board, *, mailbox: bool = False, **options: Any) -> AsyncIterator[Client]:
    """Yield a client whose first GET was answered, so that the gateway is connected to the board.

    With ``mailbox``, the gateway knows that the board is awake, and no broker can be reached.
    """
    played = board.server = await asyncio.start_server(board.serve, "127.0.0.1", 0)
    place = played.sockets[0].getsockname()
    broker = Broker(from_url("mqtt://localhost"), {}, [], lambda topic, payload: None)
    homes: dict[int, list[Home]] = {}
    parked = Parked()
    parked.boards["box"] = Status("awake")
    app = App(homes, parked, broker, Topics("x"), lambda home, host: place, 1, {"a": {}})
    clients: set[Connection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(app.handle, clients, **options), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    homes[port] = [Home("box", "items", 8001, "box.local", mailbox)]
    try:
        async with asyncio.timeout(30):
            client = await Client(port).open()
            assert await client.answer(GET) == GOT + b"01"
            yield client
    finally:
        server.close()
        for connection in list(clients):
            connection.cancel()
        await app.aclose()
        played.close()
