"""The frames of a connection between boards, between bytes and their meaning; no sockets here.

A frame begins with its whole length. docs/wire.md tells the rest.
"""

import json
import struct

from micropython import const

from ..http.response import is_json  # a module of its own would leave holes in the heap
from .auth import CODE

VERSION = b"torpor/1"
MAX_CALL = const(16384)  # bytes of a frame; what a request's body may have
MAX_ANSWER = const(32768)
_CALL = ">IIII"  # length, number, deadline (ms), fingerprint
_ANSWER = ">IIHH"  # length, number, status, kind
_CALL_HEAD = const(16)
_ANSWER_HEAD = const(12)
_TIGHT = (",", ":")

# What an answer holds.
VALUE = const(0)  # the JSON of what the method returned
BYTES = const(1)  # the bytes that it returned
TUPLE = const(2)  # the JSON of the tuple that it returned
FAULT = const(3)  # the Fault that it raised: its message, and perhaps headers, as a JSON list
BUG = const(4)  # it raised something else, and the log there says what
REFUSED = const(5)  # not executed: a JSON text why
CLOSING = const(6)  # not an answer: no call above this frame's number has been executed


def call(number: int, ms: int, mark: int, target: str, id: str, arguments) -> bytes:
    """A call without its code. ``id`` names a call that may be sent again, else it is empty.

    Raises ``ValueError`` for arguments that JSON does not have.
    """
    body = b"%s %s\n%s" % (target, id, _json(arguments, target))  # type: ignore[str-format]
    return struct.pack(_CALL, _CALL_HEAD + len(body) + CODE, number, ms, mark) + body


def read_call(frame: bytes) -> tuple:
    """Target with id, as they are sent, and arguments of a call that was found genuine.

    Raises ``ValueError``.
    """
    line = frame.find(b"\n", _CALL_HEAD)
    return frame[_CALL_HEAD:line], json.loads(frame[line + 1 : -CODE])


def call_head(frame: bytes) -> tuple:
    """Length, number, deadline (ms) and fingerprint."""
    return struct.unpack_from(_CALL, frame)


def answer(number: int, status: int, kind: int, body: bytes) -> bytes:
    """An answer without its code."""
    return struct.pack(_ANSWER, _ANSWER_HEAD + len(body) + CODE, number, status, kind) + body


def answer_head(frame: bytes) -> tuple:
    """Length, number, status and kind."""
    return struct.unpack_from(_ANSWER, frame)


def encode(result) -> tuple:
    """Kind and body of an answer that is ``result``. Raises ``ValueError`` for what JSON does
    not have.
    """
    if isinstance(result, (bytes, bytearray)):
        return BYTES, bytes(result)
    return TUPLE if isinstance(result, tuple) else VALUE, _json(result, "").encode()


def _json(value, name: str) -> str:
    """Raises ``ValueError`` for what JSON does not have, under that name."""
    if not is_json(value):
        from ..http import seldom

        seldom.refuse(value, name)
    return json.dumps(value, separators=_TIGHT)


def decode(frame: bytes, kind: int):
    """What an answer holds: bytes, a tuple, or any other JSON value. Raises ``ValueError``."""
    body = frame[_ANSWER_HEAD:-CODE]
    if kind == BYTES:
        return body
    value = json.loads(body)
    return tuple(value) if kind == TUPLE else value


class Frames:
    """Cuts what arrives into frames."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.rest = b""

    def take(self, data: bytes) -> bytes | None:
        """The next frame if all of it is there with what has arrived, ``data``.

        Raises ``ValueError`` for a frame beyond the limit.
        """
        if self.rest:
            data = self.rest + data
        self.rest = rest = data
        if len(rest) < 4:
            return None
        length = struct.unpack_from(">I", rest)[0]
        if not _ANSWER_HEAD + CODE <= length <= self.most:
            raise ValueError("a frame of %d bytes" % length)
        if len(rest) == length:
            self.rest = b""
            return rest
        if len(rest) < length:
            return None
        self.rest = rest[length:]
        return rest[:length]
