"""Calls from other boards, on any listener of this one.

Follow ``take`` (who is it), ``_Caller._read`` (is the call genuine) and ``_Caller._answer`` (call).
"""

import asyncio

from micropython import const

from .. import clock, kernel
from ..deadline import begin, end
from ..http.budget import IDLE, READING, SERVING
from ..log import Log
from ..service import Fault
from ..writer import Pipe
from . import auth, frames

_AT_ONCE = const(8)  # calls of a board that run; more are refused, so that the heap is not filled
_TURN = const(8)  # calls answered in a row before others get their turn
_KNOWN = const(8)  # answers kept for boards that ask again
_KEPT = const(1024)  # bytes of one
_WELCOME = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n"
    b"Torpor-Board: %s\r\nTorpor-Nonce: %s\r\n\r\n"
)

_known: dict = {}  # id of a call that may come again -> its answer, or None while it runs
_methods: dict = {}  # target of a call, as it is sent -> method and marks
_log = Log("remote")


async def take(connection, rest):
    """Turn a connection that asks for it into one for calls. Raises ``Fault(401)``."""
    request = connection.request
    request.keep = False
    wanted = request.header("torpor-key")
    ours = request.header("torpor-nonce") or b""
    caller = request.header("torpor-board") or b""
    found = [key for key in auth.keys() if auth.name(key) == wanted]
    right = request.header("upgrade") == frames.VERSION and len(request.path) == 1
    if not found or not right or len(ours) != 2 * auth.NONCE or not _is_name(caller):
        raise Fault(401, "for boards of this cluster only")
    board = kernel.current.cluster.BOARD.encode()
    theirs = auth.nonce()
    codes = auth.pair(found[0], caller, board, ours, theirs)
    await connection.send(_WELCOME % (frames.VERSION, board, theirs))
    await _Caller(connection, str(caller, "utf-8"), codes).run(rest)
    return b""


def _is_name(name) -> bool:
    """Whether a board can be called that; anybody may have sent it, and the log shows it."""
    for c in name:
        if not (c == 95 or 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122):
            return False
    return 0 < len(name) < 64


class _Caller:
    """A board that calls us."""

    def __init__(self, connection, name: str, codes) -> None:
        self.connection = connection
        self.name = name
        self.calls, self.answers = codes
        self.last = 0  # number of the last call
        self.running = 0
        self.cut = frames.Frames(frames.MAX_CALL)
        self.reader: asyncio.Task  # the one of our tasks that reads
        self.over = asyncio.Event()
        self.pipe = Pipe(connection.sock, connection)
        self._drop = connection.drop
        connection.drop = self.drop

    async def run(self, rest) -> None:
        """Answer calls until one is not genuine or the connection ends."""
        self.connection.state = READING  # it has shown nothing yet: anybody may come this far
        self.connection.since = clock.ticks()
        self.reader = asyncio.create_task(self._read(rest))
        try:
            await self.over.wait()
        finally:
            self.reader.cancel()

    # async
    def _read(self, rest):
        """Take calls and answer them. Nearly all end at once, and so cost no task of their own;
        when one has to wait, its rest is this task's last work, and another one goes on reading.
        """
        try:
            turn = 0
            while True:
                frame = self.cut.take(rest)
                if frame is None:
                    turn = 0
                    rest = yield from self.connection.read()
                    continue
                rest = b""
                _, number, ms, mark = frames.call_head(frame)
                # The number must be the next: a call that was recorded does not count twice.
                if not self.calls.check(frame) or number != self.last + 1:
                    raise ValueError
                self.last = number
                self.running += 1
                self.connection.state = SERVING
                if self.running > _AT_ONCE:
                    self.reply(number, 503, frames.REFUSED, b'"busy"')
                    continue
                answer = self._answer(frame, number, ms, mark)
                try:
                    answer.send(None)
                except StopIteration:
                    turn += 1
                    if turn == _TURN:
                        turn = 0
                        yield from asyncio.sleep_ms(0)
                    continue
                self.reader = asyncio.create_task(self._read(rest))
                yield from _finish(answer)
                return
        except OSError:
            pass  # the caller has gone
        except ValueError:
            refusal = frames.answer(0, 401, frames.REFUSED, b'"not genuine"')
            self.pipe.send(self.answers.seal(refusal))
            from ..http.refusal import linger  # an overlay: nobody genuine needs it

            yield from linger(self.connection.sock)  # type: ignore[misc]
        self.over.set()

    async def _answer(self, frame, number, ms, mark) -> None:
        status = 200
        target = id = b""
        try:
            target, arguments = frames.read_call(frame)
            if target[-1] != 32:
                target, id = target.split(b" ")
            if id in _known:
                status, kind, body = await _repeated(id)
            elif target == b" ":  # only asks whether we are alive
                kind, body = frames.VALUE, b"null"
            else:
                if id:
                    _remember(id, None)
                begin(ms)
                try:
                    kind, body = frames.encode(await _call(target, arguments, mark))
                finally:
                    end()
        except Fault as e:
            status = e.status
            kind, body = frames.FAULT, frames.encode((e.message, e.headers))[1]
        except _Refused as e:
            status = e.status
            kind, body = frames.REFUSED, frames.encode(e.answer)[1]
        except Exception as e:
            name = str(target, "utf-8").strip()
            Log(name.split(".")[0]).exception(e, "%s, called by %s" % (name, self.name))
            status = 500
            kind, body = frames.BUG, frames.encode(type(e).__name__)[1]
        if id:
            _remember(id, (status, kind, body))
        self.reply(number, status, kind, body)

    def reply(self, number, status, kind, body) -> None:
        """Send an answer, if the board is still there to hear it."""
        if len(body) > frames.MAX_ANSWER - 64:
            _log.error("an answer of %d bytes to %s is too large", len(body), self.name)
            status, kind, body = 500, frames.BUG, b'"an answer larger than 32 kB"'
        try:
            self.pipe.send(self.answers.seal(frames.answer(number, status, kind, body)))
        except OSError:
            pass
        self.running -= 1
        if not self.running:
            self.connection.state = IDLE
            self.connection.since = clock.ticks()

    def drop(self) -> None:
        """Close, for the budget needs the place. What comes from now on is not executed."""
        try:
            self.pipe.send(self.answers.seal(frames.answer(self.last, 0, frames.CLOSING, b"null")))
        except OSError:
            pass
        self._drop()


# async
def _finish(coroutine):
    """Go on with a coroutine that has just been suspended, to its end."""
    try:
        while True:
            try:
                yield
            except BaseException as e:  # a deadline, for example
                coroutine.throw(e)
            else:
                coroutine.send(None)
    except StopIteration:
        pass


class _Refused(Exception):
    """A call that is not executed."""

    def __init__(self, status: int, answer) -> None:
        self.status = status
        self.answer = answer


def _call(target, arguments, mark):
    """The coroutine of a call. Raises ``_Refused`` if the contract here is another."""
    method, marks = _methods.get(target) or _find(target)
    if marks is None:
        return method(**arguments)
    # marks: how many arguments are required, then a fingerprint for each number from there on.
    if isinstance(arguments, dict):  # from the host's tools, which name them
        if mark not in marks[1:]:
            raise _differs(target)
        return method(**arguments)
    n = len(arguments) - marks[0] + 1
    if not 0 < n < len(marks) or marks[n] != mark:
        raise _differs(target)
    return method(*arguments)


def _find(target):
    """The method of that name, with its marks, for this call and all others."""
    from cluster_api import API  # type: ignore[import-not-found]  # generated by the build

    name, method = str(target, "utf-8").strip().split(".")
    if not name and method in kernel.current.tools:
        return kernel.current.tools[method], None
    marks = API.get(name, {}).get(method)
    if not marks:
        raise _differs(target)
    found = _methods[target] = getattr(kernel.current.services[name], method), marks
    return found


def _differs(target):
    from cluster_signatures import SIGNATURES  # type: ignore[import-not-found]

    name, method = str(target, "utf-8").strip().split(".")
    board = kernel.current.cluster.BOARD
    version, methods = SIGNATURES.get(name, (0, {}))
    if not methods:
        return _Refused(404, "%s has no service %s" % (board, name))
    here = methods.get(method)
    here = "it is %s%s" % (method, here) if here else "there is no %s" % method
    return _Refused(409, (version, "on %s, version %d, %s" % (board, version, here)))


async def _repeated(id):
    """The answer of a call that has come before."""
    while id in _known and _known[id] is None:
        await asyncio.sleep_ms(20)
    return _known.get(id) or (500, frames.BUG, b'"its first answer was lost"')


def _remember(id, answer) -> None:
    """Keep the answer of a call that may come again; what is large is not kept."""
    if answer and len(answer[2]) > _KEPT:
        answer = 500, frames.BUG, b'"it was answered, and that was too much to keep"'
    if id not in _known and len(_known) >= _KNOWN:
        for each in _known:
            if _known[each]:
                del _known[each]
                break
    _known[id] = answer
