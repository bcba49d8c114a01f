"""The stream that an application reads from and writes to; plain responses need none."""

from asyncio import StreamReader
from errno import ECONNRESET

from micropython import const

from ..cold import cold
from . import microdot_adapter

_MAX_HEAD = const(4096)  # bytes of a head that are held until the rest of it comes
_LINE = const(256)  # bytes read at a time in search of the end of a line


@cold
class Stream(StreamReader):
    """``request.stream`` and ``request.sock``. The head of an answer is sent in one piece."""

    empty_reads = 0

    def __init__(self, connection, rest: bytes, left: int) -> None:
        super().__init__(connection.sock, {"peername": connection.address})
        self.connection = connection
        self.rest = rest
        self.left = left  # bytes of the body that were not read; -1: reading has no end
        self.head: bytes | None = b""  # None once it has been sent

    def begin(self) -> None:
        self.connection.streams()

    def has_answered(self) -> bool:
        """Return whether the application has written an answer, or the beginning of one."""
        return self.head != b""

    def _take(self, n: int) -> bytes:
        data = self.rest[:n]
        self.rest = self.rest[n:]
        return data

    async def _receive(self, n: int) -> bytes:
        """Return up to ``n`` bytes as they come, b"" at the end. Raises ``OSError``."""
        if not self.rest:
            await self._fill(n)
        return self._take(n)

    async def _fill(self, n: int) -> None:
        """Add what comes next, up to ``n`` bytes, to those that have come. Raises ``OSError``."""
        try:
            data = await super().read(n)
        except OSError:
            self.connection.gone = True
            raise
        if not data:
            self.connection.gone = True
            if self.left > 0:
                raise OSError(ECONNRESET)
        self.rest += data

    async def read(self, n=-1):
        self.begin()
        if self.left < 0:
            if n >= 0:
                return await self._receive(n)
            data = b""
            while part := await self._receive(1024):
                data += part
            return data
        if n < 0:
            return await self.readexactly(self.left)
        if not n:
            return b""
        if not self.left:
            return microdot_adapter.ended(self)
        data = await self._receive(min(n, self.left))
        self.left -= len(data)
        return data

    async def readinto(self, buffer):
        data = await self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    async def readexactly(self, n):
        data = bytearray(n)
        have = 0
        while have < n:
            part = await self.read(n - have)
            if not part:
                raise EOFError
            data[have : have + len(part)] = part
            have += len(part)
        return bytes(data)

    async def readline(self):
        self.begin()
        while True:
            end = self.rest.find(b"\n") + 1
            have = len(self.rest)
            if end or 0 <= self.left <= have:
                return await self.read(end or self.left)
            await self._fill(_LINE)
            if len(self.rest) == have:
                return self._take(have)

    async def awrite(self, data) -> None:
        self.begin()
        if self.head is not None:
            data = self.head + data
            if _is_part_of_head(data):
                self.head = data
                return
            # After an interim answer the one that counts is still to come.
            interim = data.startswith(b"HTTP/1.1 1") and data[9:12] != b"101"
            self.head = b"" if interim else None
        await self.connection.send(data)

    async def flush(self) -> None:
        """Send what was held as the beginning of a head."""
        if self.head:
            data = self.head
            self.head = None
            await self.connection.send(data)

    def write(self, data) -> None:
        self.begin()
        if self.head:
            data = self.head + data
        self.head = None
        super().write(data)

    async def aclose(self) -> None:
        await self.flush()
        self.connection.request.keep = False


def _is_part_of_head(data: bytes) -> bool:
    return (
        data.startswith(b"HTTP/")
        and data.endswith(b"\r\n")
        and b"\r\n\r\n" not in data
        and len(data) < _MAX_HEAD
    )
