"""The network between boards: every connection from one to another goes through here.

A ``Link`` joins two boards in both directions. It can be cut: all packets are then lost silently.
It can also be slow, or lose some packets, which TCP sends again after a while.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Iterable
from typing import Any, Protocol

from .ports import Place

_RESEND_S = 0.2  # until TCP sends a lost packet again (RFC 6298 and Linux: at least 200 ms)
_RESEND_MOST = 6


class _Board(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def place(self) -> Place: ...
    @property
    def hosts(self) -> list[str]: ...


class Link:
    """Joins two boards. ``latency_s`` is added each way, ``loss`` is a share of the packets."""

    def __init__(self) -> None:
        self.latency_s = 0.0
        self.loss = 0.0
        self._open = asyncio.Event()
        self._open.set()

    def cut(self) -> None:
        """Let no packet pass; packets sent meanwhile arrive when the link is healed."""
        self._open.clear()

    def heal(self) -> None:
        """Let everything pass at once again."""
        self.latency_s = self.loss = 0.0
        self._open.set()

    @property
    def is_plain(self) -> bool:
        return self._open.is_set() and not self.latency_s and not self.loss

    async def travel(self) -> None:
        """Return when a packet that is sent now has arrived."""
        delay = self.latency_s
        for attempt in range(_RESEND_MOST):
            if random.random() >= self.loss:
                break
            delay += _RESEND_S * 2**attempt
        if delay:
            await asyncio.sleep(delay)
        await self._open.wait()


class Links:
    """The links of all boards, and the sockets at which they begin.

    ``direct``: the boards connect to each other without this process.
    """

    def __init__(self, *, direct: bool) -> None:
        self._direct = direct
        self._links: dict[frozenset[str], Link] = {}
        self._off: dict[str, asyncio.Event] = {}  # boards without power, until they have it
        self._doors: dict[tuple[str, str, int], _Door] = {}  # from, to, port there

    def between(self, a: str, b: str) -> Link:
        """The link of two boards. Raises ``KeyError`` if there is none."""
        return self._links[frozenset((a, b))]

    def connect(self, boards: Iterable[_Board]) -> dict[str, dict[str, dict[str, Any]]]:
        """Join the boards; return the others' places for each: board -> host -> address, ports."""
        boards = tuple(boards)
        routes: dict[str, dict[str, dict[str, Any]]] = {board.name: {} for board in boards}
        wanted = set()
        for here in boards:
            for there in boards:
                if here.name == there.name:
                    continue
                ports = dict(there.place.ports)
                address = there.place.address
                if not self._direct:
                    link = self._links.setdefault(frozenset((here.name, there.name)), Link())
                    for port in ports:
                        wanted.add((here.name, there.name, port))
                        ports[port] = self._door(here.name, there, port, link)
                    address = "127.0.0.1"
                route = {"address": address, "ports": {str(k): v for k, v in ports.items()}}
                for host in there.hosts:
                    routes[here.name].setdefault(host, route)
        for key in self._doors.keys() - wanted:
            self._doors.pop(key).close()
        return routes

    def power_off(self, board: str) -> None:
        """Lose the packets to a board, which has lost its power and sends none."""
        self._off.setdefault(board, asyncio.Event())

    def power_on(self, board: str) -> None:
        """Carry packets to a board again; it no longer knows its old connections."""
        if board in self._off:
            self._off.pop(board).set()

    async def wait_for_power(self, board: str) -> bool:
        """Return when the board has power: True if it was on, False after a wait."""
        off = self._off.get(board)
        if off is None:
            return True
        await off.wait()
        return False

    def close(self) -> None:
        """End all connections."""
        for door in self._doors.values():
            door.close()
        self._doors.clear()

    def _door(self, here: str, there: _Board, port: int, link: Link) -> int:
        key = (here, there.name, port)
        target = (there.place.address, there.place.ports[port])
        if key in self._doors and self._doors[key].target != target:
            self._doors.pop(key).close()
        if key not in self._doors:
            self._doors[key] = _Door(self, link, there.name, target)
        return self._doors[key].port


class _Door:
    """A socket of this computer that stands for a port of another board."""

    def __init__(self, links: Links, link: Link, board: str, target: tuple[str, int]) -> None:
        self._links = links
        self._link = link
        self._board = board
        self.target = target
        self._tasks: set[asyncio.Task[None]] = set()
        self._sock = socket.create_server(("127.0.0.1", 0))
        self._sock.setblocking(False)
        self.port: int = self._sock.getsockname()[1]
        self._start(self._accept())

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._sock.close()

    def _start(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self._sock)
            self._start(self._carry(client))

    async def _carry(self, client: socket.socket) -> None:
        """Move the bytes of one connection until it ends."""
        loop = asyncio.get_running_loop()
        server = socket.socket()
        try:
            for sock in (client, server):
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._link.travel()
            await self._links.wait_for_power(self._board)
            await loop.sock_connect(server, self.target)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(client, server))
                both.create_task(self._pump(server, client))
        except* OSError:
            pass
        finally:
            client.close()
            server.close()

    async def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        """Move bytes in one direction. At its end ``OSError`` is raised, which ends both."""
        loop = asyncio.get_running_loop()
        while True:
            data = await loop.sock_recv(source, 65536)
            if not self._link.is_plain:
                await self._link.travel()
            # A board without power neither sends nor receives, and forgets its connections.
            if not await self._links.wait_for_power(self._board):
                raise ConnectionResetError
            if not data:
                raise ConnectionResetError
            await loop.sock_sendall(sink, data)
