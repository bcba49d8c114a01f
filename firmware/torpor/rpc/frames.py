"""The frames of a connection between boards, without sockets: see docs/wire.md.

A frame begins with its whole length and ends with an authentication tag, here "code": HMAC-SHA256
(RFC 2104) under the cluster's key. The two ends of a connection derive keys from the cluster's key
and both their nonces, so that nothing recorded from one connection is valid on another, before or
after a restart. Within a connection the frames are counted. No state outlives the connection.
"""

import json
import os
import struct
from binascii import hexlify, unhexlify
from hashlib import sha256

from micropython import const

from ..http.response import is_json  # a separate module would leave holes in the heap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


CODE = const(16)  # bytes of the code at the end of a frame: half of the hash (RFC 2104, 5)
NONCE = const(16)
_BLOCK = const(64)  # bytes that SHA-256 processes at a time
VERSION = b"torpor/1"
MAX_CALL = const(16384)  # bytes of a frame; as many as a request's body may have
MAX_ANSWER = const(32768)
_CALL = ">IIII"  # length, number, deadline (ms), fingerprint
_ANSWER = ">IIHH"  # length, number, status, kind
_CALL_HEAD = const(16)
_ANSWER_HEAD = const(12)
_TIGHT = (",", ":")

# The kinds of responses.
VALUE = const(0)  # the JSON of what the method returned
BYTES = const(1)  # the bytes that it returned
TUPLE = const(2)  # the JSON of the tuple that it returned
FAULT = const(3)  # the Fault that it raised: its message, and perhaps headers, as a JSON list
BUG = const(4)  # it raised something else, which is in that board's log
REFUSED = const(5)  # not executed: a JSON text with the reason
CLOSING = const(6)  # not an answer: no call above this frame's number has been executed


def call(number: int, ms: int, fingerprint: int, target: str, id: str, arguments: "Any") -> bytes:
    """Return a call without its code. ``id`` is the idempotency key, or empty.

    Raises ``ValueError`` for arguments that JSON cannot hold.
    """
    body = b"%s %s\n%s" % (target, id, _json(arguments, target))  # type: ignore[str-format]
    return struct.pack(_CALL, _CALL_HEAD + len(body) + CODE, number, ms, fingerprint) + body


def read_call(frame: bytes) -> tuple:
    """Return target with id, as sent, and the arguments of a call whose code is right.

    Raises ``ValueError``.
    """
    line = frame.find(b"\n", _CALL_HEAD)
    return frame[_CALL_HEAD:line], json.loads(frame[line + 1 : -CODE])


def call_head(frame: bytes) -> tuple:
    """Return length, number, deadline (ms) and fingerprint."""
    return struct.unpack_from(_CALL, frame)


def answer(number: int, status: int, kind: int, body: bytes) -> bytes:
    """Return a response without its code."""
    return struct.pack(_ANSWER, _ANSWER_HEAD + len(body) + CODE, number, status, kind) + body


def answer_head(frame: bytes) -> tuple:
    """Return length, number, status and kind."""
    return struct.unpack_from(_ANSWER, frame)


def encode(result: "Any") -> tuple:
    """Return kind and body of a response with this result.

    Raises ``ValueError`` for what JSON cannot hold.
    """
    if isinstance(result, (bytes, bytearray)):
        return BYTES, bytes(result)
    return TUPLE if isinstance(result, tuple) else VALUE, _json(result, "").encode()


def _json(value, name: str) -> str:
    """Return JSON text. Raises ``ValueError`` for values that JSON cannot hold."""
    if not is_json(value):
        from ..http.response import refuse

        refuse(value, name)
    return json.dumps(value, separators=_TIGHT)


def decode(frame: bytes, kind: int) -> "Any":
    """Return the content of a response: bytes, a tuple, or another JSON value.

    Raises ``ValueError``.
    """
    body = frame[_ANSWER_HEAD:-CODE]
    if kind == BYTES:
        return body
    value = json.loads(body)
    return tuple(value) if kind == TUPLE else value


class FrameReader:
    """Splits the bytes that arrive into frames of up to ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._unread = b""

    def take(self, data: bytes) -> bytes | None:
        """Add ``data``, which has arrived; return the next frame if it is complete, else None.

        Raises ``ValueError`` for a frame larger than the limit.
        """
        if self._unread:
            data = self._unread + data
        self._unread = data
        if len(data) < 4:
            return None
        length = struct.unpack_from(">I", data)[0]
        if not _ANSWER_HEAD + CODE <= length <= self._limit:
            raise ValueError("a frame of %d bytes" % length)
        if len(data) == length:
            self._unread = b""
            return data
        if len(data) < length:
            return None
        self._unread = data[length:]
        return data[:length]


class Mac:
    """Makes and checks the codes of one direction."""

    def __init__(self, key: bytes) -> None:
        # MicroPython's hashes cannot be copied, so the padded keys are kept and hashed each time.
        padded = key + bytes(_BLOCK - len(key))
        self._inner = bytes([b ^ 0x36 for b in padded])
        self._outer = bytes([b ^ 0x5C for b in padded])

    def hash(self, data: "bytes | memoryview") -> bytes:
        """Return the whole HMAC of ``data``, 32 bytes."""
        inner = sha256(self._inner)
        inner.update(data)
        outer = sha256(self._outer)
        outer.update(inner.digest())
        return outer.digest()

    def seal(self, frame: bytes) -> bytes:
        """Return ``frame`` followed by its code."""
        return frame + self.hash(frame)[:CODE]

    def check(self, frame: bytes) -> bool:
        """Return whether the code at the end of ``frame`` is right, in constant time."""
        end = len(frame) - CODE
        right = self.hash(memoryview(frame)[:end])
        # As two numbers: one operation, which looks at every byte.
        return not int.from_bytes(frame[end:], "big") ^ int.from_bytes(right[:CODE], "big")


def nonce() -> bytes:
    """Return a nonce for a new connection, in hexadecimal."""
    return hexlify(os.urandom(NONCE))


def keys() -> list[bytes]:
    """Return the cluster's keys, the one to use first; two while they are being changed."""
    from .. import secrets

    return [unhexlify(key) for key in secrets.read("keys")]


def key_name(key: bytes) -> bytes:
    """Return the public name of a key, in hexadecimal."""
    return hexlify(sha256(b"torpor key\n" + key).digest()[:4])


def pair(key: bytes, caller: bytes, board: bytes, ours: bytes, theirs: bytes) -> tuple[Mac, Mac]:
    """Return the codes of a connection: one for the calls and one for the responses.

    ``caller`` and ``board`` name the two ends. ``ours`` is the caller's nonce, ``theirs`` the
    board's.
    """
    session = Mac(Mac(key).hash(b"\n".join((b"torpor/1", caller, board, ours, theirs))))
    return Mac(session.hash(b"calls")), Mac(session.hash(b"answers"))
