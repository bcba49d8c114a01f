"""Converts between bytes and the MQTT 3.1.1 packets that a mailbox needs, without sockets.

Sections are those of the OASIS standard of 2014-10-29.
"""

from micropython import const

# The upper four bits of a packet's first byte (2.2.1).
CONNACK = const(2)
PUBLISH = const(3)
PUBACK = const(4)
SUBACK = const(9)

PING = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"

_KEPT = const(512)  # bytes that are kept of a packet which is too large


def string(text: "str | bytes") -> bytes:
    """Return a string as MQTT has it (1.5.3): its length and its bytes."""
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
    """CONNECT (3.1) to a session that stays; ``will`` is published, retained, when we are lost."""
    flags = 0x2C  # will, QoS 1, retained
    login = b""
    if user:
        flags |= 0xC0
        login = string(user) + string(password)
    head = b"\0\4MQTT\4" + bytes((flags,)) + alive_s.to_bytes(2, "big")
    return packet(0x10, head, string(client), string(topic), string(will), login)


def subscribe(number: int, topic: str) -> bytes:
    """SUBSCRIBE (3.8) with QoS 1."""
    return packet(0x82, number.to_bytes(2, "big"), string(topic), b"\1")


def publish(number: int, topic: str, payload: bytes, retain: bool) -> bytes:
    """PUBLISH (3.3) with QoS 1."""
    return packet(0x33 if retain else 0x32, string(topic), number.to_bytes(2, "big"), payload)


def puback(number: int) -> bytes:
    """PUBACK (3.4)."""
    return b"\x40\x02" + number.to_bytes(2, "big")


class Published:
    """A PUBLISH that was received.

    ``number`` is 0 with QoS 0. ``whole`` is False if it was too large, and ``payload``, a view, is
    then of its beginning. Raises ``ValueError`` if it is malformed.
    """

    def __init__(self, first: int, body: bytes, whole: bool) -> None:
        end = 2 + int.from_bytes(body[:2], "big")
        self.topic = str(body[2:end], "utf-8")
        self.again = bool(first & 8)
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

    One that is larger than ``most`` bytes, or than what the heap has in one piece, is not kept.
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

        This is done once: concatenating pieces would need the room several times.
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
