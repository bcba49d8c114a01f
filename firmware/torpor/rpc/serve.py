"""Calls from other boards, on any listener of this one.

Follow ``take`` (which board is it), ``ServerConnection.run`` (is the call genuine) and
``ServerConnection._respond`` (execute the call).
"""

import asyncio

from micropython import const

from .. import Fault, clock, kernel, loop, port, sockets
from ..cold import cold
from ..deadline import begin, cancel_overdue, end
from ..http.budget import IDLE, READING, SERVING
from ..http.listener import buffer
from ..log import Log, crumb_of
from . import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generator

    from ..http.listener import Connection


_TRACED = const(0)  # 1 in an image with [traces]: see host_tools/torpor_tools/link/flags.py
if _TRACED:
    from .. import traces
_MAX_RUNNING = const(8)  # calls of one board; more are refused, or they could fill the heap
_TURN = const(8)  # calls executed in a row before other tasks have their turn
_MAX_KNOWN = const(8)  # responses kept for boards that repeat a call
_MAX_KEPT = const(1024)  # bytes of such a response
_WELCOME = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n"
    b"Torpor-Board: %s\r\nTorpor-Nonce: %s\r\n\r\n"
)

_known: dict = {}  # id of a call that may be repeated -> its response, or None while it runs
_methods: dict = {}  # target of a call, as it is sent -> method, fingerprints and breadcrumb
_view = memoryview(buffer)
_log = Log("remote")


async def take(connection: "Connection", unread: bytes) -> bytes:
    """Turn an HTTP connection that asks for it into one for calls. Raises ``Fault(401)``."""
    request = connection.request
    request.keep = False
    wanted = request.header("torpor-key")
    ours = request.header("torpor-nonce") or b""
    caller = request.header("torpor-board") or b""
    keys = [key for key in frames.keys() if frames.key_name(key) == wanted]
    valid = request.header("upgrade") == frames.VERSION and len(request.path) == 1
    if not keys or not valid or len(ours) != 2 * frames.NONCE or not _is_name(caller):
        raise Fault(401, "for boards of this cluster only")
    board = kernel.current.cluster.BOARD.encode()
    theirs = frames.nonce()
    codes = frames.pair(keys[0], caller, board, ours, theirs)
    await connection.send(_WELCOME % (frames.VERSION, board, theirs))
    try:
        await ServerConnection(connection, str(caller, "utf-8"), codes).run(unread)
    except OSError:
        pass  # the board has gone
    return b""


def _is_name(name) -> bool:
    """Return whether this can be a board's name; anybody may have sent it, and it is logged."""
    for c in name:
        if not (c == 95 or 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122):
            return False
    return 0 < len(name) < 64


class ServerConnection:
    """The connection of a board that calls this one.

    Args:
        connection: The HTTP connection that it was before.
        name: The board.
        codes: The codes of calls and responses: see ``frames.pair``.
    """

    def __init__(self, connection: "Connection", name: str, codes: "Any") -> None:
        self._connection = connection
        self._name = name
        self._calls, self._responses = codes
        self._last = 0  # number of the last call
        self._running = 0
        self._writer = sockets.FrameWriter(connection.sock, connection)
        connection.on_drop = self._close
        connection.watch = cancel_overdue  # type: ignore[method-assign]  # run() reads

    # async
    def run(self, unread: bytes) -> "Generator":
        """Execute calls until one is not genuine (then return) or the connection ends.

        Raises ``OSError`` when it ends.
        """
        connection = self._connection
        connection.state = READING  # not yet authenticated, so its time is limited
        connection.since = clock.ticks()
        reader = frames.FrameReader(frames.MAX_CALL)
        in_a_row = 0
        try:
            while True:
                frame = reader.take(unread)
                if frame is None:
                    in_a_row = 0
                    n = yield from sockets.read(connection.sock, buffer)
                    unread = bytes(_view[:n])
                    continue
                unread = b""
                _, number, ms, fingerprint = frames.call_head(frame)
                # The number must be the next one: a call that was recorded is not valid again.
                if not self._calls.check(frame) or number != self._last + 1:
                    raise ValueError
                self._last = number
                self._running += 1
                connection.state = SERVING
                if self._running > _MAX_RUNNING:
                    self._reply(number, 503, frames.REFUSED, b'"busy"')
                else:
                    # In one line, the frame would stay on this stack during the call.
                    work: Any = self._respond(frame, number, ms, fingerprint)
                    loop.run_or_spawn(work)
                    work = None
                in_a_row += 1
                if in_a_row == _TURN:
                    in_a_row = 0
                    yield loop.push()
        except ValueError:
            refusal = frames.answer(0, 401, frames.REFUSED, b'"not genuine"')
            self._writer.send(self._responses.seal(refusal))
            yield from connection.linger()

    async def _respond(self, frame, number, ms, fingerprint) -> None:
        """Execute a call and send the response."""
        status = 200
        target = id = b""
        try:
            target, arguments = frames.read_call(frame)
            frame = None  # while the call is executed, its bytes are not needed
            if target[-1] != 32:
                parts = target.split(b" ")  # the third, if any, is a trace
                target, id = parts[:2]
                if _TRACED and len(parts) > 2:
                    name = str(target, "utf-8")
                    traces.begin(parts[2], name, name.split(".")[0])
            if id in _known:
                status, kind, body = await _repeated(id)
            elif target == b" ":  # only asks whether this board is alive
                kind, body = frames.VALUE, b"null"
            else:
                if id:
                    _remember(id, None)
                begin(ms)
                try:
                    work = call(target, arguments, fingerprint)
                    arguments = None
                    kind, body = frames.encode(await work)
                finally:
                    end()
        except asyncio.CancelledError:  # its caller no longer waits
            status, kind, body = late(target, self._name, ms)
        except Exception as e:
            status, kind, body = failed(e, target, self._name)
        if _TRACED:
            traces.end(status)
        if id:
            _remember(id, (status, kind, body))
        self._reply(number, status, kind, body)

    def _reply(self, number, status, kind, body) -> None:
        """Send a response, if the connection is still open."""
        if len(body) > frames.MAX_ANSWER - 64:
            _log.error("an answer of %d bytes to %s is too large", len(body), self._name)
            status, kind, body = 500, frames.BUG, b'"an answer larger than 32 kB"'
        try:
            self._writer.send(self._responses.seal(frames.answer(number, status, kind, body)))
        except OSError:
            pass
        self._running -= 1
        if not self._running:
            self._connection.state = IDLE
            self._connection.since = clock.ticks()

    def _close(self) -> None:
        """Announce that no further call is executed, because the budget closes the connection."""
        frame = frames.answer(self._last, 0, frames.CLOSING, b"null")
        try:
            self._writer.send(self._responses.seal(frame))
        except OSError:
            pass


@cold
def late(target: bytes, caller: str, ms: int) -> tuple:
    """Return status, kind and body of the response to a call that was cancelled, and log that."""
    from ..log import incident

    text = "not done within %d ms" % ms
    what = str(target, "utf-8")
    name, _, method = what.strip().partition(".")
    incident("deadline", name, method, "%s, called by %s: %s" % (what.strip(), caller, text))
    return 504, frames.FAULT, frames.encode((text, None))[1]


def failed(e: Exception, target: bytes, caller: str) -> tuple:
    """Return status, kind and body of the response to a call that raised ``e``; logs a bug."""
    if isinstance(e, Fault):
        return e.status, frames.FAULT, frames.encode((e.message, e.headers))[1]
    if isinstance(e, _Refused):
        return e.status, frames.REFUSED, frames.encode(e.reason)[1]
    name = str(target, "utf-8").strip()
    Log(name.split(".")[0]).exception(e, "%s, called by %s" % (name, caller))
    return 500, frames.BUG, frames.encode(type(e).__name__)[1]


class _Refused(Exception):
    """A call that is not executed."""

    def __init__(self, status: int, reason) -> None:
        self.status = status
        self.reason = reason


def call(target: bytes, arguments: "Any", fingerprint: int) -> "Any":
    """Return the coroutine of a call. Raises ``_Refused`` if the contract differs here."""
    method, signature, crumb = _methods.get(target) or _find(target)
    if signature is None:  # a tool, which leaves no breadcrumb: they ask during a trial, too
        return method(**arguments)
    port.crumb(crumb)
    # The number of required arguments, then a fingerprint for each number of arguments.
    if isinstance(arguments, dict):  # from the host's tools, which name them
        if not any(_fits(known, fingerprint) for known in signature[1:]):
            raise _differs(target)
        return method(**arguments)
    n = len(arguments) - signature[0] + 1
    if not 0 < n < len(signature) or (
        signature[n] != fingerprint and not _fits(signature[n], fingerprint)
    ):
        raise _differs(target)
    return method(*arguments)


def _fits(known, fingerprint) -> bool:
    """Return whether a fingerprint is the known one, or one of them if there are several."""
    return known == fingerprint or (isinstance(known, tuple) and fingerprint in known)


def _find(target):
    """Return the method of that name with its fingerprints, and remember both."""
    from cluster_api import API  # generated by the build

    name, method = str(target, "utf-8").strip().split(".")
    if not name and method in kernel.current.tools:
        return kernel.current.tools[method], None, 0
    signature = API.get(name, {}).get(method)
    if not signature:
        raise _differs(target)
    crumb = crumb_of(2, name, method)
    _methods[target] = getattr(kernel.current.services[name], method), signature, crumb
    return _methods[target]


def _differs(target):
    from cluster_signatures import SIGNATURES

    name, method = str(target, "utf-8").strip().split(".")
    board = kernel.current.cluster.BOARD
    version, methods = SIGNATURES.get(name, (0, {}))
    if not methods:
        return _Refused(404, "%s has no service %s" % (board, name))
    here = methods.get(method)
    here = "it is %s%s" % (method, here) if here else "there is no %s" % method
    return _Refused(409, (version, "on %s, version %d, %s" % (board, version, here)))


async def _repeated(id):
    """Return the response to a call that was received before."""
    while id in _known and _known[id] is None:
        await asyncio.sleep_ms(20)
    return _known.get(id) or (500, frames.BUG, b'"its first answer was lost"')


def _remember(id, response) -> None:
    """Keep the response to a call that may be repeated; a large one is not kept."""
    if response and len(response[2]) > _MAX_KEPT:
        response = 500, frames.BUG, b'"it was executed; its answer was too long to keep"'
    if id not in _known and len(_known) >= _MAX_KNOWN:
        for each in _known:
            if _known[each]:
                del _known[each]
                break
    _known[id] = response
