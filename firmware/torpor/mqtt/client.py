"""MQTT 3.1.1 as a mailbox needs it: its packets, without sockets, and a connection to a broker.

Sections are those of the OASIS standard of 2014-10-29. The user of a ``Client`` reads one packet
after the other, so that the board takes no more from the broker than it is working on. Everything
else waits there.
"""

import asyncio
import socket

from micropython import const

from .. import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generator

# The upper four bits of a packet's first byte (2.2.1).
CONNACK = const(2)
PUBLISH = const(3)
PUBACK = const(4)
SUBACK = const(9)

PING = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"

_KEPT = const(512)  # bytes kept of a packet that is too large
_ALIVE_S = const(60)  # after 1.5 times as long without a packet, the broker publishes our will
_PING_MS = const(25000)
_CHUNK = const(1024)

_REFUSED = (
    "",
    "it does not speak MQTT 3.1.1",
    "it rejects this client id",
    "it is not available",
    "user or password is wrong",
    "user lacks access",
)


def string(text: "str | bytes") -> bytes:
    """Return a string as MQTT encodes it (1.5.3): its length and its bytes."""
    data = text if isinstance(text, bytes) else text.encode()
    return len(data).to_bytes(2, "big") + data


def packet(first: int, *parts: bytes) -> bytes:
    """Return a packet (2.2): its first byte, the length of the rest, and the rest."""
    left = sum(map(len, parts))
    head = bytearray((first,))
    while True:
        digit = left & 127
        left >>= 7
        head.append(digit | 128 if left else digit)
        if not left:
            return b"".join((bytes(head),) + parts)


def connect(client: str, user: str, password: str, alive_s: int, topic: str, will: str) -> bytes:
    """Return a CONNECT (3.1) to a persistent session.

    When the broker loses us, it publishes ``will`` and retains it.
    """
    flags = 0x2C  # will, QoS 1, retained
    login = b""
    if user:
        flags |= 0xC0
        login = string(user) + string(password)
    head = b"\0\4MQTT\4" + bytes((flags,)) + alive_s.to_bytes(2, "big")
    return packet(0x10, head, string(client), string(topic), string(will), login)


def subscribe(number: int, topic: str) -> bytes:
    """Return a SUBSCRIBE (3.8) with QoS 1."""
    return packet(0x82, number.to_bytes(2, "big"), string(topic), b"\1")


def publish(number: int, topic: str, payload: bytes, retain: bool) -> bytes:
    """Return a PUBLISH (3.3) with QoS 1."""
    return packet(0x33 if retain else 0x32, string(topic), number.to_bytes(2, "big"), payload)


def puback(number: int) -> bytes:
    """Return a PUBACK (3.4)."""
    return b"\x40\x02" + number.to_bytes(2, "big")


class Published:
    """A PUBLISH that was received.

    ``number`` is 0 with QoS 0. ``whole`` is False if it was too large; ``payload``, a view, then
    has only its beginning. Raises ``ValueError`` if it is malformed.
    """

    def __init__(self, first: int, body: bytes, whole: bool) -> None:
        end = 2 + int.from_bytes(body[:2], "big")
        self.topic = str(body[2:end], "utf-8")
        self.is_duplicate = bool(first & 8)  # DUP: it may have been sent before (3.3.1.1)
        self.number = 0
        if first & 6:
            self.number = int.from_bytes(body[end : end + 2], "big")
            end += 2
        if len(body) < end:
            raise ValueError("malformed packet")
        self.payload = memoryview(body)[end:]
        self.whole = whole


class Packets:
    """Splits incoming bytes into packets.

    A packet larger than ``most`` bytes, or than the largest free block of the heap, is not kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._data = b""
        self._first = 0
        self._body: bytearray | None = None  # room for the packet that is coming
        self._have = 0  # bytes in it
        self._skip = 0  # bytes of a packet that is too large, still to come

    def feed(self, data: bytes) -> None:
        """Take bytes that have arrived."""
        if self._skip:
            n = min(self._skip, len(data))
            self._skip -= n
            data = data[n:]
        body = self._body
        if body is not None:
            n = min(len(body) - self._have, len(data))
            body[self._have : self._have + n] = data[:n]
            self._have += n
            data = data[n:]
        self._data = self._data + data if self._data else data

    def take(self) -> tuple | None:
        """Return the next packet, ``(first byte, body, whole)``, or None until more has arrived.

        Raises ``ValueError`` if the bytes cannot be a packet.
        """
        body = self._body
        if body is not None:
            if self._have < len(body):
                return None
            self._body = None
            return self._first, body, True
        data = self._data
        size = shift = 0
        at = 1
        while True:
            if at >= len(data):
                return None
            size |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 128:
                break
            if at > 4:
                raise ValueError("malformed length")
        end = at + size
        if size <= self._most:
            if len(data) >= end:
                self._data = data[end:]
                return data[0], data[at:end], True
            if size < _KEPT or self._begin(data, at, size):
                return None
        if len(data) - at < _KEPT:
            return None
        self._skip = max(0, end - len(data))
        self._data = data[end:]
        return data[0], data[at : at + _KEPT], False

    def _begin(self, data: bytes, at: int, size: int) -> bool:
        """Make room, if there is any, for a packet of ``size`` bytes, which begins at ``at``.

        It does so once: concatenating pieces would need the room several times.
        """
        try:
            self._body = body = bytearray(size)
        except MemoryError:
            return False
        self._first = data[0]
        self._have = len(data) - at
        body[: self._have] = data[at:]
        self._data = b""
        return True


class Client:
    """A connection to the broker at ``host`` and ``port``; ``tls``: the CA's certificate in DER."""

    def __init__(self, host: str, port: int, tls: "bytes | None") -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._sock: socket.socket = None  # type: ignore[assignment]  # set by open
        self._writer: sockets.FrameWriter = None  # type: ignore[assignment]
        self._buffer = bytearray(_CHUNK)
        self._packets: Packets
        self._number = 0
        self._pinging: asyncio.Task | None = None
        self.stalled: int | None = None  # set by the writer

    async def open(self, hello: bytes, most: int) -> bool:
        """Connect and send ``hello``, a CONNECT. ``most`` is the largest packet to take, in bytes.

        Returns whether the broker still has our session. Raises ``OSError`` if it cannot be
        reached or refuses.
        """
        self._packets = Packets(most)
        address = sockets.look_up(self._host, self._port)
        self._sock = socket.socket()
        await sockets.connect_to(self._sock, address)
        try:
            # Else an acknowledgement holds up the reply behind it, by 40 ms.
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, AttributeError):
            pass  # a port without it
        if self._tls:
            self._secure(self._tls)
        self._writer = sockets.FrameWriter(self._sock, self)
        self._writer.send(hello)
        first, body, _ = await self.packet()
        if first >> 4 != CONNACK or len(body) != 2:
            raise OSError("it does not answer as a broker")
        if body[1]:
            raise OSError(_REFUSED[body[1]] if body[1] < 6 else "it refuses")
        self._pinging = asyncio.create_task(self._ping())
        return bool(body[0])

    def _secure(self, ca: bytes) -> None:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_mode = ssl.CERT_REQUIRED  # type: ignore[attr-defined]
        context.load_verify_locations(cadata=ca)
        self._sock = context.wrap_socket(
            self._sock, server_hostname=self._host, do_handshake_on_connect=False
        )

    def send(self, data: bytes) -> None:
        """Send a packet. Raises ``OSError``."""
        self._writer.send(data)

    def next(self) -> int:
        """Return a number for a packet that the broker will acknowledge."""
        self._number = self._number % 65535 + 1
        return self._number

    # async
    def packet(self) -> "Generator[Any, Any, tuple]":
        """Return the next packet: first byte, body, whether it is whole.

        Raises ``OSError`` when the connection has ended, ``ValueError`` for malformed bytes.
        """
        while True:
            received = self._packets.take()
            if received:
                return received
            n = yield from sockets.read(self._sock, self._buffer)
            self._packets.feed(bytes(memoryview(self._buffer)[:n]))

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep_ms(_PING_MS)
            try:
                self.send(PING)
            except OSError:
                return

    def close(self) -> None:
        """Close the connection; the broker publishes our will unless it had a DISCONNECT."""
        if self._pinging:
            self._pinging.cancel()
            self._pinging = None
        else:
            sockets.note_unreachable(self._host, self._port)
        if self._sock:
            self._sock.close()


def hello(client: str, user: str, password: str, topic: str, will: str) -> bytes:
    """Return the CONNECT that ``Client.open`` sends."""
    return connect(client, user, password, _ALIVE_S, topic, will)
