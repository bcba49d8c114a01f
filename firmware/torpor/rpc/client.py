"""Calls to services on other boards.

Follow ``Stub._call`` (which board, how often) and ``Link.call`` (one attempt). A ``Link`` is the
one connection to a board; the calls of all stubs share it, each with a number, and the answers come
in any order, so that a slow call keeps no other waiting and a ring of calls cannot lock itself.
"""

import asyncio
import os
import socket
from asyncio import core
from binascii import hexlify
from errno import EINPROGRESS, ENOTCONN

from micropython import const

from .. import clock, kernel, names
from ..deadline import left as time_left
from ..log import Log
from ..service import Fault
from ..writer import Pipe
from . import auth, frames, retry
from .retry import Breaker, Lost

_CONNECT_MS = const(3000)
_QUIET_MS = const(400)  # a board that says nothing for so long is asked whether it is alive
_PING_MS = const(600)  # and has this time to say so
_STARTING_MS = const(20000)
_CHUNK = const(512)
_IDLE = const(0)  # as in torpor.http.budget: may be closed when the place is needed
_BUSY = const(4)

_buffer = bytearray(_CHUNK)
_view = memoryview(_buffer)
_HELLO = (
    b"GET /~ HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: %s\r\n"
    b"Torpor-Board: %s\r\nTorpor-Key: %s\r\nTorpor-Nonce: %s\r\n\r\n"
)
_log = Log("remote")


class PeerError(Exception):
    """A bug in a service on another board; its log holds the traceback."""


class Link:
    """The connection of the board ``here`` to the board ``board``, opened when it is needed.

    ``host``: its name or address; ``port``: any port of it where a service listens.
    """

    def __init__(self, here: str, board: str, host: str, port: int) -> None:
        self.here = here
        self.board = board
        self.breaker = Breaker()
        self._met = False  # it has answered since this board started
        self._host = host
        self._port = port
        self._key = 0  # which of the keys it knows
        self._sock: socket.socket | None = None
        self._task: asyncio.Task | None = None
        self._pipe: Pipe | None = None  # as soon as calls may be sent
        self._number = 0
        self._heard = 0  # when the board sent something, in ticks
        self._codes: tuple[auth.Mac, auth.Mac]  # of calls and answers
        self._waiting: dict = {}  # number (of a call) or task (to be connected) -> [task, answer]
        # For the budget of connections.
        self.state = _IDLE
        self.since = 0
        self.stalled: int | None = None

    async def call(self, target: str, mark: int, id: str, arguments, ms: int, again: int):
        """One attempt within ``ms``; status, kind and frame of the answer. Raises ``Lost``.

        If it can be sent ``again``, a board that says nothing is soon asked whether it is alive,
        so that there is time left for another attempt.
        """
        sent = clock.ticks()
        if not self._pipe:
            await self._connected(ms)
            ms -= clock.since(sent)
        number = self._number + 1
        frame = frames.call(number, ms if ms > 0 else 0, mark, target, id, arguments)
        if len(frame) > frames.MAX_CALL - auth.CODE:
            raise Fault(413, "%s: the arguments are larger than 16 kB" % target)
        self._number = number
        try:
            self._send(frame)
        except OSError as e:
            self._lose(e)
            raise Lost("connection lost (%s)" % e, False)
        wait = [core.cur_task, None]
        self._waiting[number] = wait
        self.state = _BUSY
        try:
            if not again:
                await asyncio.sleep_ms(ms)
            else:
                await asyncio.sleep_ms(min(ms // 3, _QUIET_MS))
                if not wait[1] and await self._is_alive(sent, wait, ms // 3):
                    await asyncio.sleep_ms(ms - clock.since(sent))
        finally:
            del self._waiting[number]
            if not self._waiting:
                self.state = _IDLE
                self.since = clock.ticks()
        answer = wait[1]
        if answer is None:
            raise Lost("no answer", True, True)
        if isinstance(answer, Lost):
            raise answer
        return answer

    def _send(self, frame: bytes) -> None:
        if not self._pipe:
            raise OSError(ENOTCONN)
        self._pipe.send(self._codes[0].seal(frame))

    # async
    def _is_alive(self, sent, wait, ms):
        """Whether the board has said anything since ``sent``; if not, it is asked to.

        False as well if the answer came meanwhile.
        """
        if clock.since(self._heard) < clock.since(sent):
            return True
        asked = clock.ticks()
        number = self._number = self._number + 1
        try:
            self._send(frames.call(number, 0, 0, "", "", ()))
        except OSError as e:
            self._lose(e)
            return False
        ms = min(ms, _PING_MS)
        while not wait[1] and clock.since(asked) < ms:
            yield from asyncio.sleep_ms(ms // 8 + 1)
            if clock.since(self._heard) <= clock.since(asked):
                return not wait[1]
        if not wait[1]:
            self._lose("silent for %d ms" % clock.since(sent))
        return False

    # async
    def _connected(self, ms):
        """Wait until calls may be sent. Raises ``Lost``."""
        if not self._task:
            self._task = asyncio.create_task(self._run())
        wait = [core.cur_task, None]
        self._waiting[core.cur_task] = wait
        try:
            yield from asyncio.sleep_ms(ms)
        finally:
            del self._waiting[core.cur_task]
        if isinstance(wait[1], Lost):
            raise wait[1]
        if not self._pipe:
            raise Lost("not reached", False, True)

    async def _run(self) -> None:
        """Connect, and take answers until the connection ends."""
        budget = kernel.current and kernel.current.budget
        self.state = _BUSY
        try:
            if budget:
                if not await budget.admit_link(self):
                    raise OSError("all connections of this board are busy")
            await asyncio.wait_for_ms(self._open(), _CONNECT_MS)
            self._wake()
            await self._read()
            self._lose("connection closed")
        except asyncio.TimeoutError:
            self._not_reached()
            self._lose("not reached")
        except (OSError, ValueError) as e:
            self._not_reached()
            self._lose(e)
        except asyncio.CancelledError:
            pass
        finally:
            if budget:
                budget.remove(self)

    def _not_reached(self) -> None:
        if not self._pipe:
            names.failed(self._host, self._port)

    async def _open(self) -> None:
        """Connect and agree on the keys of this connection. Raises ``OSError``."""
        keys = auth.keys()
        if not keys:
            raise OSError("this board has no key: put [cluster] keys into secrets.toml")
        for _ in keys:
            self._key %= len(keys)
            key = keys[self._key]
            ours = auth.nonce()
            address = names.find(self._host, self._port)
            sock = self._sock = socket.socket()
            status, theirs = await self._greet(sock, address, key, ours)
            if status == 101:
                ends = self.here.encode(), self.board.encode()
                self._codes = auth.pair(key, *ends, ours, theirs)
                self._number = 0
                self._pipe = Pipe(self._sock, self)
                return
            sock.close()
            self._key += 1
            if status != 401:
                raise OSError("it answers %d" % status)
        raise OSError("it knows no key of this board")

    async def _greet(self, sock, address, key, ours):
        """Connect; the status that the board answers, and its number."""
        sock.setblocking(False)
        try:
            sock.connect(address)
        except OSError as e:
            if e.errno != EINPROGRESS:
                raise
        yield core._io_queue.queue_write(sock)
        name = auth.name(key)
        sock.write(_HELLO % (self._host.encode(), frames.VERSION, self.here.encode(), name, ours))
        head = b""
        while b"\r\n\r\n" not in head:
            head += await self._receive(sock)
            if len(head) > 1024:
                raise OSError("it does not answer as a torpor board")
        nonce = board = b""
        for line in head.split(b"\r\n"):
            if line[:14].lower() == b"torpor-nonce: ":
                nonce = line[14:]
            elif line[:14].lower() == b"torpor-board: ":
                board = line[14:]
        status = int(head[9:12])
        if status == 101 and board != self.board.encode():
            raise OSError("%s is the board %s" % (self._host, str(board, "utf-8")))
        return status, nonce

    # async
    def _receive(self, sock):
        """What the board has sent. Raises ``OSError`` when the connection has ended."""
        while True:
            n = sock.readinto(_buffer)
            if n:
                self._heard = clock.ticks()
                return bytes(_view[:n])
            if n == 0:
                raise OSError("connection closed")
            yield core._io_queue.queue_read(sock)

    # async
    def _read(self):
        """Give each answer to the call that waits for it."""
        sock: socket.socket = self._sock  # type: ignore[assignment]
        answers = self._codes[1]
        cut = frames.Frames(frames.MAX_ANSWER)
        data = b""
        n: int | None = 0
        while True:
            frame = cut.take(data)
            if frame is None:
                # There is more at once only where the last piece was a full one.
                n = sock.readinto(_buffer) if n == _CHUNK else None
                while n is None:
                    yield core._io_queue.queue_read(sock)
                    n = sock.readinto(_buffer)
                if n == 0:
                    raise OSError("connection closed")
                self._heard = clock.ticks()
                data = bytes(_view[:n])
                continue
            data = b""
            if not answers.check(frame):
                raise OSError("its answer is not signed with the cluster's key")
            _, number, status, kind = frames.answer_head(frame)
            self.breaker.failures = 0
            self._met = True
            if kind == frames.CLOSING:
                for each in self._waiting:
                    if isinstance(each, int) and each > number:
                        self._waiting[each][1] = Lost("the board closed the connection", False)
                raise OSError("connection closed")
            if kind == frames.REFUSED and not number:
                raise OSError("it does not take this board's calls for genuine")
            wait = self._waiting.get(number)
            if wait and not wait[1]:
                busy = kind == frames.REFUSED and status == 503
                wait[1] = Lost("it is busy", False) if busy else (status, kind, frame)
                _resume(wait[0])

    def _wake(self) -> None:
        """The connection is there: let those go on who wait to send."""
        for wait in self._waiting.values():
            _resume(wait[0])

    def _lose(self, reason) -> None:
        """The connection has ended: close it and tell all who wait."""
        pipe = self._pipe
        self._close()
        for number, wait in self._waiting.items():
            if not wait[1]:
                wait[1] = Lost(str(reason), isinstance(number, int))
            _resume(wait[0])
        if not pipe or self._waiting:
            self.breaker.failed()

    def _close(self) -> None:
        task = self._task
        self._pipe = self._task = None
        if self._sock:
            self._sock.close()
            self._sock = None
        if task and task is not core.cur_task:
            task.cancel()

    def is_starting(self) -> bool:
        """Whether both boards may just have been switched on, so that it is worth waiting."""
        return not self._met and clock.uptime_ms() < _STARTING_MS

    def suspect(self, ms: int) -> None:
        """A call had no answer for ``ms``: if nothing else came either, the connection is dead."""
        if clock.since(self._heard) >= ms:
            self._lose("silent for %d ms" % ms)

    def drop(self) -> None:
        """End the connection, for the budget needs its place."""
        self._lose("connection given up for another")

    async def probe(self) -> None:
        """Find out whether the board is back."""
        try:
            await self._connected(_CONNECT_MS)
        except Lost:
            pass
        else:
            self.breaker.succeeded()


def _resume(task) -> None:
    """Let a task go on that sleeps."""
    if task is not core.cur_task:
        core._task_queue.remove(task)  # type: ignore[attr-defined]
        core._task_queue.push(task)  # type: ignore[attr-defined]


class Stub:
    """Stands where a service of another board would be; the build derives one for each.

    ``links``: to the boards that have the service; with several, calls go to each in turn.
    ``ms``: how long a call may take if its task has no deadline. ``version``: of the contract.
    """

    def __init__(self, version: int, links: tuple, ms: int) -> None:
        self._version = version
        self._links = links
        self._ms = ms
        self._turn = 0

    async def _call(self, target: str, marks, arguments: tuple, defaults=(), again: int = 0):
        """Call ``service.method``. Arguments at the end that are as in ``defaults`` are left to
        the board, so that it need not know them yet; ``marks`` has a fingerprint for each number of
        others.
        """
        mark = marks
        if defaults:
            n = len(defaults)
            while n and _same(arguments[n - len(defaults) - 1], defaults[n - 1]):
                n -= 1
            mark = marks[n]
            arguments = arguments[: len(arguments) - len(defaults) + n]
        id = str(hexlify(os.urandom(8)), "utf-8") if again == retry.KNOWN else ""
        left = ms = time_left(self._ms)
        began = clock.ticks()
        attempt = 0
        link = None
        while True:
            link = self._pick(link)
            if link is None:
                boards = ", ".join([each.board for each in self._links])
                raise Fault(503, "%s on %s: it has failed again and again" % (target, boards))
            try:
                status, kind, frame = await link.call(target, mark, id, arguments, left, again)
                break
            except Lost as e:
                attempt += 1
                if e.late and e.sent:
                    link.suspect(left)
                left = ms - clock.since(began)
                wait = retry.pause(e, again, attempt, link.is_starting(), left)
                if wait < 0:
                    text = "%s on %s: %s" % (target, link.board, e.reason)
                    if e.late:
                        text += " within %d ms" % ms
                    if e.sent and not again:
                        text += "; it may have been executed"
                    raise Fault(504 if e.late else 503, text)
                _log.debug("%s on %s: %s, again", target, link.board, e.reason)
                await asyncio.sleep_ms(wait)
                left -= wait
        try:
            value = frames.decode(frame, kind)
        except ValueError:
            raise PeerError("%s on %s answers with no JSON" % (target, link.board))
        if kind <= frames.TUPLE:
            return value
        raise self._error(status, kind, value, target, link)

    def _pick(self, last):
        """The link to use, another than ``last`` if there is one; None: all boards failed."""
        links = self._links
        if len(links) == 1:
            link = links[0]
            passes = not link.breaker.failures or link.breaker.allows() or link.is_starting()
            return link if passes else None
        found = None
        for _ in links:
            self._turn = (self._turn + 1) % len(links)
            link = links[self._turn]
            if not link.breaker.closed():
                if link.breaker.allows():
                    asyncio.create_task(link.probe())
            elif link is last:
                found = link
            else:
                return link
        return found

    def _error(self, status, kind, value, target, link):
        """The error that an answer tells of."""
        if kind == frames.FAULT:
            return Fault(status, value[0], value[1])
        where = "%s on %s: " % (target, link.board)
        if kind == frames.BUG:
            return PeerError(where + "%s; the log there says more" % value)
        if status == 409:
            version, text = value
            old = link.here if version > self._version else link.board
            mine = "this board was built for version %d of the contract, " % self._version
            text = "%s%s%s; update %s" % (where, mine, text, old)
            _log.error(text)
            return Fault(502, text)
        return Fault(502, where + value)


def _same(a, b) -> bool:
    return a == b and type(a) is type(b)
