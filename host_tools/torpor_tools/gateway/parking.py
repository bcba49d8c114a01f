"""Hands requests for boards that sleep to the broker, and waits for their answers.

A request without ``Idempotency-Key`` or ``respond-async`` is held here until its board asks for it,
because its client may hang up. The broker keeps the others.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from . import message
from .broker import Broker
from .client import Request
from .homes import Home
from .message import Header, Topics
from .parking_state import LostError, Parked
from .response import RefusedError, Response

_ASYNC_S = 86_400  # how long a request may wait after its client is gone
_SECONDS_DIGITS = 12  # of the longest time that a client may request
_LATE_S = 60  # extra time for an answer that is being sent at the deadline


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
        wait = float(waits[0]) if waits and is_seconds(waits[0]) else None
        return cls("respond-async" in parts, wait)


def is_seconds(text: str) -> bool:
    """Return whether ``text`` is a number of seconds. ``"³".isdigit()`` is true as well."""
    return text.isascii() and text.isdigit() and len(text) <= _SECONDS_DIGITS


class Parking:
    """Parks the requests of a gateway.

    Args:
        parked: The requests that wait, and the answers.
        broker: The connection to the broker.
        topics: The cluster's topics.
        wait_s: How long a client without ``Prefer: wait`` waits, in seconds.
    """

    def __init__(self, parked: Parked, broker: Broker, topics: Topics, wait_s: float) -> None:
        self._parked = parked
        self._broker = broker
        self._topics = topics
        self._wait_s = wait_s

    async def park(
        self,
        home: Home,
        request: Request,
        key: bytes | None,
        wishes: Wishes,
        response: Response,
    ) -> None:
        """Answer a request through the broker.

        Args:
            home: The board.
            request: The request.
            key: Its ``Idempotency-Key``.
            wishes: Its ``Prefer``.
            response: Sends the board's answer.

        Raises:
            RefusedError: The request cannot be parked, or the board has not answered yet.
        """
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

    async def report(self, board: str, until: int, id: str, response: Response) -> None:
        """Answer what has become of a request that waited until a Unix time."""
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
                async with _patience(until):
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
            async with _patience(until):
                await self._broker.publish(self._topics.inbox(home.board), data)


@asynccontextmanager
async def _patience(until: float) -> AsyncIterator[None]:
    """Raise ``RefusedError`` if the block, which publishes, is not done at ``until``."""
    try:
        async with asyncio.timeout(max(1, until - time.time())):
            yield
    except TimeoutError:
        raise RefusedError(503, "the broker does not answer", {"Retry-After": "5"}) from None


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
