"""Calls from other boards through the mailbox: docs/wire.md, "Through the mailbox".

Only an image whose services are called by other boards while this one sleeps has this module.

The calling board puts a note into the mailbox. When this board wakes, it responds with a nonce, and
the other board sends the call, sealed with keys that depend on the nonce. So a call that was
recorded at the broker is not valid again, and a call whose caller has given up is not executed. The
mailbox executes a call like any other request: exactly once.
"""

import asyncio

from micropython import const

from ..deadline import begin, end
from ..rpc import frames, serve
from . import execute, mailbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..http.wire import Request
    from ..kernel import Kernel
    from .execute import Envelope

_FRESH = const(32)  # calls for which a nonce is valid


class Calls:
    """Checks, executes and seals. ``board`` is the name of this one."""

    def __init__(self, board: str) -> None:
        self._board = board.encode()
        self._keys = frames.keys()
        self._nonce = frames.nonce()
        self._left = _FRESH

    def greeting(self) -> bytes:
        """Return the response to a note: the nonce, and the names of the keys."""
        return b" ".join([b"held", self._nonce] + [frames.key_name(key) for key in self._keys])

    def is_genuine(self, envelope: "Envelope") -> bool:
        """Return whether the call was sealed with the nonce that is valid now."""
        codes = self._codes(envelope)
        frame = bytes(envelope.data)
        if not codes or len(frame) < 2 * frames.CODE or not codes[0].check(frame):
            return False
        self._left -= 1
        if not self._left:
            self._nonce = frames.nonce()
            self._left = _FRESH
        envelope.codes = codes
        return True

    def _codes(self, envelope: "Envelope"):
        caller, name = envelope.head.get("from"), envelope.head.get("key")
        if type(caller) is str and type(name) is str:
            for key in self._keys:
                if frames.key_name(key) == name.encode():
                    id = envelope.id.encode()
                    return frames.pair(key, caller.encode(), self._board, id, self._nonce)

    async def serve(self, request: "Request", envelope: "Envelope") -> bytes:
        """Execute a call that is genuine; return its response, in the form of an HTTP response."""
        if envelope.head.get("safe"):
            request.key = "/GET"  # it need not be recorded if it writes nothing
        status = 200
        target = b""
        frame = bytes(envelope.data)
        _, _, ms, fingerprint = frames.call_head(frame)
        try:
            target, arguments = frames.read_call(frame)
            begin(ms)
            try:
                kind, body = frames.encode(await serve.call(target, arguments, fingerprint))
            finally:
                end()
        except asyncio.CancelledError:  # its caller no longer waits
            status, kind, body = serve.late(target, envelope.head["from"], ms)
        except Exception as e:
            status, kind, body = serve.failed(e, target, envelope.head["from"])
        return b"HTTP/1.1 %d ~%d\r\n\r\n" % (status, kind) + body

    def seal(self, envelope: "Envelope", response: bytes) -> bytes:
        """Return a response with its code."""
        codes = envelope.codes or self._codes(envelope)
        return codes[1].seal(response) if codes else response


def start(kernel: "Kernel") -> None:
    """Let the mailbox accept calls."""
    mailbox.calls = execute.calls = Calls(kernel.cluster.BOARD)
