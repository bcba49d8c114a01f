"""HTTP without a network: a request goes through the listener's own code, from bytes to bytes."""

import asyncio
import errno
import io
import json

from torpor.http.listener import Connection

_METHODS = ("get", "post", "put", "delete")


class Answer:
    """An answer: ``status_code``, ``headers`` (names in lower case), ``body``, ``text``."""

    def __init__(self, data: bytes) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        lines = str(head, "utf-8").split("\r\n")
        self.status_code = int(lines[0].split(" ")[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        if self.headers.get("transfer-encoding") == "chunked":
            body = _unchunk(body)
        self.body = body

    @property
    def text(self) -> str:
        return str(self.body, "utf-8")

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "<%d %r>" % (self.status_code, self.body if len(self.body) < 200 else "...")


class Client:
    """The fixture ``client``: asks the service that ``start`` gave last.

    ``await client.get("/alerts")``, ``post``, ``put`` and ``delete``; ``json=`` is sent as the
    body, ``headers=`` is a dict. ``within`` is how many ms an answer without end is listened to.
    """

    def __init__(self, listener) -> None:
        self._listener = listener  # a function: the service may be started later, and again

    async def request(self, verb, path, json=None, headers=None, body=b"", within=None):
        """Send a request and return its ``Answer``."""
        wire = _Wire(_request(verb, path, json, headers, body))
        listener = self._listener()
        connection = Connection(listener, wire, ("127.0.0.1", 0))
        listener.budget.add(connection)
        task = asyncio.create_task(connection.serve())
        connection.task = task
        if within is None:
            await task
        else:
            await asyncio.sleep_ms(within)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
        if not wire.written:
            raise OSError("the connection was closed without an answer")
        return Answer(bytes(wire.written))

    async def get(self, path, **options):
        return await self.request("GET", path, **options)

    async def post(self, path, **options):
        return await self.request("POST", path, **options)

    async def put(self, path, **options):
        return await self.request("PUT", path, **options)

    async def delete(self, path, **options):
        return await self.request("DELETE", path, **options)


class SocketClient(Client):
    """The fixture ``socket_client``: the same over a real connection to the service's listener."""

    def __init__(self, address) -> None:
        self._address = address  # a function, as above

    async def request(self, verb, path, json=None, headers=None, body=b"", within=None):
        reader, writer = await asyncio.open_connection(*self._address())
        try:
            headers = dict(headers or {})
            headers["Connection"] = "close"
            writer.write(_request(verb, path, json, headers, body))
            await writer.drain()
            return Answer(await reader.read(-1))
        finally:
            writer.close()
            await writer.wait_closed()


def _request(verb, path, data, headers, body) -> bytes:
    lines = ["%s %s HTTP/1.1" % (verb, path), "Host: test"]
    if data is not None:
        body = json.dumps(data).encode()
        lines.append("Content-Type: application/json")
    for name, value in (headers or {}).items():
        lines.append("%s: %s" % (name, value))
    if body or verb in ("POST", "PUT"):
        lines.append("Content-Length: %d" % len(body))
    return "\r\n".join(lines + ["", ""]).encode() + body


def _unchunk(data: bytes) -> bytes:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        body += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    return body


class _Wire(io.IOBase):
    """A socket that has the request and takes the answer. The client sends no more after it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.written = bytearray()

    def readinto(self, buffer, n=-1):
        n = min(len(self._data), len(buffer))
        buffer[:n] = self._data[:n]
        self._data = self._data[n:]
        return n

    def read(self, n=-1):
        """As the stream of an application reads, which streams what is too long to be kept."""
        data = self._data if n < 0 else self._data[:n]
        self._data = self._data[len(data) :]
        return data

    def write(self, data):
        self.written += data
        return len(data)

    def setsockopt(self, *option):
        pass

    def ioctl(self, request, argument):
        if request == 3:  # MP_STREAM_POLL: always ready
            return argument
        # It has no number to poll by (MP_STREAM_GET_FILENO); closing takes nothing.
        return -errno.EINVAL if request == 10 else 0

    def close(self):
        pass


class NoBudget:
    """Has a place for every connection."""

    def __init__(self):
        self.open = []

    def add(self, connection):
        self.open.append(connection)

    def remove(self, connection):
        if connection in self.open:
            self.open.remove(connection)
