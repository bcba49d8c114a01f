"""A caller on this computer: one connection to a board, one call after the other."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..closing import Closing
from ..contracts.fingerprint import short_fingerprint
from ..errors import Problem, UserError, fail
from . import sign

VERSION = "torpor/1"
MAX_CALL = 16384  # bytes of a frame
MAX_ANSWER = 32768
_CALL = struct.Struct(">IIII")  # length, number, deadline (ms), fingerprint
_ANSWER = struct.Struct(">IIHH")  # length, number, status, kind
VALUE, BYTES, TUPLE, FAULT, BUG, REFUSED, CLOSING = range(7)


class _ClosedError(OSError):
    """The board has closed the connection before it began with the call."""


class NotReachedError(UserError):
    """The board does not answer now: it sleeps, starts, or is not in this network."""


class CallError(Exception):
    """A call that ended in an error: ``status`` as in HTTP, ``message`` for the user.

    ``kind`` is what docs/wire.md lists: FAULT, BUG or REFUSED.
    """

    def __init__(self, status: int, message: str, kind: int) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.kind = kind

    @property
    def is_no_tool(self) -> bool:
        """Whether the image of the board lacks the tool that was called."""
        # Such a board answers that it has no service with an empty name.
        nameless = self.message.rstrip().endswith("has no service")
        return self.kind == REFUSED and (self.status == 409 or nameless)


def connect(
    address: tuple[str, int],
    board: str,
    keys: Sequence[bytes],
    *,
    caller: str = "host",
    timeout: float = 10.0,
) -> BoardConnection:
    """A connection to ``board``, which has a service at ``address``, with the first key it knows.

    ``timeout`` is in seconds. Raises ``NotReachedError``, and ``UserError`` if the board knows none
    of the keys.
    """
    return BoardConnection(lambda: _open(address, board, keys, caller, timeout))


def _open(
    address: tuple[str, int], board: str, keys: Sequence[bytes], caller: str, timeout: float
) -> _Connection:
    for key in keys:
        try:
            sock = socket.create_connection(address, timeout)
        except OSError as error:
            what = f"board {board} cannot be reached at {address[0]}:{address[1]}: {error}"
            remedy = "start it, or set its address with `host` in cluster.toml"
            if isinstance(error, ConnectionRefusedError):
                remedy += "; if it runs an image with other\nports, name one: --at HOST:PORT"
            raise NotReachedError(Problem(None, what, remedy)) from None
        connection = _greet(sock, board, key, caller)
        if connection:
            return connection
    if not keys:
        raise fail("there is no key of the cluster", "make one: torpor secrets init")
    raise fail(
        f"board {board} knows none of the keys in secrets.toml",
        "build and flash it again, or use the secrets.toml that it was built with",
    )


@dataclass
class _Connection:
    sock: socket.socket
    calls: sign.Mac
    answers: sign.Mac
    number: int = 0  # of the last call


class BoardConnection(Closing):
    """A connection that is ready for calls, opened again when the board has closed it.

    Closed by ``close`` or at the end of its ``with``.
    """

    def __init__(self, opened: Callable[[], _Connection]) -> None:
        self._opened = opened
        self._connection = opened()

    def _close(self) -> None:
        self.close()

    def close(self) -> None:
        self._connection.sock.close()

    def call(
        self,
        service: str,
        method: str,
        arguments: Mapping[str, Any] | Sequence[Any] = (),
        *,
        fingerprint: str,
        deadline_ms: int = 5000,
        id: str = "",
        answer_s: float | None = None,
    ) -> Any:
        """Call ``service.method`` and return its result: a JSON value, bytes or a tuple.

        ``arguments`` by name, or those of the beginning in their order. ``fingerprint`` is that of
        the method with these arguments (``contracts.fingerprint``). ``id`` makes a call known, so
        that it can be sent again without being executed again. ``answer_s``: how long to wait for
        an answer, if that is shorter than the deadline. Raises ``CallError`` for what the board
        answers instead, ``OSError`` if it does not answer.
        """
        seconds = min(deadline_ms / 1000, answer_s or deadline_ms / 1000)
        request = (seconds, deadline_ms, fingerprint, f"{service}.{method}", arguments, id)
        try:
            return self._exchange(*request)
        except _ClosedError:  # for a client that needed the slot; this call was not executed
            self.close()
            self._connection = self._opened()
            return self._exchange(*request)

    def _exchange(self, seconds: float, deadline_ms: int, *request: Any) -> Any:
        connection = self._connection
        connection.number += 1
        frame = encode_call(connection.number, deadline_ms, *request)
        connection.sock.settimeout(seconds)
        connection.sock.sendall(connection.calls.seal(frame))
        return self._read(connection)

    def _read(self, connection: _Connection) -> Any:
        frame = read_frame(connection.sock)
        if not connection.answers.check(frame):
            raise OSError("the answer is not signed with the cluster's key")
        _, number, status, kind = _ANSWER.unpack_from(frame)
        body = frame[_ANSWER.size : -sign.CODE]
        if kind == BYTES:
            return body
        value = json.loads(body)
        if kind in (VALUE, TUPLE):
            return tuple(value) if kind == TUPLE else value
        if kind == CLOSING and number < connection.number:
            raise _ClosedError("the board has closed the connection")
        message = value if isinstance(value, str) else value[1 if kind == REFUSED else 0]
        raise CallError(status, str(message), kind)


def encode_call(
    number: int,
    deadline_ms: int,
    fingerprint: str,
    target: str,
    arguments: Mapping[str, Any] | Sequence[Any],
    id: str = "",
) -> bytes:
    """The frame of a call, without its code. Raises ``UserError`` for a value that is not text."""
    plain = dict(arguments) if isinstance(arguments, Mapping) else list(arguments)
    # No escapes: MicroPython's JSON does not know those of characters beyond U+FFFF.
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    try:
        body = f"{target} {id}\n{text}".encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise fail(f"{half} in an argument is an unpaired surrogate", "send UTF-8") from None
    length = _CALL.size + len(body) + sign.CODE
    if length > MAX_CALL:
        raise ValueError(f"a call of {length} bytes; a board accepts {MAX_CALL}")
    return _CALL.pack(length, number, deadline_ms, short_fingerprint(fingerprint)) + body


def read_frame(sock: socket.socket) -> bytes:
    """The next frame. Raises ``OSError``."""
    head = _exactly(sock, 4)
    length = int.from_bytes(head)
    if not _ANSWER.size + sign.CODE <= length <= MAX_ANSWER:
        raise OSError(f"a frame of {length} bytes")
    return head + _exactly(sock, length - 4)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionResetError("the board has closed the connection")
        data += part
    return data


def _greet(sock: socket.socket, board: str, key: bytes, caller: str) -> _Connection | None:
    """Agree on the keys of a connection; None, with the socket closed, if it knows another key."""
    ours = sign.nonce()
    sock.sendall(hello(board, caller, sign.key_name(key), ours))
    head = b""
    while not head.endswith(b"\r\n\r\n"):  # read byte by byte: behind it frames begin
        head += _exactly(sock, 1)
    status = head.split(b" ", 2)[1]
    if status == b"401":
        sock.close()
        return None
    fields = {
        name.lower(): value
        for name, _, value in (line.partition(": ") for line in head.decode().split("\r\n"))
    }
    name = fields.get("torpor-board", "")
    if status != b"101" or name != board:
        sock.close()
        if name:
            what = f"the address of board {board} belongs to the board {name}"
            raise fail(what, "correct `host` in cluster.toml, or --at")
        raise fail(
            f"what answers at the address of board {board} accepts no calls",
            "if it is the board, it was built without the cluster's key (torpor secrets init): "
            "build it and flash\nit again. If it is not: correct `host` in cluster.toml, or --at",
        )
    return _Connection(sock, *sign.pair(key, caller, board, ours, fields["torpor-nonce"]))


def hello(board: str, caller: str, key_name: str, ours: str) -> bytes:
    """The request that begins a connection for calls."""
    lines = (
        "GET /~ HTTP/1.1",
        f"Host: {board}",
        "Connection: Upgrade",
        f"Upgrade: {VERSION}",
        f"Torpor-Board: {caller}",
        f"Torpor-Key: {key_name}",
        f"Torpor-Nonce: {ours}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
