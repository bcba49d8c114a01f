"""Calls to services on other boards.

Follow ``Stub._call`` (which board, how often) and ``Connection.call`` (one attempt). All stubs
share the one connection to a board. Each call has a number, and the responses come in any order: a
slow call delays no other, and a ring of calls cannot deadlock.
"""

import asyncio
import os
import socket
from binascii import hexlify
from errno import ENOTCONN

from micropython import const

from .. import Fault, clock, kernel, loop, sockets
from ..cold import cold
from ..deadline import left as time_left
from ..log import Log
from . import frames, retry
from .retry import Breaker, Lost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_CONNECT_MS = const(3000)
_QUIET_MS = const(400)  # a board that sends nothing for this long is pinged
_PING_MS = const(600)  # and has this time to respond
_STARTING_MS = const(20000)
_CHUNK = const(512)
_IDLE = const(0)  # as in torpor.http.budget: may be closed when its slot is needed
_SERVING = const(4)

_buffer = bytearray(_CHUNK)
_view = memoryview(_buffer)
_HELLO = (
    b"GET /~ HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: %s\r\n"
    b"Torpor-Board: %s\r\nTorpor-Key: %s\r\nTorpor-Nonce: %s\r\n\r\n"
)
_log = Log("remote")


class PeerError(Exception):
    """A bug in a service on another board; its log holds the traceback."""


class Waiting:
    """A task that waits for a value in ``asyncio.sleep_ms``. Made by that task."""

    value = None

    def __init__(self) -> None:
        self._task: Any = asyncio.current_task()

    def set(self, value: "Any") -> None:
        """Set the value and end the sleep. Later values are ignored."""
        if self.value is None:
            self.value = value
            loop.wake_task(self._task)


class Connection:
    """The connection of the board ``here`` to the board ``board``, opened when it is needed.

    Args:
        here: The name of this board.
        board: The name of the other one.
        host: Its host name or address.
        port: A port of that board on which any service listens.
    """

    def __init__(self, here: str, board: str, host: str, port: int) -> None:
        self.here = here
        self.board = board
        self.breaker = Breaker()
        self._met = False  # whether it has responded since this board started
        self._host = host
        self._port = port
        self._key = 0  # index of the key that the board knows
        self._sock: socket.socket | None = None
        self._task: asyncio.Task | None = None
        self._writer: sockets.FrameWriter | None = None  # set when calls may be sent
        self._number = 0
        self._last_received = 0  # when the board last sent something, in ticks
        self._codes: tuple[frames.Mac, frames.Mac]  # of calls and responses
        self._calls: dict[int, Waiting] = {}  # number of a call -> task that waits for the response
        self._callers: list[Waiting] = []  # tasks that wait for the connection
        # For the budget of connections.
        self.state = _IDLE
        self.since = 0
        self.stalled: int | None = None

    async def call(
        self, target: str, fingerprint: int, id: str, arguments: "Any", ms: int, retry: int
    ) -> tuple:
        """Make one attempt at a call.

        Args:
            target: Service and method.
            fingerprint: The method's, as this board knows it.
            id: The idempotency key; empty for a call that is not sent again.
            arguments: A tuple.
            ms: How long the attempt may take.
            retry: The retry policy. If the call may be sent again, a board that sends nothing is
                pinged early, which leaves time for another attempt.

        Returns:
            Status, kind and frame of the response.

        Raises:
            Lost: No response arrived.
            Fault: The arguments are too large.
        """
        sent = clock.ticks()
        if not self._writer:
            await self._connected(ms)
            ms -= clock.since(sent)
        number = self._number + 1
        frame = frames.call(number, ms if ms > 0 else 0, fingerprint, target, id, arguments)
        if len(frame) > frames.MAX_CALL - frames.CODE:
            raise Fault(413, "%s: the arguments are larger than 16 kB" % target)
        self._number = number
        try:
            self._send(frame)
        except OSError as e:
            self._lose(e)
            raise Lost("connection lost (%s)" % e, False)
        waiting = self._calls[number] = Waiting()
        self.state = _SERVING
        try:
            await asyncio.sleep_ms(min(ms // 3, _QUIET_MS) if retry else ms)
            if retry and not waiting.value and await self._is_alive(sent, waiting, ms // 3):
                await asyncio.sleep_ms(ms - clock.since(sent))
        finally:
            del self._calls[number]
            if not self._calls:
                self.state = _IDLE
                self.since = clock.ticks()
        response = waiting.value
        if response is None:
            raise Lost("no answer", True, True)
        if isinstance(response, Lost):
            raise response
        return response

    def _send(self, frame: bytes) -> None:
        if not self._writer:
            raise OSError(ENOTCONN)
        self._writer.send(self._codes[0].seal(frame))

    # async
    def _is_alive(self, sent, waiting, ms):
        """Return whether the board has sent anything since ``sent``; ping it if it has not.

        Also returns False if the response has arrived in the meantime.
        """
        if clock.since(self._last_received) < clock.since(sent):
            return True
        asked = clock.ticks()
        number = self._number = self._number + 1
        try:
            self._send(frames.call(number, 0, 0, "", "", ()))
        except OSError as e:
            self._lose(e)
            return False
        ms = min(ms, _PING_MS)
        while not waiting.value and clock.since(asked) < ms:
            yield from asyncio.sleep_ms(ms // 8 + 1)
            if clock.since(self._last_received) <= clock.since(asked):
                return not waiting.value
        if not waiting.value:
            self._lose("silent for %d ms" % clock.since(sent))
        return False

    async def _connected(self, ms) -> None:
        """Wait until calls may be sent. Raises ``Lost``."""
        if not self._task:
            self._task = asyncio.create_task(self._run())
        waiting = Waiting()
        self._callers.append(waiting)
        try:
            await asyncio.sleep_ms(ms)
        finally:
            self._callers.remove(waiting)
        if isinstance(waiting.value, Lost):
            raise waiting.value
        if not self._writer:
            raise Lost("not reached", False, True)

    async def _run(self) -> None:
        """Connect, and read responses until the connection ends."""
        budget = kernel.current and kernel.current.budget
        self.state = _SERVING
        try:
            if budget:
                if not await budget.admit_outgoing(self):
                    raise OSError("all connections of this board are busy")
            await asyncio.wait_for_ms(self._open(), _CONNECT_MS)
            for waiting in self._callers:
                waiting.set(True)
            await self._read()
        except asyncio.TimeoutError:
            self._not_reached("not reached")
        except (OSError, ValueError) as e:
            self._not_reached(e)
        except asyncio.CancelledError:
            pass
        finally:
            if budget:
                budget.remove(self)

    def _not_reached(self, reason) -> None:
        if not self._writer:
            sockets.note_unreachable(self._host, self._port)
        self._lose(reason)

    async def _open(self) -> None:
        """Connect and agree on the keys of this connection. Raises ``OSError``."""
        keys = frames.keys()
        if not keys:
            raise OSError("this board has no key: put [cluster] keys into secrets.toml")
        for _ in keys:
            self._key %= len(keys)
            key = keys[self._key]
            ours = frames.nonce()
            address = sockets.look_up(self._host, self._port)
            sock = self._sock = socket.socket()
            status, theirs = await self._greet(sock, address, key, ours)
            if status == 101:
                ends = self.here.encode(), self.board.encode()
                self._codes = frames.pair(key, *ends, ours, theirs)
                self._number = 0
                self._writer = sockets.FrameWriter(sock, self)
                return
            sock.close()
            self._key += 1
            if status != 401:
                raise OSError("it answers %d" % status)
        raise OSError("it knows no key of this board")

    async def _greet(self, sock, address, key, ours):
        """Connect, and return the status and the nonce with which the board responds."""
        await sockets.connect_to(sock, address)
        name = frames.key_name(key)
        sock.write(_HELLO % (self._host.encode(), frames.VERSION, self.here.encode(), name, ours))
        head = b""
        while b"\r\n\r\n" not in head:
            n = await sockets.read(sock, _buffer)
            self._last_received = clock.ticks()
            head += bytes(_view[:n])
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
    def _read(self):
        """Read responses and give each to the call that waits for it. Raises ``OSError``.

        It reads the socket itself: a generator for each read would cost each call time.
        """
        sock: socket.socket = self._sock  # type: ignore[assignment]
        responses = self._codes[1]
        reader = frames.FrameReader(frames.MAX_ANSWER)
        data = b""
        n: int | None = 0
        while True:
            frame = reader.take(data)
            if frame is None:
                # There is more to read only if the last read has filled the buffer.
                n = sock.readinto(_buffer) if n == _CHUNK else None
                while n is None:
                    yield loop.queue_read(sock)
                    n = sock.readinto(_buffer)
                if n == 0:
                    raise OSError("connection closed")
                self._last_received = clock.ticks()
                data = bytes(_view[:n])
                continue
            data = b""
            if not responses.check(frame):
                raise OSError("its answer is not signed with the cluster's key")
            _, number, status, kind = frames.answer_head(frame)
            self.breaker.failures = 0
            self._met = True
            if kind == frames.CLOSING:
                for each in self._calls:
                    if each > number:
                        self._calls[each].set(Lost("the board closed the connection", False))
                raise OSError("connection closed")
            if kind == frames.REFUSED and not number:
                raise OSError("it rejects this board's calls")
            waiting = self._calls.get(number)
            if waiting:
                busy = kind == frames.REFUSED and status == 503
                waiting.set(Lost("it is busy", False) if busy else (status, kind, frame))

    def _lose(self, reason) -> None:
        """Close the connection, which has ended, and report ``Lost`` to all waiting tasks."""
        writer = self._writer
        self._close()
        for waiting in self._calls.values():
            waiting.set(Lost(str(reason), True))
        for waiting in self._callers:
            waiting.set(Lost(str(reason), False))
        if not writer or self._calls or self._callers:
            self.breaker.failed()

    def _close(self) -> None:
        task = self._task
        self._writer = self._task = None
        if self._sock:
            self._sock.close()
            self._sock = None
        if task and task is not asyncio.current_task():
            task.cancel()

    def is_starting(self) -> bool:
        """Return whether both boards may just have been switched on, so waiting is worthwhile."""
        return not self._met and clock.uptime_ms() < _STARTING_MS

    def suspect(self, ms: int) -> None:
        """Close the connection if nothing has arrived for ``ms``, while a call waited."""
        if clock.since(self._last_received) >= ms:
            self._lose("silent for %d ms" % ms)

    def drop(self) -> None:
        """Close the connection: the budget needs its slot."""
        self._lose("connection closed for another")

    async def probe(self) -> None:
        """Find out whether the board is back."""
        try:
            await self._connected(_CONNECT_MS)
        except Lost:
            pass
        else:
            self.breaker.succeeded()


class Stub:
    """Represents a service of another board; the build derives a class for each.

    Args:
        version: The version of the service's contract.
        connections: To the boards that run the service; calls go to each in turn.
        ms: How long a call may take if its task has no deadline.
    """

    def __init__(self, version: int, connections: tuple, ms: int) -> None:
        self._version = version
        self._connections = connections
        self._ms = ms
        self._last = 0  # index of the connection that was chosen last

    async def _call(
        self, target: str, fingerprints, arguments: tuple, defaults=(), policy: int = 0
    ):
        """Call a method.

        Args:
            target: ``service.method``.
            fingerprints: Of the method; with ``defaults`` a tuple, with one for each number of
                optional arguments.
            arguments: All arguments. Trailing ones that equal their default are omitted, so that a
                board that does not know them yet can execute the call.
            defaults: The defaults of the optional arguments.
            policy: The retry policy: see ``retry``.

        Returns:
            What the method returned.

        Raises:
            Fault: The method raised it, or no board responded in time.
            PeerError: The method raised something else.
        """
        fingerprint = fingerprints
        if defaults:
            n = len(defaults)
            while n and _same(arguments[n - len(defaults) - 1], defaults[n - 1]):
                n -= 1
            fingerprint = fingerprints[n]
            arguments = arguments[: len(arguments) - len(defaults) + n]
        id = str(hexlify(os.urandom(8)), "utf-8") if policy == retry.KNOWN else ""
        left = ms = time_left(self._ms)
        began = clock.ticks()
        attempt = 0
        connection = None
        while True:
            connection = self._pick(connection)
            if connection is None:
                boards = ", ".join([each.board for each in self._connections])
                raise Fault(503, "%s on %s: it has failed repeatedly" % (target, boards))
            try:
                status, kind, frame = await connection.call(
                    target, fingerprint, id, arguments, left, policy
                )
                break
            except Lost as e:
                attempt += 1
                if e.late and e.sent:
                    connection.suspect(left)
                left = ms - clock.since(began)
                wait = retry.pause(e, policy, attempt, connection.is_starting(), left)
                if wait < 0:
                    text = "%s on %s: %s" % (target, connection.board, e.reason)
                    if e.late:
                        text += " within %d ms" % ms
                    if e.sent and not policy:
                        text += "; it may have been executed"
                    _lost(target, text)
                    raise Fault(504 if e.late else 503, text)
                _log.debug("%s on %s: %s, again", target, connection.board, e.reason)
                await asyncio.sleep_ms(wait)
                left -= wait
        try:
            value = frames.decode(frame, kind)
        except ValueError:
            raise PeerError("%s on %s: the answer is not valid JSON" % (target, connection.board))
        if kind <= frames.TUPLE:
            return value
        raise self._error(status, kind, value, target, connection)

    def _pick(self, previous):
        """Return the connection to use; not ``previous`` if there is another one.

        Returns None if the circuit breakers of all boards are open.
        """
        connections = self._connections
        if len(connections) == 1:
            connection = connections[0]
            breaker = connection.breaker
            passes = not breaker.failures or breaker.allows() or connection.is_starting()
            return connection if passes else None
        chosen = None
        for _ in connections:
            self._last = (self._last + 1) % len(connections)
            connection = connections[self._last]
            if not connection.breaker.closed():
                if connection.breaker.allows():
                    asyncio.create_task(connection.probe())
            elif connection is previous:
                chosen = connection
            else:
                return connection
        return chosen

    def _error(self, status, kind, value, target, connection):
        """Return the exception that a response carries."""
        if kind == frames.FAULT:
            return Fault(status, value[0], value[1])
        where = "%s on %s: " % (target, connection.board)
        if kind == frames.BUG:
            return PeerError(where + "%s; the log there says more" % value)
        if status == 409:
            version, text = value
            old = connection.here if version > self._version else connection.board
            mine = "this board was built for version %d of the contract, " % self._version
            text = "%s%s%s; update %s" % (where, mine, text, old)
            _log.error(text)
            return Fault(502, text)
        return Fault(502, where + value)


@cold
def _lost(target: str, text: str) -> None:
    """Log and count a call that was lost, under the name of its caller if that is known."""
    from ..http.overdue import method_of
    from ..log import incident

    k = kernel.current
    task = asyncio.current_task()
    name, _, caller = target.partition(".")
    for each in k.budget.open + [k.budget.parked] if k and k.budget else ():
        if getattr(each, "task", None) is task:
            name, caller = each.listener.name, method_of(each)
    for job in k.schedule.jobs if k and k.schedule else ():
        if job.running is task:
            name, caller = job.log.name, job.method.__name__
    incident("lost call", name or "remote", caller, text)


def _same(a, b) -> bool:
    return a == b and type(a) is type(b)
