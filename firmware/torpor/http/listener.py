"""From the socket to the handler and back.

Follow ``Listener.run`` (accept), ``Connection.serve`` (read, one request after the other),
``Connection._handle`` (route, body, call) and ``Connection._answer`` (encode, write).

Sockets are read straight in the event loop: ``yield _io_queue.queue_read(sock)`` suspends the task
only when there is nothing to read. Over asyncio's streams the same server makes a third of the
requests a second, and a connection costs 1.3 kB more.
"""

import asyncio
import socket
from asyncio import core
from errno import EAGAIN, ECONNRESET

from micropython import const

from .. import clock, heap
from ..log import Log
from ..service import Fault
from . import wire
from .budget import FRESH, IDLE, READING, SERVING, STREAMING
from .response import encode, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .on_request import Activation

_TURN = const(8)  # requests after which a lone connection lets newcomers and tasks have their turn
_REOPEN_MS = const(1000)
_TURN_MS = const(10)
_TCP = const(6)  # IPPROTO_TCP and TCP_NODELAY, which not every port names
_NODELAY = const(1)
_TLS = const(22)  # the first byte of a client that speaks TLS: a handshake record (RFC 8446, 5.1)
_CHUNK = const(1460)  # bytes read at a time: the payload of an Ethernet TCP segment

# All connections read into the same buffer: what is in it is copied out before anybody else runs.
buffer = bytearray(_CHUNK)
_view = memoryview(buffer)

_log = Log("http")


class Listener:
    """A service's port: accepts connections as the board's budget allows and serves its routes.

    ``routes`` is the tree that the build made: one dict a path segment, ``"*"`` for a parameter,
    handlers under ``"/GET"`` and the like, and at the root under ``"/"`` one for all requests that
    no route matches. A handler is a function that takes the request and returns an awaitable of
    what to answer, or a tuple that begins with a function which serves the request in its own way
    (``answer.typed``, ``stream.serve``, ``app.serve``). ``failed`` is why the service did not
    start: every request is then answered 503 with it.
    """

    # What an object has not set yet takes none of its heap.
    failed = None
    activation: "Activation | None" = None  # starts the service when a client comes: see on_request
    spare = None  # the request of a connection that has ended, for the next one
    _sock: "socket.socket | None" = None
    _task: asyncio.Task = None  # type: ignore[assignment]  # set by run

    def __init__(self, name: str, port: int, budget, routes: dict, failed=None) -> None:
        self.name = name
        self.port = port
        self.budget = budget
        self.routes = routes
        if failed:
            self.failed = failed

    def open(self) -> None:
        """Begin to listen. Raises ``OSError``."""
        from .opening import listen

        self._sock = listen(self.port)

    # async
    def run(self):
        """Accept for ever. A socket that has failed is opened anew."""
        budget = self.budget
        while True:
            try:
                if self._sock is None:
                    self.open()
                sock: socket.socket = self._sock  # type: ignore[assignment]
                self._task = core.cur_task
                while True:
                    yield core._io_queue.queue_read(sock)
                    while budget.newcomer:  # the socket that is left is for one client at a time
                        yield from asyncio.sleep_ms(_TURN_MS)
                    try:
                        client, address = sock.accept()
                    except OSError as e:
                        if e.errno != EAGAIN:
                            from . import refusal

                            yield from refusal.pass_over(e)
                        continue
                    client.setblocking(False)
                    connection = Connection(self, client, address)
                    if not budget.full() or (yield from budget.admit()):
                        budget.add(connection)
                        connection.task = asyncio.create_task(connection.serve())
                    else:
                        yield from connection.turn_away()
            except Exception as e:
                # Nobody else watches over this task: a supervisor takes 320 bytes a service.
                if isinstance(e, OSError):  # else the socket is sound, and clients wait in it
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
        """Open the socket anew: the interface that it belongs to was gone."""
        if self._sock is not None:
            self.close()
            self._task.cancel()

    def close(self) -> None:
        """Stop listening; ``run`` opens the port again."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def unmatched(self, request, node):
        """The handler for a request that no route takes: ``node`` is where its path leads to in
        the tree, if anywhere. Raises ``Fault``.
        """
        if not node and "/" in self.routes:
            return self.routes["/"]
        from . import refusal

        return refusal.unmatched(self, request, node)


class Connection:
    """A client. ``state``, ``since`` and ``stalled`` are for the budget."""

    task: "asyncio.Task | None" = None
    state = FRESH
    stalled: int | None = None  # since when a write has waited for the client
    gone = False  # the client has closed, or cannot be reached any more

    def __init__(self, listener, sock, address) -> None:
        self.listener = listener
        self.sock = sock
        self.address = address
        self.request = listener.spare or wire.Request()
        listener.spare = None
        self.since = clock.ticks()  # when the state began

    async def serve(self) -> None:
        """Answer requests until either side is done with the connection."""
        activation = self.listener.activation
        try:
            if activation:
                self.state = SERVING  # or it would give way while it waits
                await activation.enter()
                self.state = FRESH
                self.since = clock.ticks()
            await self._serve()
        except (OSError, asyncio.CancelledError):
            pass  # the client has gone, or the budget has closed us
        except Exception as e:
            _log.exception(e, self.listener.name)
        finally:
            if activation:
                activation.leave()
            self.close()
            self.listener.spare = self.request

    async def _serve(self) -> None:
        sock = self.sock
        request = self.request
        listener = self.listener
        queue_read = core._io_queue.queue_read
        others = listener.budget.open
        rest = b""  # bytes that have come and are not answered yet
        turn = 0
        while True:
            n = sock.readinto(buffer)
            if n is None:
                turn = 0
                yield queue_read(sock)
                continue
            if n == 0:
                return
            rest = rest + bytes(_view[:n]) if rest else bytes(_view[:n])
            while rest:
                try:
                    end = rest.find(b"\r\n\r\n")
                    if end <= 0 or rest[0] == 13:
                        data = self._incomplete(rest)
                        if data is rest:
                            break
                        rest = data
                        continue
                    end += 4
                    if end == len(rest):
                        request.begin(rest)
                        rest = b""
                    else:
                        request.begin(rest[:end])
                        rest = rest[end:]
                    if request.length:
                        rest = await self._body(rest)
                except Fault as e:
                    # Where the next request would begin cannot be known.
                    from . import refusal

                    await refusal.refuse(self, e)
                    return
                self.state = SERVING
                try:
                    # The route: a step in the tree for each segment of the path.
                    node = listener.routes
                    for segment in request.steps:
                        node = node.get(segment) or (segment and node.get("*"))
                        if not node:
                            break
                    handler = node and node.get(request.key)
                    if not handler:
                        handler = listener.unmatched(request, node)
                    if type(handler) is tuple:
                        data = await handler[0](self, handler, rest)
                    else:
                        data = encode(request, (await handler(request)))
                except Exception as e:
                    data = self._error(e)
                n = sock.write(data)
                if n != len(data):
                    await self.drain(data, n)
                if request.body:
                    request.body = b""  # or it would stay until the next request
                    request.fields = None
                if not request.keep:
                    return
                if not rest or b"\r\n\r\n" not in rest:
                    # Else it would give way with a request that has come and was not answered.
                    self.state = IDLE
                    self.since = clock.ticks()
                turn += 1
                if turn == _TURN or len(others) > 1:
                    turn = 0
                    core._task_queue.push(core.cur_task)  # type: ignore[attr-defined]
                    yield

    def _incomplete(self, data: bytes) -> bytes:
        """What to keep of a head that is not whole. Raises ``Fault`` if it can never be."""
        if data[0] == _TLS:
            raise OSError("TLS on a plain port")  # no answer of ours would be understood
        skip = wire.framed(data)
        if len(data) - skip > wire.MAX_HEAD:
            raise Fault(431, "the head is larger than %d bytes" % wire.MAX_HEAD)
        self._reading()
        return data[skip:] if skip else data

    def _reading(self) -> None:
        if self.state != READING:
            self.state = READING
            self.since = clock.ticks()

    # async
    def _body(self, rest: bytes):
        """Read the request's body; what has come beyond it. Raises ``Fault``."""
        request = self.request
        length = request.length
        if length > wire.MAX_BODY:
            from . import unusual

            unusual.too_long(self.listener, request)
            return rest  # for the application
        if length <= len(rest) and length > 0:
            request.body = rest[:length]
            return rest[length:]
        self._reading()
        if request.expects and not rest:
            from . import unusual

            if not unusual.before_body(self.listener, request):
                return rest
            yield from self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if length < 0:
            from . import chunks

            return (yield from chunks.read(self, rest))
        body = bytearray(length)
        body[: len(rest)] = rest
        view = memoryview(body)
        have = len(rest)
        while have < length:
            n = self.sock.readinto(view[have:])
            if n is None:
                yield core._io_queue.queue_read(self.sock)
            elif n == 0:
                raise OSError(ECONNRESET)
            else:
                have += n
        request.body = body
        return b""

    def _error(self, e: Exception) -> bytes:
        """The answer for what a handler has raised."""
        if not isinstance(e, Fault):
            if self.gone and isinstance(e, (OSError, EOFError)):
                raise OSError(ECONNRESET)  # leaving is not an error
            if isinstance(e, MemoryError):
                heap.collect()
            self.report(e)
            e = Fault(500, "internal error")
        return error(self.request, e)

    def report(self, e: Exception) -> None:
        """Log, under the service's name, an exception that ended the request."""
        request = self.request
        Log(self.listener.name).exception(e, "%s %s" % (request.verb, request.target))

    async def turn_away(self) -> None:
        """Tell a client for whom there is no place to come again."""
        try:
            from . import refusal

            await refusal.turn_away(self)
        except (OSError, MemoryError):
            pass  # the listener must go on, whatever becomes of this client
        finally:
            self.sock.close()
            self.listener.budget.newcomer = False

    # async
    def read(self):
        """The next bytes of the client. Raises ``OSError`` when it has gone."""
        while True:
            n = self.sock.readinto(buffer)
            if n:
                return bytes(_view[:n])
            if n == 0:
                raise OSError(ECONNRESET)
            yield core._io_queue.queue_read(self.sock)

    # async
    def send(self, data):
        """Write all of ``data``. Raises ``OSError`` when the client has gone."""
        try:
            n = self.sock.write(data)
            if n != len(data):
                yield from self.drain(data, n)
        except OSError:
            self.gone = True
            raise

    def streams(self) -> None:
        """Note that an answer has begun which is sent in pieces and may never end."""
        if self.state != STREAMING:
            self.state = STREAMING
            self.since = clock.ticks()
            try:
                # A piece must not wait until the client acknowledges the one before: 40 ms.
                self.sock.setsockopt(_TCP, _NODELAY, 1)
            except OSError:
                pass  # not every port knows it

    # async
    def drain(self, data, n):
        """Write the rest of ``data`` when ``n`` bytes of it (None: 0) went into the socket."""
        view = memoryview(data)
        n = n or 0
        while n < len(data):
            self.stalled = clock.ticks()
            yield core._io_queue.queue_write(self.sock)
            n += self.sock.write(view[n:]) or 0
        self.stalled = None

    def drop(self) -> None:
        """End the connection from outside: its task is cancelled and its socket closed."""
        if self.task:
            self.task.cancel()
        self.close()

    def close(self) -> None:
        """Close the socket and give the place back."""
        self.sock.close()
        self.listener.budget.remove(self)

    def time_out(self) -> None:
        """End a connection whose request has not come in time."""
        self.request.keep = False
        try:
            self.sock.write(error(self.request, Fault(408, "the request did not come in time")))
        except (OSError, MemoryError):
            pass  # the task that watches all connections calls this
        self.drop()
