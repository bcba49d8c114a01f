"""Listeners and connections: from the socket to the handler and back.

Start reading at ``Listener.run`` (accept), ``Connection.serve`` and ``_serve`` (read a request,
find its handler, write the response; then the next request).

``_serve`` reads its socket itself and not through ``torpor.sockets``, because another generator
frame would slow down each request. With asyncio's streams the same server handles a third of the
requests per second, and a connection needs 1.3 kB more.
"""

import asyncio
import socket
from errno import EAGAIN, ECONNABORTED, ECONNRESET

from micropython import const

from .. import Fault, clock, heap, loop, sockets
from ..cold import cold
from ..log import Log
from . import wire
from .budget import FRESH, HELD, IDLE, READING, SERVING, STREAMING, Budget
from .response import encode, error
from .router import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Generator

    from ..kernel import Kernel
    from . import microdot_adapter
    from .on_request import Activation

_TURN = const(8)  # requests after which a busy connection lets newcomers and tasks run
_REOPEN_MS = const(1000)
_TURN_MS = const(10)
_LINGER_MS = const(500)
_TURN_AWAY_MS = const(300)
_FULL_MS = const(20)
# Not in MicroPython's ``errno``: ``[errno]`` of ``boards/ports/*.toml`` has the source.
_ENFILE = const(23)
_TCP = const(6)  # IPPROTO_TCP and TCP_NODELAY, which not every port names
_NODELAY = const(1)
_TLS = const(22)  # the first byte of a client that speaks TLS: a handshake record (RFC 8446, 5.1)
_CHUNK = const(1460)  # bytes read at a time: the payload of an Ethernet TCP segment
_AHEAD = const(64)  # bytes read while a handler runs, to notice that its client is gone

_TRACED = const(0)  # 1 in an image with [traces]
if _TRACED:
    from .. import traces
_MEASURED = const(0)  # 1 in an image with /metrics: see host_tools/torpor_tools/link/flags.py
if _MEASURED:
    # ``metrics`` sets both: handler or listener -> its figures, and a function for other statuses.
    figures: dict = {}
    count: "Callable" = None  # type: ignore[assignment]
_LATER = {"Retry-After": "1"}
_SOON_MS = const(10)
_SUCCESS = const(50)  # the digit 2, with which the status of a success begins
_TICKS = const(0x3FFFFFFF)  # mask for a wrapping tick counter; a longer period does no harm

# All connections read into the same buffer: its content is copied before another task runs.
buffer = bytearray(_CHUNK)
_view = memoryview(buffer)
_ahead = memoryview(buffer)[:_AHEAD]

_log = Log("http")


@cold
def start(kernel: "Kernel") -> None:
    """Open a listener for each port of the wiring; all share ``kernel.budget``."""
    cluster = kernel.cluster
    budget = kernel.budget = Budget(cluster.CONNECTIONS, cluster.OUTGOING)
    limits = getattr(cluster, "DEADLINES", ())
    for name, port in cluster.PORTS.items():
        failed = kernel.failed.get(name)
        routes = cluster.ROUTES.get(name)
        tree = routes(kernel.services[name]) if routes and not failed else {}
        tree.update(kernel.branches)
        listener = Listener(name, port, budget, tree, failed)
        if name in limits:
            listener.deadline_ms = limits[name]
        try:
            listener.open()
            _log.info("%s listens on port %d", name, port)
        except OSError as e:
            _log.error("%s cannot listen on port %d: %s", name, port, e)
        kernel.listeners.append(listener)
        kernel.rejoined.append(listener.renew)
        asyncio.create_task(listener.run())


class Listener:
    """A service's port: accepts connections as the board's budget allows and serves its routes.

    A handler is one of two things: a function that takes the request and returns an awaitable of
    the result, or a tuple that begins with a function that serves the request in its own way
    (``response.typed``, ``response.streamed``, ``microdot_adapter.serve``).

    Args:
        name: The service.
        port: The TCP port.
        budget: The connections of the board.
        routes: The tree of handlers: see ``http.router``.
        failed: Why the service did not start; each request is then answered with 503 and this text.
    """

    # Class attributes use no heap in an object until the object sets them.
    failed = None
    activation: "Activation | None" = None  # starts the service when a client comes: see on_request
    deadline_ms = 30000  # how long a handler may take
    spare: "wire.Request | None" = (
        None  # the request object of an ended connection, for the next connection
    )
    _sock: "socket.socket | None" = None
    _task: asyncio.Task = None  # type: ignore[assignment]  # set by run

    def __init__(
        self, name: str, port: int, budget: "Budget", routes: dict, failed: str | None = None
    ) -> None:
        self.name = name
        self.port = port
        self.budget = budget
        self.routes = routes
        if failed:
            self.failed = failed

    def open(self) -> None:
        """Start listening. Raises ``OSError``."""
        self._sock = _listen(self.port)

    # async
    def run(self) -> "Any":
        """Accept connections forever. A socket that has failed is opened again."""
        budget = self.budget
        while True:
            try:
                if self._sock is None:
                    self.open()
                sock: socket.socket = self._sock  # type: ignore[assignment]
                self._task = asyncio.current_task()  # type: ignore[assignment]
                while True:
                    yield loop.queue_read(sock)
                    while budget.newcomer:  # only one client at a time may use the last socket
                        yield from asyncio.sleep_ms(_TURN_MS)
                    try:
                        client, address = sock.accept()
                    except OSError as e:
                        if e.errno != EAGAIN:
                            yield from _pass_over(e)
                        continue
                    connection = None
                    try:
                        client.setblocking(False)
                        connection = Connection(self, client, address)
                        if budget.has_slot() or (yield from budget.admit()):
                            budget.add(connection)
                            connection.task = asyncio.create_task(connection.serve())
                        else:
                            yield from connection.turn_away()
                    except MemoryError:
                        client.close()  # no task will
                        budget.remove(connection)
                        raise
            except Exception as e:
                # This task has no supervisor, because that would use 320 bytes for each service.
                if isinstance(
                    e, OSError
                ):  # after other errors the socket still works, and clients wait in it
                    self.close()
                try:
                    _log.exception(e, "%s: port %d, goes on in 1 s" % (self.name, self.port))
                except MemoryError:
                    pass
                yield from asyncio.sleep_ms(_REOPEN_MS)
            except asyncio.CancelledError:
                if self._sock is not None:
                    raise

    def renew(self) -> None:
        """Open the socket again after the loss of its network interface."""
        if self._sock is not None:
            self.close()
            self._task.cancel()

    def close(self) -> None:
        """Stop listening; ``run`` opens the port again."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None


class Connection:
    """The connection of a client. The budget reads ``state``, ``since`` and ``stalled``."""

    task: "asyncio.Task | None" = None
    state = FRESH
    stalled: int | None = None  # since when the client has accepted no bytes of a response
    on_drop: "Callable | None" = None  # a function to call before another task ends the connection
    gone = False  # whether the client has closed the connection or cannot be reached
    limit_ms = 0  # how long this handler may take, if its route sets a limit
    ahead = b""  # the bytes that came while a handler ran
    stream: "microdot_adapter._Stream | None" = None  # from which an application reads

    def __init__(self, listener: "Listener", sock: "socket.socket", address: "Any") -> None:
        self.listener = listener
        self.sock = sock
        self.address = address
        self.request = listener.spare or wire.Request()
        listener.spare = None
        self.since = clock.ticks()  # when the state began

    async def serve(self) -> None:
        """Answer requests until either side closes the connection."""
        activation = self.listener.activation
        try:
            if activation:
                self.state = SERVING  # otherwise the budget could close it while it waits
                self.ahead = b"-"  # keeps ``watch`` from reading the request
                await activation.enter()
                self.ahead = b""
                self.state = FRESH
                self.since = clock.ticks()
            await self._serve()
        except (OSError, asyncio.CancelledError):
            pass  # the client is gone, or the budget has closed the connection
        except Exception as e:
            _log.exception(e, self.listener.name)
        finally:
            if _TRACED:
                traces.end(499)  # only if it was cut off: the client is gone, or was evicted
            if activation:
                activation.leave()
            self.close()
            self.listener.spare = self.request

    # async
    def _serve(self):
        sock = self.sock
        request = self.request
        listener = self.listener
        connections = listener.budget.open
        unread = b""  # bytes that have come after the last answered request
        answered = 0  # requests since other tasks could run
        while True:
            n = sock.readinto(buffer)
            if n is None:
                answered = 0
                yield loop.queue_read(sock)
                continue
            if n == 0:
                return
            unread = unread + bytes(_view[:n]) if unread else bytes(_view[:n])
            while unread:
                try:
                    end = unread.find(b"\r\n\r\n") + 4
                    if end <= 4 or unread[0] == 13:
                        skipped = _skip(self, unread)
                        if not skipped:
                            break
                        unread = unread[skipped:]
                        continue
                    if end == len(unread):
                        request.begin(unread)
                        unread = b""
                    else:
                        request.begin(unread[:end])
                        unread = unread[end:]
                    if request.length:
                        unread = yield from self._body(unread)
                except Fault as e:
                    # The beginning of the next request is unknown.
                    yield from _refuse(self, e)
                    return
                self.state = SERVING
                loop.work = self
                if _TRACED:
                    traces.begin_request(request, listener.name)
                if _MEASURED:
                    began = clock.ticks()
                    handler = listener  # used for all requests without a handler
                try:
                    handler = find(listener, request)
                    if type(handler) is tuple:
                        data = yield from handler[0](self, handler, unread)
                    else:
                        data = encode(request, (yield from handler(request)))
                except Exception as e:
                    if isinstance(e, MemoryError):
                        yield loop.push()  # then MicroPython's stack holds nothing of the handler
                    data = self._error(e)
                n = sock.write(data)
                if n != len(data):
                    yield from sockets.drain(sock, data, n, self)
                if _TRACED:
                    traces.end(int(data[9:12]) if data[:5] == b"HTTP/" else 200)
                if _MEASURED:
                    # Nearly all requests succeed quickly. ``count`` handles the others.
                    now = clock.ticks()
                    ms = now - began & _TICKS
                    try:
                        if ms < _SOON_MS and data[9] == _SUCCESS:
                            numbers = figures[handler]
                            numbers[0] += 1
                            if ms:
                                numbers[1] += ms
                        else:
                            count(handler, listener, data, self.state, ms)
                    except (IndexError, KeyError, TypeError):
                        count(handler, listener, data, self.state, ms)
                if request.body:
                    request.body = b""  # otherwise it would stay until the next request
                    request.fields = None
                if not request.keep:
                    return
                if self.ahead:
                    unread += self.ahead
                    self.ahead = b""
                if not unread or b"\r\n\r\n" not in unread:
                    # Otherwise the budget could close it although another request waits.
                    self.state = IDLE
                    if _MEASURED:
                        self.since = now
                    else:
                        self.since = clock.ticks()
                answered += 1
                if answered == _TURN or len(connections) > 1:
                    answered = 0
                    yield loop.push()

    def _reading(self) -> None:
        if self.state != READING:
            self.state = READING
            self.since = clock.ticks()

    # async
    def _body(self, unread: bytes):
        """Read the request's body, and return the bytes after it. Raises ``Fault``."""
        request = self.request
        length = request.length
        if length > wire.MAX_BODY:
            from .body import refuse_too_long

            refuse_too_long(self.listener, request)
            return unread  # for the application
        if length <= len(unread) and length > 0:
            request.body = unread[:length]
            return unread[length:]
        self._reading()
        if request.expects and not unread:
            from .body import wants_body

            if not wants_body(self.listener, request):
                return unread
            yield from self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if length < 0:
            from .body import read_chunks

            return (yield from read_chunks(self, unread))
        body = bytearray(length)
        body[: len(unread)] = unread
        view = memoryview(body)
        received = len(unread)
        while received < length:
            received += yield from sockets.read(self.sock, view[received:])
        request.body = body
        return b""

    def _error(self, e: Exception) -> bytes:
        """Return the response for an exception of a handler."""
        if not isinstance(e, Fault):
            if self.gone and isinstance(e, (OSError, EOFError)):
                raise OSError(ECONNRESET)  # a client that leaves is not an error
            full = isinstance(e, MemoryError)
            if full:
                heap.collect()
            self.report(e)
            e = Fault(503, "out of memory", _LATER) if full else Fault(500, "internal error")
        return error(self.request, e)

    def report(self, e: Exception) -> None:
        """Log an exception that ended the request, under the service's name."""
        request = self.request
        Log(self.listener.name).exception(e, "%s %s" % (request.verb, request.target))

    async def turn_away(self) -> None:
        """Answer 503: all connections of the board are busy."""
        try:
            await _turn_away(self)
        except (OSError, MemoryError):
            pass  # the listener must continue in any case
        finally:
            self.sock.close()
            self.listener.budget.newcomer = False

    # async
    def send(self, data: bytes) -> "Generator":
        """Write all of ``data``. Raises ``OSError`` when the client is gone."""
        try:
            n = self.sock.write(data)
            if n != len(data):
                yield from sockets.drain(self.sock, data, n, self)
        except OSError:
            self.gone = True
            raise

    @cold
    async def linger(self, ms: int = _LINGER_MS, reads: int = 99) -> None:
        """Read what the client still sends. Otherwise closing would discard the response."""
        sock = self.sock
        since = clock.ticks()
        while reads and clock.since(since) < ms:
            try:
                n = sock.readinto(buffer)
            except OSError:
                return  # the client is gone
            if n is None:
                await asyncio.sleep_ms(10)
            elif n:
                reads -= 1
            else:
                return

    def streams(self) -> None:
        """Note that a response in pieces has begun, which may never end."""
        if self.state != STREAMING:
            self.state = STREAMING
            self.since = clock.ticks()
            try:
                # A piece must not wait 40 ms until the client acknowledges the previous one.
                self.sock.setsockopt(_TCP, _NODELAY, 1)
            except OSError:
                pass  # not every port has this option

    def drop(self) -> None:
        """End the connection from another task: cancel its task and close its socket."""
        if self.on_drop:
            self.on_drop()
        if self.task:
            self.task.cancel()
        self.close()

    def close(self) -> None:
        """Close the socket and release its slot in the budget."""
        self.sock.close()
        self.listener.budget.remove(self)

    def time_out(self, status: int, text: str) -> None:
        """Answer with an error and end the connection; called by the task that watches it."""
        self.request.keep = False
        try:
            self.sock.write(error(self.request, Fault(status, text)))
        except (OSError, MemoryError):
            pass
        self.drop()

    def watch(self) -> None:
        """Cancel the running handler if its client is gone or its time is over."""
        if self._is_abandoned():
            self.gone = True
            self.drop()
        elif self.state == SERVING:
            self.state = HELD
            self.since = clock.ticks()
        elif self.state == HELD and not self.left():
            _give_up(self)

    def left(self) -> int:
        """Return the ms that the handler still has; -1 for a stream, which has no limit."""
        if self.state == STREAMING:
            return -1
        limit = self.limit_ms or self.listener.deadline_ms
        return max(0, limit - clock.since(self.since)) if self.state == HELD else limit

    def _is_abandoned(self) -> bool:
        stream = self.stream
        if self.ahead or (stream and stream.is_watching()):
            return False
        try:
            n = self.sock.readinto(_ahead)
        except OSError:
            return True
        if n:
            self.ahead = bytes(_ahead[:n])
        return n == 0


@cold
def _skip(connection: Connection, data: bytes) -> int:
    """Return how many bytes precede a request line, in data without a complete head.

    Most heads come in one piece. Raises ``Fault`` if the data cannot become a head.
    """
    from .wire import framed

    if data[0] == _TLS:
        raise OSError("TLS on a plain port")  # the client would not understand a response
    skipped = framed(data)
    if len(data) - skipped > wire.MAX_HEAD:
        raise Fault(431, "the head is larger than %d bytes" % wire.MAX_HEAD)
    connection._reading()
    return skipped


@cold
def _give_up(connection: Connection) -> None:
    """Answer 504 and cancel the handler, because its time is over."""
    from .overdue import report_overdue

    ms = connection.limit_ms or connection.listener.deadline_ms
    connection.time_out(504, report_overdue(connection, ms))


@cold
def _listen(port: int) -> socket.socket:
    """Return a socket that listens on the port. Raises ``OSError``."""
    address = socket.getaddrinfo("0.0.0.0", port)[0][-1]
    sock = socket.socket()
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(4)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


# async
@cold
def _pass_over(error):
    """Continue after an error of ``accept`` that affects one client; raise any other error."""
    if error.errno == _ENFILE:  # the board has no socket left, and the client is gone
        yield from asyncio.sleep_ms(_FULL_MS)
    elif error.errno not in (ECONNABORTED, ECONNRESET):
        raise error


@cold
async def _refuse(connection, fault) -> None:
    """Answer a request that cannot be read to its end, and close."""
    request = connection.request
    request.keep = False
    request.verb = ""
    await connection.send(error(request, fault))
    await connection.linger()


@cold
async def _turn_away(connection) -> None:
    """Answer 503 to a client when all connections are in use."""
    sock = connection.sock
    await connection.linger(_TURN_AWAY_MS, 1)  # read the request: closing with unread bytes resets
    connection.request.keep = False
    fault = Fault(503, "all connections are busy", {"Retry-After": "1"})
    sock.write(error(connection.request, fault))
    await connection.linger(_TURN_AWAY_MS)
