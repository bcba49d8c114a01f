"""The client's side of a WebSocket (RFC 6455), for tests of an application."""

import os
from binascii import b2a_base64
from hashlib import sha1

from .arguments import BYTES, expect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT = 1
_BINARY = 2
_CLOSE = 8
_PING = 9
_PONG = 10


class Refused(Exception):
    """The service did not open a WebSocket; ``answer`` is its answer to the request."""

    def __init__(self, path: str, answer: "Any") -> None:
        super().__init__("%s did not open a WebSocket, it answered %r" % (path, answer))
        self.answer = answer


class WebSocket:
    """The result of ``client.websocket(path)``: use it in an ``async with``.

    Raises:
        Refused: At the beginning of the block, if the service does not answer 101.
    """

    close_code = None
    """The number that the service closed with; None until it has closed."""

    def __init__(self, path: str, open_pipe: "Any", answer: "Any") -> None:
        self._path = path
        self._open_pipe = open_pipe
        self._answer = answer
        self._unread = b""

    async def __aenter__(self):
        key = b2a_base64(os.urandom(16))[:-1]
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key.decode(),
        }
        self._pipe = await self._open_pipe(headers)
        data = b""
        while b"\r\n\r\n" not in data:
            part = await self._pipe.read()
            if not part:
                break
            data += part
        if not data:
            raise OSError("the connection was closed without an answer")
        end = data.find(b"\r\n\r\n") + 4
        headers = self._answer([data[:end]]).headers
        if not data.startswith(b"HTTP/1.1 101 "):
            data += await self._rest(headers, data[end:])
            await self._pipe.close()
            raise Refused(self._path, self._answer([data]))
        self._unread = data[end:]
        accepted = headers.get("sec-websocket-accept")
        if accepted != b2a_base64(sha1(key + _MAGIC).digest())[:-1].decode():
            raise AssertionError("Sec-WebSocket-Accept is %s" % accepted)
        return self

    async def _rest(self, headers, body: bytes) -> bytes:
        """Return the bytes of an ordinary response that have not come yet."""
        length = int(headers.get("content-length", -1))
        chunked = headers.get("transfer-encoding") == "chunked"
        rest = b""
        while True:
            have = body + rest
            if 0 <= length <= len(have) or (chunked and have.endswith(b"0\r\n\r\n")):
                return rest
            part = await self._pipe.read()
            if not part:
                return rest
            rest += part

    async def __aexit__(self, kind, error, trace):
        if self.close_code is None:
            await self._pipe.write(_frame(_CLOSE, b"\x03\xe8"))  # 1000: the purpose is fulfilled
        await self._pipe.close()

    async def send(self, message: "Any") -> None:
        """Send text, or bytes as a binary message. Raises ``TypeError`` for anything else."""
        expect("WebSocket.send()", "message", message, (str,) + BYTES, "text or bytes")
        if isinstance(message, str):
            await self._pipe.write(_frame(_TEXT, message.encode()))
        else:
            await self._pipe.write(_frame(_BINARY, message))

    async def receive(self) -> "Any":
        """Return the next message: text, bytes, or None when the service has closed."""
        message = b""
        kind = _TEXT
        while True:
            frame = await self._read_frame()
            if frame is None:
                return None
            opcode, last, data = frame
            if opcode == _CLOSE:
                self.close_code = int.from_bytes(data[:2], "big") if data else 1005  # no code
                return None
            if opcode == _PING:
                await self._pipe.write(_frame(_PONG, data))
            if opcode in (_PING, _PONG):
                continue
            if opcode:  # not a continuation
                kind = opcode
            message += data
            if last:
                return message.decode() if kind == _TEXT else message

    async def _read_frame(self):
        """Return the opcode, whether it is the last frame of its message, and its data."""
        head = await self._take(2)
        if head is None:
            return None
        length = head[1] & 0x7F
        if length > 125:
            length = int.from_bytes(await self._take(2 if length == 126 else 8), "big")
        return head[0] & 0x0F, head[0] & 0x80, await self._take(length)

    async def _take(self, n: int):
        """Return ``n`` bytes, None if the connection was closed before them."""
        while len(self._unread) < n:
            part = await self._pipe.read()
            if not part:
                self.close_code = self.close_code or 1006  # closed without a close frame
                return None
            self._unread += part
        data = self._unread[:n]
        self._unread = self._unread[n:]
        return data


def _frame(opcode: int, data: bytes) -> bytes:
    """Return a frame of a client, whose data must be masked."""
    length = len(data)
    if length < 126:
        head = bytes((0x80 | opcode, 0x80 | length))
    elif length < 1 << 16:
        head = bytes((0x80 | opcode, 0xFE)) + length.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0xFF)) + length.to_bytes(8, "big")
    mask = os.urandom(4)
    masked = bytearray(data)
    for i in range(length):
        masked[i] ^= mask[i & 3]
    return head + mask + bytes(masked)
