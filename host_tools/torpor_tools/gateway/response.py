"""Responses to clients: heads, framing of bodies, and the gateway's own answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from .message import Header

_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


class BrokeOffError(Exception):
    """A response ended before it was complete."""


@dataclass
class RefusedError(Exception):
    """A request that the gateway answers itself, with an error or with 202."""

    status: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)


class Response:
    """The response to one request: either ``send``, or ``start``, ``write`` and ``end``.

    Args:
        write: Sends bytes to the client.
        verb: The request's method.
        version: The request's HTTP version.
        keeps: Whether the connection stays open afterwards.
    """

    def __init__(
        self, write: Callable[[bytes], Awaitable[None]], verb: str, version: str, keeps: bool
    ) -> None:
        self._write = write
        self._is_head = verb == "HEAD"
        self._version = version
        self._is_chunked = False
        self.keeps = keeps
        self.has_begun = False
        self.status = 0  # that was sent
        self.ends_with_connection = False

    async def send(self, status: int, headers: Iterable[Header], body: bytes) -> None:
        """Send a response with this body."""
        headers = list(headers)
        has_body = self._may_have_body(status)
        if has_body and not has_length(headers):
            headers.append((b"content-length", b"%d" % len(body)))
        self.has_begun = True
        self.status = status
        await self._write(self._head(status, headers) + (body if has_body else b""))

    async def start(self, status: int, headers: Iterable[Header]) -> None:
        """Send the head of a response whose body follows in pieces."""
        headers = list(headers)
        if self._may_have_body(status) and not has_length(headers):
            if self._version == "1.1":
                self._is_chunked = True
                headers.append((b"transfer-encoding", b"chunked"))
            else:
                self.ends_with_connection = True
                self.keeps = False
        self.has_begun = True
        self.status = status
        await self._write(self._head(status, headers))

    async def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        await self._write(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    async def end(self) -> None:
        """Mark the end of the body."""
        if self._is_chunked:
            await self._write(b"0\r\n\r\n")

    async def refuse(self, refusal: RefusedError) -> None:
        """Send the gateway's own answer."""
        name = "status" if refusal.status == 202 else "error"
        await self.send_json(refusal.status, {name: refusal.text}, refusal.headers)

    async def send_json(
        self, status: int, value: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        """Send ``value`` as JSON."""
        lines = [(b"content-type", b"application/json")]
        lines += [(name.lower().encode(), text.encode()) for name, text in (headers or {}).items()]
        await self.send(status, lines, json.dumps(value).encode())

    def _may_have_body(self, status: int) -> bool:
        return not self._is_head and status not in (204, 304)

    def _head(self, status: int, headers: list[Header]) -> bytes:
        lines = [b"HTTP/1.1 %d %b" % (status, _REASONS.get(status, b""))]
        lines += [name + b": " + value for name, value in headers]
        if not self.keeps:
            lines.append(b"connection: close")
        return b"\r\n".join([*lines, b"", b""])


def has_length(headers: Iterable[Header]) -> bool:
    """Return whether a header gives the length of the body."""
    return any(name == b"content-length" for name, _ in headers)
