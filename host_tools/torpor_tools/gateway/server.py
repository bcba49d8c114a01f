"""Opens the gateway's ports and keeps its parts running."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from ..board.live.traces import Span, spans_of
from ..client.tools import Tools
from ..contracts.openapi import documents
from ..errors import Problem, UserError
from ..model.cluster import Mailbox
from ..model.plan import Plan
from ..project.secrets import cluster_keys
from . import message
from .app import App
from .broker import Broker
from .client import ClientConnection
from .events import Events
from .homes import Home, Resolve, homes
from .message import Status, Topics
from .nats import NatsServer, is_needed
from .parking_state import Parked
from .tracing import Tracer
from .update_couriers import Couriers

_log = logging.getLogger("torpor.gateway")
_CLEAN_S = 30
_FINISH_S = 2.0  # for the responses that are being sent when the gateway stops


class Gateway:
    """Serves a cluster's services over HTTP: ``async with Gateway(...) as gateway``.

    Args:
        plan: The cluster.
        where: The broker. If it belongs to this gateway and is not running, the gateway starts it.
        login: ``user``, ``password`` and, for ``mqtts``, ``ca`` (PEM), all optional.
        folder: Where the gateway's own broker stores its data.
        bind: The address to listen on.
        ports: Service's port -> our port (0: any free one). By default they are the same.
        wait_s: How long a client without ``Prefer: wait`` waits, in seconds.
        limit: How many requests may wait for a board.
        resolve: Returns the address and port of a service on a board that is awake.

    Attributes:
        ports: Service's port -> our port.
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
        self._plan = plan
        asked = plan.cluster.observe.traces
        self._tracer = Tracer(asked.otlp, self._spans) if asked else None
        self.parked = Parked(limit)
        self.events = Events()
        self._couriers = Couriers(plan, self._topics, self._send)
        topics = (*self._topics.subscriptions, *self._couriers.topics)
        self.broker = Broker(
            where, login, topics, self._receive, self._topics.echo, self._caught_up
        )
        self._reported: set[str] = set()  # boards whose status has come over this connection
        self._fresh: dict[str, str] = {}  # board -> its newest session that was new to the broker
        self._broken: dict[str, str] = {}  # board -> its last connection that broke off
        self._sending: set[asyncio.Task[None]] = set()
        self.ports: dict[int, int] = {}  # service's port -> ours
        self._nats: NatsServer | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._app: App | None = None
        self._servers: list[asyncio.Server] = []
        self._clients: set[ClientConnection] = set()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *raised: object) -> None:
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
            self._tracer,
            self.events,
        )
        self._tasks = [
            asyncio.create_task(self.broker.run()),
            asyncio.create_task(self._clean()),
        ]
        if self._tracer:
            self._tasks.append(asyncio.create_task(self._tracer.run()))
        if self._nats:
            self._tasks.append(asyncio.create_task(self._nats.watch(self.broker.connected)))
        handle, loop = self._app.handle, asyncio.get_running_loop()
        for sock in sockets:
            server = await loop.create_server(
                lambda: ClientConnection(handle, self._clients), sock=sock
            )
            self._servers.append(server)

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        await self._finish_clients()
        await self._couriers.stop()
        for task in [*self._tasks, *self._sending]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._app:
            await self._app.aclose()
        if self._nats:
            self._nats.stop()

    async def _finish_clients(self) -> None:
        """Wait for the responses that have begun, for up to ``_FINISH_S`` seconds."""
        for client in list(self._clients):
            client.finish()
        end = time.monotonic() + _FINISH_S
        while self._clients and time.monotonic() < end:
            await asyncio.sleep(0.02)
        for client in list(self._clients):
            client.cancel()

    def _listen(self) -> list[socket.socket]:
        """Open a socket for each service's port.

        Raises:
            UserError: Some ports are not available; it lists all of them.
        """
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
                what = f"port {wanted} at {self._bind} is not available: {error.strerror}"
                problems.append(Problem(None, what, "choose an address with --bind"))
                continue
            sockets.append(sock)
            self.ports[port] = sock.getsockname()[1]
        if problems:
            for sock in sockets:
                sock.close()
            raise UserError(problems)
        return sockets

    def _receive(self, topic: str, payload: bytes) -> None:
        """Handle a message from the broker."""
        parts = topic.split("/")[2:]
        try:
            if self._couriers.receive(parts, payload):
                return
            if parts[0] == "answers" and payload == message.ASKED:
                if board := self.parked.ask(parts[1]):
                    self._send_note(board, parts[1], held=False)
            elif parts[0] == "answers" and payload:
                self.parked.answered(parts[1], message.answer(payload))
            elif parts[0] == "keys" and payload:
                key = json.loads(payload)
                self.parked.keys.setdefault(parts[1], (str(key["request"]), float(key["until"])))
            elif parts[0] == "events":
                self.events.receive(parts[1], payload)
            elif parts[1:] == ["status"] and payload:
                self._hear_status(parts[0], message.status(payload, time.time()))
            elif parts[1:] == ["lost"] and payload:
                self._hear_lost(parts[0], payload.decode())
            elif parts[1:2] == ["dead"] and payload:
                letter = json.loads(payload.partition(b"\n")[0])
                _log.error("%s: request %s is dead: %s", parts[0], letter["id"], letter["error"])
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("the message under %s cannot be read: %s", topic, error)

    def _hear_status(self, board: str, status: Status) -> None:
        before = self.parked.boards.get(board)
        is_known = before is not None
        if status.connection and status.connection == self._broken.get(board):
            status = replace(status, state="lost", wakes_at=None)
        if before and not status.figures:
            status = replace(status, figures=before.figures, figures_at=before.figures_at)
        self.parked.boards[board] = status
        self._reported.add(board)
        self._couriers.receive_status(board, status)
        if not status.fresh or status.fresh == self._fresh.get(board):
            return
        self._fresh[board] = status.fresh
        if is_known:
            self._lose(board)
        for id in self.parked.held(board):  # their notes are lost too
            self._send_note(board, id, held=True)

    def _hear_lost(self, board: str, connection: str) -> None:
        """Note that a board's connection to the broker broke off.

        That may have happened before the board subscribed, or the message may come after the status
        of a later connection. So it changes the state only if the board's status is from the same
        connection.
        """
        self._broken[board] = connection
        status = self.parked.boards.get(board)
        if status and status.connection == connection:
            status = replace(status, state="lost", wakes_at=None)
            self.parked.boards[board] = status
            self._couriers.receive_status(board, status)

    def _caught_up(self, is_caught_up: bool) -> None:
        """Handle a new connection to the broker, or the end of its retained messages.

        A board's status is retained. A broker without it has also lost the board's session, and
        would drop every request that we publish for the board.

        Args:
            is_caught_up: Whether all retained messages have come.
        """
        if is_caught_up:
            for board in set(self.parked.boards) - self._reported:
                del self.parked.boards[board]
                self._lose(board)
        self._reported = set()
        self._couriers.caught_up(is_caught_up)

    def _lose(self, board: str) -> None:
        count = self.parked.lose(board)
        what = "the broker at %s has lost its session of %s, and the requests that waited in it: %d"
        _log.error(what, self._where.url, board, count)

    def _send_note(self, board: str, id: str, *, held: bool) -> None:
        """Publish an envelope without a request as soon as there is a connection."""
        note = message.envelope(id, self._topics.answer(id), 0, "-", held=held)
        self._send(self._topics.inbox(board), note)

    def _send(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publish a message as soon as there is a connection."""
        task = asyncio.create_task(self.broker.publish(topic, payload, retain=retain))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _spans(self) -> list[Span]:
        """The newest spans of the boards that are awake, if the project has the cluster's key."""
        plan = self._plan
        if not cluster_keys(plan.cluster.root):
            return []
        first = {home.board: home for homes in self._homes.values() for home in homes}
        found = await asyncio.gather(
            *(
                asyncio.to_thread(self._spans_of, first[b.name])
                for b in plan.boards
                if b.name in first
            )
        )
        return [span for spans in found for span in spans]

    def _spans_of(self, home: Home) -> list[Span]:
        board = self._plan.board(home.board)
        status = self.parked.boards.get(home.board)
        deep = board.power is not None and board.power.policy == "deep"
        if deep or (status and status.state != "awake"):
            return []  # a call would keep it awake
        host, port = self._resolve(home, status.address if status else home.host)
        try:
            with Tools(self._plan.cluster.root, board, f"{host}:{port}") as tools:
                return spans_of(board.name, tools.ask("trace"))
        except UserError:
            return []  # the trace has the gateway's own spans at least

    async def _clean(self) -> None:
        """Delete old answers and keys from the broker. Never returns."""
        while True:
            await asyncio.sleep(_CLEAN_S)
            for id in list(self.parked.outdated()):
                await self.broker.publish(self._topics.answer(id), b"", retain=True)
                await self.broker.publish(self._topics.key(id), b"", retain=True)
