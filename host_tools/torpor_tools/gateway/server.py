"""Opens the gateway's ports and keeps its parts running."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..contracts.openapi import documents
from ..errors import Problem, UserError
from ..model.cluster import Mailbox
from ..model.plan import Plan
from . import message
from .app import App, Home, Resolve
from .broker import Broker
from .client import Client
from .message import Status, Topics
from .nats import NatsServer, is_needed
from .parked import Parked

_log = logging.getLogger("torpor.gateway")
_CLEAN_S = 30
_FINISH_S = 2.0  # for the responses that are on their way when the gateway stops


class Gateway:
    """``async with Gateway(plan, where, login, folder) as gateway``, and ``gateway.ports``.

    ``where``: the broker; if it is our own and does not run, it is started, and keeps what it has
    below ``folder``. ``bind``: the address to listen on. ``ports``: service's port -> ours
    (0: any free one), without it the same. ``wait_s``: how long a client waits that does not say.
    ``limit``: requests that may wait for a board. ``resolve``: where a board's service answers.
    """

    def __init__(
        self,
        plan: Plan,
        where: Mailbox,
        login: dict[str, str],
        folder: Path,
        *,
        bind: str = "0.0.0.0",
        ports: dict[int, int] | None = None,
        wait_s: float = 300,
        limit: int = 64,
        resolve: Resolve | None = None,
    ) -> None:
        self._where = where
        self._login = login
        self._folder = folder
        self._bind = bind
        self._wanted = ports
        self._wait_s = wait_s
        self._resolve = resolve or (lambda home, address: (address, home.port))
        self._topics = Topics(plan.cluster.name)
        self._homes = homes(plan)
        self._documents = documents(plan)
        self.parked = Parked(limit)
        self.broker = Broker(
            where, login, self._topics.heard, self._hear, self._topics.echo, self._caught_up
        )
        self._heard: set[str] = set()  # boards whose status has come over this connection
        self._fresh: dict[str, str] = {}  # board -> its newest session that was new to the broker
        self._sending: set[asyncio.Task[None]] = set()
        self.ports: dict[int, int] = {}  # service's port -> ours
        self._nats: NatsServer | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._app: App | None = None
        self._servers: list[asyncio.Server] = []
        self._clients: set[Client] = set()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def run(self) -> None:
        """Serve until this is cancelled."""
        await asyncio.gather(*self._tasks)

    async def _start(self) -> None:
        sockets = self._listen()
        if self._where.own:
            self._nats = NatsServer(self._where, self._login, self._folder)
            if is_needed(self._where):
                await self._nats.start()
                _log.info("nats-server started at %s", self._where.url)
        app = {ours: self._homes[port] for port, ours in self.ports.items()}
        self._app = App(
            app,
            self.parked,
            self.broker,
            self._topics,
            self._resolve,
            self._wait_s,
            self._documents,
        )
        self._tasks = [
            asyncio.create_task(self.broker.run()),
            asyncio.create_task(self._clean()),
        ]
        if self._nats:
            self._tasks.append(asyncio.create_task(self._nats.watch(self.broker.connected)))
        handle, loop = self._app.handle, asyncio.get_running_loop()
        for sock in sockets:
            server = await loop.create_server(lambda: Client(handle, self._clients), sock=sock)
            self._servers.append(server)

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        await self._finish_clients()
        for task in [*self._tasks, *self._sending]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._app:
            await self._app.aclose()
        if self._nats:
            self._nats.stop()

    async def _finish_clients(self) -> None:
        """Let the responses that are on their way come to their end."""
        for client in list(self._clients):
            client.finish()
        end = time.monotonic() + _FINISH_S
        while self._clients and time.monotonic() < end:
            await asyncio.sleep(0.02)
        for client in list(self._clients):
            client.cancel()

    def _listen(self) -> list[socket.socket]:
        """A socket for each service's port. Raises ``UserError`` with all that cannot be had."""
        sockets: list[socket.socket] = []
        problems: list[Problem] = []
        for port in sorted(self._homes):
            wanted = port if self._wanted is None else self._wanted.get(port, 0)
            # asyncio turns Nagle's algorithm off only where the protocol is named.
            sock = socket.socket(proto=socket.IPPROTO_TCP)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((self._bind, wanted))
                sock.listen(1024)
            except OSError as error:
                sock.close()
                what = f"port {wanted} at {self._bind} cannot be had: {error.strerror}"
                problems.append(Problem(None, what, "choose an address with --bind"))
                continue
            sockets.append(sock)
            self.ports[port] = sock.getsockname()[1]
        if problems:
            for sock in sockets:
                sock.close()
            raise UserError(problems)
        return sockets

    def _hear(self, topic: str, payload: bytes) -> None:
        """Something has come from the broker."""
        parts = topic.split("/")[2:]
        try:
            if parts[0] == "answers" and payload == message.ASKED:
                if board := self.parked.ask(parts[1]):
                    self._send_note(board, parts[1], held=False)
            elif parts[0] == "answers" and payload:
                self.parked.answered(parts[1], message.answer(payload))
            elif parts[0] == "keys" and payload:
                key = json.loads(payload)
                self.parked.keys.setdefault(parts[1], (str(key["request"]), float(key["until"])))
            elif parts[1:] == ["status"] and payload:
                self._hear_status(parts[0], message.status(payload, time.time()))
            elif parts[1:2] == ["dead"] and payload:
                letter = json.loads(payload.partition(b"\n")[0])
                _log.error("%s: request %s is dead: %s", parts[0], letter["id"], letter["error"])
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("nonsense under %s: %s", topic, error)

    def _hear_status(self, board: str, status: Status) -> None:
        is_known = board in self.parked.boards
        self.parked.boards[board] = status
        self._heard.add(board)
        if not status.fresh or status.fresh == self._fresh.get(board):
            return
        self._fresh[board] = status.fresh
        if is_known:
            self._lose(board)
        for id in self.parked.held(board):  # the notes of these are lost too
            self._send_note(board, id, held=True)

    def _caught_up(self, is_caught_up: bool) -> None:
        """A connection to the broker has begun, or all that the broker retains has come.

        A board's status is retained. A broker that has forgotten it has lost the board's session as
        well, and would drop every request that we publish for the board.
        """
        if is_caught_up:
            for board in set(self.parked.boards) - self._heard:
                del self.parked.boards[board]
                self._lose(board)
        self._heard = set()

    def _lose(self, board: str) -> None:
        count = self.parked.lose(board)
        what = "the broker at %s has lost its session of %s, and the requests that waited in it: %d"
        _log.error(what, self._where.url, board, count)

    def _send_note(self, board: str, id: str, *, held: bool) -> None:
        """Publish an envelope without a request, as soon as the broker takes it."""
        note = message.envelope(id, self._topics.answer(id), 0, "-", held=held)
        task = asyncio.create_task(self.broker.publish(self._topics.inbox(board), note))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _clean(self) -> None:
        """Have the broker forget old answers and keys. Never returns."""
        while True:
            await asyncio.sleep(_CLEAN_S)
            for id in list(self.parked.outdated()):
                await self.broker.publish(self._topics.answer(id), b"", retain=True)
                await self.broker.publish(self._topics.key(id), b"", retain=True)


def homes(plan: Plan) -> dict[int, Sequence[Home]]:
    """What answers at each port."""
    found: dict[int, list[Home]] = {}
    for board in plan.boards:
        for service in board.services:
            if service.port:
                home = Home(
                    board.name, service.name, service.port, board.host, board.mailbox is not None
                )
                found.setdefault(service.port, []).append(home)
    return dict(found)
