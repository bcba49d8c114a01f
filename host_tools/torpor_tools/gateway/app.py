"""Handles the requests to every service's port.

Start reading at ``App.handle``, which finds the board. ``_pass_on`` is for a board that is awake,
``Parking.park`` for one that sleeps.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
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
from .homes import Home, Resolve
from .message import Topics
from .parking import Parking, Wishes, is_seconds
from .parking_state import Parked
from .response import RefusedError, Response, has_length
from .tracing import Tracer


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
        self._parking = Parking(parked, broker, topics, wait_s)
        self._broker = broker
        self._resolve = resolve
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
        await self._parking.park(home, request, key, wishes, response)

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
        if parts[0] == "~requests" and len(parts) == 4 and is_seconds(parts[2]):
            await self._parking.report(parts[1], int(parts[2]), parts[3], response)
        elif parts == ["~gateway"]:
            await response.send_json(200, self._state())
        elif parts == ["~metrics"]:
            text = figures_of(self._parked, self._broker.connected.is_set(), time.time())
            await response.send(200, [(b"content-type", TYPE.encode())], text.encode())
        else:
            what = "the gateway has /~gateway, /~metrics and /~requests/<board>/<until>/<id>"
            raise RefusedError(404, what)

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
