"""Passes requests to a board that is awake."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx

from .message import Header, end_to_end

# A board has few connections: two are enough, and are given back soon.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=5)
_TIMEOUT = httpx.Timeout(60, connect=2)


class NotReachedError(Exception):
    """The board took no connection: it sleeps, or is gone. Nothing was executed."""


class BrokeOffError(Exception):
    """The connection ended in the midst of a request, which may have been executed."""


class Direct:
    """Connections to boards."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(
            limits=_LIMITS, timeout=_TIMEOUT, trust_env=False, follow_redirects=False
        )

    @asynccontextmanager
    async def request(
        self, address: tuple[str, int], verb: str, target: bytes, headers: Iterable[Header],
        body: bytes,
    ) -> AsyncIterator[tuple[int, list[Header], AsyncIterator[bytes]]]:  # fmt: skip
        """The answer of the board: status, headers, and its body piece by piece."""
        url = httpx.URL(scheme="http", host=address[0], port=address[1], raw_path=target)
        request = httpx.Request(verb, url, headers=end_to_end(headers), content=body or None)
        try:
            response = await self._client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotReachedError(str(error)) from error
        except httpx.TransportError as error:
            raise BrokeOffError(str(error) or type(error).__name__) from error
        try:
            length = [(n, v) for n, v in response.headers.raw if n.lower() == b"content-length"]
            headers = [*end_to_end(response.headers.raw), *length]
            yield response.status_code, headers, response.aiter_raw()
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()
