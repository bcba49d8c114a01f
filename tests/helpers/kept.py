"""A client that closes its keep-alive connection as soon as the board does, like a browser.

httpx notices only at its next request. Until then the connection remains one of the board's five,
for up to 20 s of lwIP's time.
"""

from __future__ import annotations

import asyncio


class Kept:
    """``async with Kept(host, port) as client: status = await client.get("/path")``."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Kept:
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        return self

    async def __aexit__(self, *raised: object) -> None:
        if self._watcher:
            self._watcher.cancel()
        self._writer.close()

    async def get(self, path: str, timeout: float) -> int:
        """Return the status of the only response, which has a Content-Length. Call this once."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: board\r\n\r\n".encode())
        async with asyncio.timeout(timeout):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await self._reader.readexactly(int(length))
        self._watcher = asyncio.create_task(self._close())
        return int(head.split()[1])

    async def _close(self) -> None:
        await self._reader.read(1)
        self._writer.close()
