"""A connection to an MQTT broker.

Its user reads one packet after the other, so that the board takes no more from the broker than it
is working on. Everything else waits there.
"""

import asyncio
import socket

from micropython import const

from .. import sockets
from . import packet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generator


_ALIVE_S = const(60)  # without a sign for 1.5 times as long the broker publishes our will
_PING_MS = const(25000)
_CHUNK = const(1024)

_REFUSED = (
    "",
    "it does not speak MQTT 3.1.1",
    "it does not take this name",
    "it is not available",
    "user or password is wrong",
    "this user may not",
)


class Client:
    """``host``, ``port`` and ``tls`` (None, or the CA's certificate in DER) of the broker."""

    def __init__(self, host: str, port: int, tls: "bytes | None") -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._sock: socket.socket = None  # type: ignore[assignment]  # set by open
        self._writer: sockets.FrameWriter = None  # type: ignore[assignment]
        self._buffer = bytearray(_CHUNK)
        self._packets: packet.Packets
        self._number = 0
        self._pinging: asyncio.Task | None = None
        self.stalled: int | None = None  # set by the writer

    async def open(self, hello: bytes, most: int) -> bool:
        """Connect and send ``hello``, a CONNECT. ``most`` is the largest packet to take, in bytes.

        Returns whether the broker still has our session. Raises ``OSError`` if it cannot be
        reached or refuses.
        """
        self._packets = packet.Packets(most)
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
        if first >> 4 != packet.CONNACK or len(body) != 2:
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
                self.send(packet.PING)
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
    """The CONNECT that ``Client.open`` sends."""
    return packet.connect(client, user, password, _ALIVE_S, topic, will)
