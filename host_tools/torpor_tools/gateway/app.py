"""Handles the requests to every service's port.

Start reading at ``App.handle``, which finds the board. ``_pass_on`` is for a board that is awake,
``_park`` for one that sleeps.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from ..board.live.figures import TYPE
from . import message
from .broker import Broker
from .client import Request
from .direct import Address, Answering, Direct, NotReachedError
from .events import TYPE as TYPE_OF_EVENTS
from .events import Events
from .figures import figures_of
from .message import Header, Topics
from .parked import LostError, Parked
from .response import RefusedError, Response, has_length
from .tracing import Tracer

Resolve = Callable[["Home", str], tuple[str, int]]

_ASYNC_S = 86_400  # how long a request may wait after its client is gone
_SECONDS_DIGITS = 12  # of the longest time that a client may request
_LATE_S = 60  # extra time for an answer that is being sent at the deadline


@dataclass(frozen=True)
class Home:
    """A service on a board. ``host`` is the board's name or address in cluster.toml."""

    board: str
    service: str
    port: int
    host: str
    mailbox: bool
    events: tuple[str, ...] = ()  # that the service offers


@dataclass(frozen=True)
class Wishes:
    """``Prefer`` (RFC 7240): ``respond-async`` and ``wait`` in seconds."""

    respond_async: bool = False
    wait: float | None = None

    @classmethod
    def of(cls, headers: Sequence[Header]) -> Wishes:
        """Read the headers of a request."""
        text = b",".join(v for n, v in headers if n == b"prefer").decode("latin-1").lower()
        parts = [part.strip() for part in text.replace(";", ",").split(",")]
        waits = [p[5:].strip('"') for p in parts if p.startswith("wait=")]
        wait = float(waits[0]) if waits and _is_number(waits[0]) else None
        return cls("respond-async" in parts, wait)


def _is_number(text: str) -> bool:
    """Return whether ``text`` is a number of seconds. ``"³".isdigit()`` is true as well."""
    return text.isascii() and text.isdigit() and len(text) <= _SECONDS_DIGITS


class App:
    """Answers requests.

    Args:
        homes: Our port -> the services there.
        parked: The requests that wait, and the answers.
        broker: The connection to the broker.
        topics: The cluster's topics.
        resolve: Returns the address and port of a service on a board that is awake.
        wait_s: How long a client without ``Prefer: wait`` waits, in seconds.
        documents: Service -> its OpenAPI document, which boards do not have.
        tracer: Traces the requests, if the cluster has ``[traces]``.
        events: The clients that listen to events.
    """

    def __init__(
        self,
        homes: Mapping[int, Sequence[Home]],
        parked: Parked,
        broker: Broker,
        topics: Topics,
        resolve: Resolve,
        wait_s: float,
        documents: Mapping[str, dict[str, Any]],
        tracer: Tracer | None = None,
        events: Events | None = None,
    ) -> None:
        self._tracer = tracer
        self._documents = documents
        self._events = events or Events()
        self._homes = homes
        self._parked = parked
        self._broker = broker
        self._topics = topics
        self._resolve = resolve
        self._wait_s = wait_s
        self._direct = Direct()

    async def aclose(self) -> None:
        await self._direct.aclose()

    async def handle(self, request: Request, response: Response) -> None:
        """Answer a request.

        Raises:
            RefusedError: The gateway answers instead of the board.
            BrokeOffError: The board ended its response too early.
        """
        path = request.path
        if path == b"/~events" and not self._events_are_elsewhere(request):
            await self._stream_events(request, response)
            return
        if path.startswith(b"/~") and path != b"/~events":
            await self._ours(request, path.decode("latin-1"), response)
            return
        home = self._home(request)
        document = self._documents.get(home.service)
        # A route of that path belongs to the service.
        if path == b"/openapi.json" and document and "/openapi.json" not in document["paths"]:
            await response.send_json(200, document)
            return
        if self._tracer is None:
            await self._pass_or_park(home, request, response)
            return
        request, span = self._tracer.begin(request, home.service)
        status = 499  # if nothing is sent: the client is gone
        try:
            await self._pass_or_park(home, request, response)
        except RefusedError as error:
            status = error.status
            raise
        finally:
            if span:
                self._tracer.end(span, response.status or status)

    async def _pass_or_park(self, home: Home, request: Request, response: Response) -> None:
        key = request.header(b"idempotency-key")
        if key == b"":  # all requests with it would count as one
            raise RefusedError(400, "Idempotency-Key is empty")
        wishes = Wishes.of(request.headers)
        address = self._address(home)
        # Only requests through the mailbox are executed exactly once.
        if address and not (home.mailbox and (key or wishes.respond_async)):
            try:
                answer = await self._direct.request(
                    address, request.verb, request.target, request.headers, request.body
                )
                await self._pass_on(answer, response)
                return
            except NotReachedError as error:
                if not home.mailbox:
                    raise RefusedError(502, f"{home.board} cannot be reached: {error}") from None
        await self._park(home, request, key, wishes, response)

    def _home(self, request: Request) -> Home:
        """Return the board that a request is for: the only one, or the one that it names."""
        homes = self._homes[request.port]
        boards = ", ".join(home.board for home in homes)
        name = request.header(b"torpor-board")
        if name is not None:
            for home in homes:
                if home.board.encode() == name:
                    return home
            text = f"no board {name.decode('latin-1')} answers at this port: {boards}"
            raise RefusedError(404, text)
        host = message.first_label(request.headers)
        candidates = [home for home in homes if home.board == host] or homes
        if len(candidates) > 1:
            raise RefusedError(400, f"name the board in a header Torpor-Board: {boards}")
        return candidates[0]

    # A board that is awake

    def _address(self, home: Home) -> Address | None:
        """Return the address of the service, or None if its board is not awake."""
        status = self._parked.boards.get(home.board)
        if home.mailbox and (status is None or status.state != "awake"):
            return None
        return self._resolve(home, status.address if status else home.host)

    async def _pass_on(self, answer: Answering, response: Response) -> None:
        """Send a board's response to the client."""
        try:
            if not answer.status:
                text = f"the board broke off, and may have executed the request: {answer.error}"
                raise RefusedError(502, text)
            if answer.whole and (has_length(answer.headers) or not answer.body):
                await response.send(answer.status, answer.headers, answer.body)
                return
            await response.start(answer.status, answer.headers)
            async for piece in answer.pieces():
                await response.write(piece)
            await response.end()
        finally:
            answer.done()

    # A board that sleeps

    async def _park(
        self,
        home: Home,
        request: Request,
        key: bytes | None,
        wishes: Wishes,
        response: Response,
    ) -> None:
        wait = self._wait_s if wishes.wait is None else wishes.wait
        until = time.time() + (_ASYNC_S if wishes.respond_async else wait)
        id = _id(home, key)
        if wishes.respond_async or key is not None:
            await self._hand_over(home, id, until, request, key is not None)
        else:
            await self._hold(home, id, until, request)
            wait = until - time.time()
        if wishes.respond_async:
            wait = wishes.wait or 0
        try:
            answer = await self._parked.wait(id, wait)
        except LostError:
            raise _lost(home.board) from None
        if answer:
            await response.send(answer.status, answer.headers, answer.body)
            return
        headers = {
            "Location": f"/~requests/{home.board}/{int(until)}/{id}",
            "Retry-After": str(self._parked.retry_after(home.board)),
        }
        if wishes.respond_async:
            raise RefusedError(202, f"waits for {home.board}", headers)
        text = f"{home.board} has not answered in time; Location shows what becomes of it"
        raise RefusedError(504, text, headers)

    async def _hold(self, home: Home, id: str, until: float, request: Request) -> None:
        """Publish the request when its board asks for it.

        Until then only a note waits at the broker. So the request is dropped if its client hangs up
        (which cancels this task) or its time is over.
        """
        self._check(home, request)
        with self._parked.holding(home.board, id, until) as asked:
            note = message.envelope(id, self._topics.answer(id), until, home.service, held=True)
            try:
                async with asyncio.timeout(max(0, until - time.time())):
                    await self._broker.publish(self._topics.inbox(home.board), note)
                    await asked.wait()
            except TimeoutError:
                text = f"{home.board} has not taken the request in time, and will not execute it"
                retry = {"Retry-After": str(self._parked.retry_after(home.board))}
                raise RefusedError(504, text, retry) from None
        await self._publish(home, id, until, request)

    async def _hand_over(
        self, home: Home, id: str, until: float, request: Request, has_key: bool
    ) -> None:
        """Publish the request, so that the broker keeps it for the board."""
        parked = self._parked
        fingerprint = message.fingerprint(request.verb, request.target, request.body)
        if has_key and parked.keys.get(id, (fingerprint, 0))[0] != fingerprint:
            raise RefusedError(422, "this Idempotency-Key was used for another request")
        # Another client's attempt to publish it may still fail. So it is published again until the
        # broker has acknowledged it; the board executes it once.
        if parked.answer(id) or parked.is_taken(home.board, id):
            return
        self._check(home, request)
        if has_key and id not in parked.keys:
            parked.keys[id] = (fingerprint, until)
            key = json.dumps({"request": fingerprint, "until": int(until)}).encode()
            try:
                async with self._patience(until):
                    await self._broker.publish(self._topics.key(id), key, retain=True)
            except BaseException:
                del parked.keys[id]
                raise
        await self._publish(home, id, until, request)

    def _check(self, home: Home, request: Request) -> None:
        """Raise ``RefusedError`` if the request cannot be parked."""
        parked = self._parked
        retry = {"Retry-After": str(parked.retry_after(home.board))}
        if home.board not in parked.boards:
            # The broker keeps nothing for a board that it does not know.
            text = f"the broker does not know {home.board}, which has to connect first"
            raise RefusedError(503, text, retry)
        if parked.is_full(home.board):
            raise RefusedError(429, f"the queue of {home.board} is full ({parked.limit})", retry)
        if len(_head(request)) > message.MOST_HEAD:
            raise RefusedError(431, f"a parked head may have {message.MOST_HEAD} bytes at most")
        if len(request.body) > message.MOST_BODY:
            raise RefusedError(413, f"a parked body may have {message.MOST_BODY} bytes at most")

    async def _publish(self, home: Home, id: str, until: float, request: Request) -> None:
        line = message.envelope(id, self._topics.answer(id), until, home.service)
        data = line + _head(request) + request.body
        with self._parked.parking(home.board, id, until):
            async with self._patience(until):
                await self._broker.publish(self._topics.inbox(home.board), data)

    @asynccontextmanager
    async def _patience(self, until: float) -> AsyncIterator[None]:
        """Raise ``RefusedError`` if the block, which publishes, is not done at ``until``."""
        try:
            async with asyncio.timeout(max(1, until - time.time())):
                yield
        except TimeoutError:
            raise RefusedError(503, "the broker does not answer", {"Retry-After": "5"}) from None

    # Events

    def _events_are_elsewhere(self, request: Request) -> bool:
        """Return whether no board at this port publishes its events at the broker."""
        return not any(home.mailbox for home in self._homes[request.port])

    async def _stream_events(self, request: Request, response: Response) -> None:
        """Send the events of the services at this port, from all boards, until the client goes."""
        if request.verb not in ("GET", "HEAD"):
            raise RefusedError(405, "only GET", {"Allow": "GET, HEAD"})
        homes = self._homes[request.port]
        offered = list(dict.fromkeys(name for home in homes for name in home.events))
        service = homes[0].service
        if not offered:
            raise RefusedError(404, f"{service} offers no events")
        query = request.target.partition(b"?")[2].decode("latin-1")
        names = parse_qs(query, keep_blank_values=True).get("name", offered)
        for name in names:
            if name not in offered:
                text = f"{service} offers no event {name}, but {', '.join(offered)}"
                raise RefusedError(404, text)
        await response.start(
            200, [(b"content-type", TYPE_OF_EVENTS), (b"cache-control", b"no-store")]
        )
        if request.verb == "HEAD":
            return
        async with aclosing(self._events.stream(names)) as pieces:
            async for piece in pieces:
                await response.write(piece)

    # What the gateway itself answers

    async def _ours(self, request: Request, path: str, response: Response) -> None:
        parts = path.split("/")[1:]
        if request.verb not in ("GET", "HEAD"):
            raise RefusedError(405, "only GET", {"Allow": "GET, HEAD"})
        if parts[0] == "~requests" and len(parts) == 4 and _is_number(parts[2]):
            await self._what_became_of(parts[1], int(parts[2]), parts[3], response)
        elif parts == ["~gateway"]:
            await response.send_json(200, self._state())
        elif parts == ["~metrics"]:
            text = figures_of(self._parked, self._broker.connected.is_set(), time.time())
            await response.send(200, [(b"content-type", TYPE.encode())], text.encode())
        else:
            what = "the gateway has /~gateway, /~metrics and /~requests/<board>/<until>/<id>"
            raise RefusedError(404, what)

    async def _what_became_of(self, board: str, until: int, id: str, response: Response) -> None:
        if answer := self._parked.answer(id):
            await response.send(answer.status, answer.headers, answer.body)
        elif self._parked.is_lost(id):
            raise _lost(board)
        elif board not in self._parked.boards:
            raise RefusedError(404, f"there is no board {board}")
        elif time.time() > until + _LATE_S:
            raise RefusedError(504, f"{board} has not answered in time")
        else:
            retry = {"Retry-After": str(self._parked.retry_after(board))}
            raise RefusedError(202, f"waits for {board}", retry)

    def _state(self) -> dict[str, Any]:
        parked = self._parked
        return {
            "broker": self._broker.connected.is_set(),
            "boards": {
                name: {
                    "state": status.state,
                    "waiting": parked.waits(name),
                    "wakes_in": parked.retry_after(name) if status.wakes_at else None,
                }
                for name, status in sorted(parked.boards.items())
            },
        }


def _head(request: Request) -> bytes:
    return message.head(request.verb, request.target, request.headers, len(request.body))


def _lost(board: str) -> RefusedError:
    return RefusedError(502, f"the broker has lost the request before {board} took it")


def _id(home: Home, key: bytes | None) -> str:
    """Return the request's id. It is the same for all requests to a service with the same key."""
    if key is None:
        return secrets.token_hex(16)
    text = b"\0".join([home.board.encode(), home.service.encode(), key])
    return hashlib.sha256(text).hexdigest()[:32]
