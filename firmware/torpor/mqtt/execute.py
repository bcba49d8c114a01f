"""A request from the mailbox, executed exactly once.

The order is: look up, execute, make the result durable, respond. The caller acknowledges the
request when the response is acknowledged. So if power fails at any instant, the broker still has
the request, and when it is delivered again its result is known, or it has not begun.

A power cut undoes what the handler wrote into the store in its own task: its writes and the result
are one commit (``store.transaction``). Its other effects (on a pin, another board, a file) may be
repeated if power fails before that commit. A request during which the program has ended ``_TRIES``
times is given up. The request hardly causes a power cut, so for those the limit is ``CUTS``.
"""

import asyncio
import json
from binascii import a2b_base64, b2a_base64

from micropython import const

from .. import Fault, clock
from ..deadline import deadline
from ..http import wire
from ..http.budget import SERVING, STREAMING
from ..http.response import encode, error
from ..http.router import find
from ..log import Log
from ..store import transaction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..http.wire import Request
    from ..store.database import Store
    from .serve import Calls


_CALLED = const(0)  # 1 in an image whose services are called while it sleeps: see link/flags.py
if _CALLED:
    calls: "Calls" = None  # type: ignore[assignment]  # set by the part mqtt.serve
_TRIES = const(3)
CUTS = const(24)
_ANSWER = const(24576)  # bytes
_LINE = const(512)  # bytes of an envelope
_KEPT = const(1850)  # bytes of JSON of a response that is kept to be sent again

_ID = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"


class Bad(Exception):
    """A message that is not a request: nobody waits for a response."""


class Poison(Exception):
    """A request that has ended the program ``_TRIES`` times."""


class Envelope:
    """``{"id", "reply", "until", "service"}`` in JSON, a line feed, and an HTTP request.

    ``reply`` is the topic for the answer, ``until`` the Unix time from which on nobody waits.
    In a call from another board ``service`` is ``~``: see ``calls``.
    With ``held`` there is no request: the gateway has it, and sends it when the board asks for it
    (``held`` is 1), or its client has hung up (0). Raises ``Bad``.
    """

    if _CALLED:
        codes = None  # of a call

    def __init__(self, payload: "Any", answers: str) -> None:
        line = bytes(payload[:_LINE])
        end = line.find(b"\n")
        self.data = payload[end + 1 :]
        try:
            head = json.loads(str(line[: max(end, 0)], "utf-8"))
            self.id, self.reply, self.service = head["id"], head["reply"], head["service"]
            self.until = head.get("until") or 0
            self.held = head.get("held")
            if _CALLED:
                self.head = head
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise Bad("no envelope: %r" % e)
        for text in (self.id, self.reply, self.service):
            if type(text) is not str or not 0 < len(text) <= 128:
                raise Bad("id, reply and service are texts of up to 128 characters")
        # As bytes: MicroPython makes a permanent name of each character taken from a str.
        if len(self.id) > 64 or not all(c in _ID for c in self.id.encode()):
            raise Bad("an id has up to 64 letters, digits, - and _")
        # A client that may write into the mailbox must not choose an arbitrary topic.
        if not self.reply.startswith(answers) or "+" in self.reply or "#" in self.reply:
            raise Bad("answers go below " + answers)
        if type(self.until) not in (int, float):
            raise Bad("until is a number")


class FakeConnection:
    """Takes the place of the connection that a request from the mailbox does not have."""

    state = SERVING
    since = 0
    stalled = None
    sock = None
    address = ("mailbox", 0)
    gone = False
    failure: Exception | None = None  # what ended an answer that is sent in pieces

    def __init__(self, listener: "Any", request: "Request") -> None:
        self.listener = listener
        self.request = request
        self.task = asyncio.current_task()
        self.sent: list[bytes] = []  # not joined before the end: no large block is needed twice
        self.size = 0  # bytes in ``sent``

    async def send(self, data: bytes | str) -> None:
        """Collect the pieces of a streaming handler. Raises ``Fault`` if they are too large."""
        data = data if isinstance(data, bytes) else data.encode()
        self.size += len(data)
        if self.size > _ANSWER:
            raise Fault(500, "an answer through the mailbox has at most %d bytes" % _ANSWER)
        self.sent.append(data)

    def streams(self) -> None:
        """Note that a response in pieces has begun."""
        self.state = STREAMING

    def report(self, e: Exception) -> None:
        """Log an exception. One that ends a response in pieces becomes the response instead."""
        if self.state == STREAMING:
            self.failure = e
        else:
            request = self.request
            Log(self.listener.name).exception(e, "%s %s" % (request.verb, request.target))


class Executor:
    """Executes requests for the board's listeners, one after the other.

    ``cut``: whether the last run ended by a power cut. ``own``: the store for the results of
    requests that write nothing.
    """

    def __init__(
        self, listeners: list, windows: transaction.Windows, own: "Store", cut: bool
    ) -> None:
        self._listeners = {listener.name: listener for listener in listeners}
        self._windows = windows
        self._own = own
        # How many of a request's ``CUTS`` the end of the last run uses up; 0 once the request that
        # was being executed then has been found: the first one that is delivered again.
        self._ended = 1 if cut else CUTS // _TRIES

    async def answer(self, envelope: Envelope, is_duplicate: bool) -> bytes:
        """Return the HTTP response, whose result is then durable. Raises ``Poison``.

        ``is_duplicate``: the broker reports that it may have sent the request before.
        """
        request = wire.Request()
        id = envelope.id
        known = self._windows.get(id)
        spent = 0
        if isinstance(known, list):
            spent = known[0]
        elif known == transaction.BEGUN:
            return error(
                request,
                Fault(500, "power was lost while the request ran; it was only partly executed"),
            )
        elif known is not None:
            return _unpacked(known)
        if envelope.until and clock.synced() and clock.now() > envelope.until:
            return error(request, Fault(504, "its deadline was over: it was not executed"))
        if is_duplicate and self._ended:
            spent += self._ended
            self._ended = 0
            await self._windows.of(self._own).add(id, [spent])
        if spent >= CUTS:
            raise Poison("it has ended the program %d times or more and is given up" % _TRIES)
        return await self._execute(request, envelope, spent > 0)

    async def refuse(self, envelope: Envelope, fault: Fault) -> bytes:
        """Refuse a request; return the response, which is the same when it arrives again."""
        data = error(wire.Request(), fault)
        if self._windows.get(envelope.id) is None:
            await self._windows.of(self._own).add(envelope.id, _packed(data))
        return data

    async def _execute(self, request, envelope, counted: bool) -> bytes:
        writes = transaction.Joint(self._windows, envelope.id)
        writes.begin()
        try:
            data = await self._serve(request, envelope)
            # A GET that wrote nothing may be executed again.
            if writes.wrote or counted or request.key != "/GET":
                await writes.finish(self._own, _packed(data))
            return data
        except Fault as e:  # the filesystem is full: nothing was written
            return error(request, e)
        finally:
            writes.end()

    async def _serve(self, request, envelope) -> bytes:
        """Return the response of the service's routes, or that to an error of the handler."""
        activation = listener = limit = None
        try:
            if _CALLED and envelope.service == "~":
                return await calls.serve(request, envelope)
            listener = self._listeners.get(envelope.service)
            if not listener:
                raise Fault(404, "there is no service " + envelope.service)
            _read(request, envelope.data)
            activation = listener.activation
            if activation:
                await activation.enter()
            handler = find(listener, request)
            connection = FakeConnection(listener, request)
            listener.budget.parked = connection
            if type(handler) is tuple and len(handler) > 3 and not callable(handler[2]):
                return await handler[0](connection, handler, b"")  # its route has a limit
            limit = deadline(listener.deadline_ms)
            with limit:
                if type(handler) is not tuple:
                    return encode(request, (await handler(request)))
                unsent = await handler[0](connection, handler, b"")
            if connection.failure:  # the client has not seen the beginning of the response
                raise connection.failure
            if connection.sent:
                connection.sent.append(unsent)
                return b"".join(connection.sent)
            return unsent
        except Exception as e:
            if not isinstance(e, Fault):
                full = isinstance(e, MemoryError)
                if full:
                    await asyncio.sleep_ms(0)  # as in http/listener.py
                Log(envelope.service).exception(e, "%s %s" % (request.verb, request.target))
                e = Fault(503, "out of memory") if full else Fault(500, "internal error")
            elif listener and limit and not limit.timer:
                from ..http.overdue import report_overdue

                report_overdue(connection, listener.deadline_ms)
            return error(request, e)
        finally:
            if listener:
                listener.budget.parked = None
            if activation:
                activation.leave()


def _read(request, data) -> None:
    """Parse a complete HTTP request. Raises ``Fault``."""
    head = bytes(data[: wire.MAX_HEAD + 4])
    end = head.find(b"\r\n\r\n")
    if end < 0:
        if len(data) < len(head) + 1:
            raise Fault(400, "the head is not whole")
        raise Fault(431, "the head is larger than %d bytes" % wire.MAX_HEAD)
    request.begin(head[: end + 4])
    if request.path[:1] == ["~"]:  # calls of boards are authenticated per connection
        raise Fault(401, "for boards of this cluster only")
    body = bytes(data[end + 4 :])
    if request.length < 0 or request.length != len(body):
        raise Fault(400, "%d bytes came, Content-Length is %d" % (len(body), request.length))
    if len(body) > wire.MAX_BODY:
        raise Fault(413, "the body is larger than %d bytes" % wire.MAX_BODY)
    request.body = body


def _packed(data: bytes):
    """Return a response as the JSON value to keep."""
    from ..store.plain import utf8

    packed: object = None
    try:
        if len(data) < _KEPT:
            packed = str(data, "utf-8")
            if utf8(packed) is None:  # half a surrogate pair, which MicroPython accepts
                raise UnicodeError
    except UnicodeError:
        packed = {"base64": str(b2a_base64(data), "utf-8")}
    if packed and len(json.dumps(packed).encode()) < _KEPT:
        return packed
    text = "done, but its answer of %d bytes was too long to be kept" % len(data)
    return _packed(error(wire.Request(), Fault(int(data[9:12]), text)))


def _unpacked(kept) -> bytes:
    return a2b_base64(kept["base64"]) if isinstance(kept, dict) else kept.encode()
