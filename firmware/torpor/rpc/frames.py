"""Encodes and decodes the frames of a connection between boards, without sockets.

A frame begins with its whole length. docs/wire.md specifies the rest.
"""

import json
import struct

from micropython import const

from ..http.response import is_json  # a module of its own would leave holes in the heap
from .auth import CODE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


VERSION = b"torpor/1"
MAX_CALL = const(16384)  # bytes of a frame; what a request's body may have
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
BUG = const(4)  # it raised something else, which is in the log there
REFUSED = const(5)  # not executed: a JSON text with the reason
CLOSING = const(6)  # not an answer: no call above this frame's number has been executed


def call(number: int, ms: int, fingerprint: int, target: str, id: str, arguments: "Any") -> bytes:
    """Return a call without its code. ``id`` is the key of one that may be sent again, or empty.

    Raises ``ValueError`` for arguments that JSON does not have.
    """
    body = b"%s %s\n%s" % (target, id, _json(arguments, target))  # type: ignore[str-format]
    return struct.pack(_CALL, _CALL_HEAD + len(body) + CODE, number, ms, fingerprint) + body


def read_call(frame: bytes) -> tuple:
    """Return target with id, as they are sent, and arguments of a call whose code is right.

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
    """Return kind and body of the response with this result.

    Raises ``ValueError`` for what JSON does not have.
    """
    if isinstance(result, (bytes, bytearray)):
        return BYTES, bytes(result)
    return TUPLE if isinstance(result, tuple) else VALUE, _json(result, "").encode()


def _json(value, name: str) -> str:
    """Return JSON text. Raises ``ValueError`` for values that JSON does not have."""
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
        """Return the next frame if it is whole with ``data``, which has arrived, else None.

        Raises ``ValueError`` for a frame beyond the limit.
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
