"""The stream between a connection and Microdot's own code. An overlay: plain answers need none."""

from asyncio import StreamReader

from .. import overlay

overlay.until_collected(__name__)


class Stream(StreamReader):
    """What Microdot reads from and writes to. The head of an answer is sent in one piece."""

    def __init__(self, connection, rest: bytes, left: int) -> None:
        super().__init__(connection.sock, {"peername": connection.address})
        self.connection = connection
        self.rest = rest
        self.left = left  # bytes of the body that were not read; -1: reading has no end
        self.head: bytes | None = b""  # None once it has been sent

    def begin(self) -> None:
        self.connection.streams()

    def _take(self, n: int) -> bytes:
        data = self.rest[:n]
        self.rest = self.rest[n:]
        return data

    async def read(self, n=-1):
        self.begin()
        if self.left >= 0 and not 0 <= n <= self.left:
            n = self.left
        if not n:
            return b""
        if self.rest:
            data = self._take(n if n >= 0 else len(self.rest))
        else:
            data = await super().read(n)
        if self.left >= 0:
            self.left -= len(data)
        return data

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
        end = self.rest.find(b"\n")
        if end >= 0:
            return self._take(end + 1)
        return self._take(len(self.rest)) + await super().readline()

    async def awrite(self, data) -> None:
        self.begin()
        if self.head is not None:
            self.head += data
            if not self.head.endswith(b"\r\n\r\n"):
                return
            data = self.head
            self.head = None
        await self.connection.send(data)

    async def aclose(self) -> None:
        self.connection.request.keep = False
