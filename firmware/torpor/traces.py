"""Traces of requests (W3C Trace Context): who called whom, and how long each took.

A span belongs to the task that works on it, as a deadline does: calls in memory run in the same
task, and calls to other boards carry the trace. Only requests with a ``traceparent`` are traced.
The last spans that ended are kept for ``torpor trace`` and the gateway.
"""

import asyncio
import os
import sys
from binascii import hexlify
from time import ticks_diff, ticks_us

from micropython import const

from . import clock, log
from .cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .http.wire import Request
    from .kernel import Kernel

_KEPT = const(32)  # spans
_SHOWN = const(8)  # digits of a trace's id in lines of the log
_HEX = b"0123456789abcdef"

spans: "dict[Any, Span]" = {}
"""Task -> the span that it works on."""

_ended: "list[Span]" = []  # oldest first
_write: "Callable" = log.write


class Span:
    """A piece of work in a trace.

    Args:
        trace: The trace's id, 32 digits.
        parent: The id of the span that caused this one.
        name: The work: ``GET /alerts`` or ``readings.newest``.
        service: The service that does it.
    """

    us = 0
    status = 0

    def __init__(self, trace: str, parent: str, name: str, service: str) -> None:
        self.trace = trace
        self.parent = parent
        self.name = name
        self.service = service
        self.id = str(hexlify(os.urandom(8)), "utf-8")
        self.at = clock.uptime_ms()
        self._began = ticks_us()

    def end(self, status: int) -> None:
        """Keep the span as one that has ended, with an HTTP status."""
        self.us = ticks_diff(ticks_us(), self._began)
        self.status = status
        if len(_ended) == _KEPT:
            _ended.pop(0)
        _ended.append(self)

    def header(self) -> str:
        """Return the ``traceparent`` for the calls of this span."""
        return "00-%s-%s-01" % (self.trace, self.id)


def start(kernel: "Kernel") -> None:
    """Trace requests from the mailbox and calls to other boards, and mark lines of the log."""
    kernel.tools["trace"] = ended
    log.write = write
    client = sys.modules.get("torpor.rpc.client")
    if client:
        client.Stub._call = _call_traced(client.Stub._call)
        client.frames.call = _frame_traced(client.frames.call)
    execute: "Any" = sys.modules.get("torpor.mqtt.execute")
    if execute:
        execute.find = _find_traced(execute.find)
        execute.Executor._serve = _serve_traced(execute.Executor._serve)


def begin(parent: "bytes | None", name: str, service: str) -> None:
    """Begin the span of the current task if ``parent``, a ``traceparent``, asks for it."""
    if parent and _is_sampled(parent):
        text = str(parent, "utf-8")
        spans[asyncio.current_task()] = Span(text[3:35], text[36:52], name, service)


def begin_request(request: "Request", service: str) -> None:
    """Begin the span of the current task, which serves an HTTP request."""
    parent = request.header("traceparent")
    if parent:
        begin(parent, "%s %s" % (request.verb, request.target), service)


def end(status: int) -> None:
    """End the span of the current task, if it has one."""
    span = spans.pop(asyncio.current_task(), None) if spans else None
    if span:
        span.end(status)


def _is_sampled(parent: bytes) -> bool:
    """Return whether a ``traceparent`` is valid and has the flag "sampled" (W3C, 3.2)."""
    if len(parent) < 55 or parent[2] != 45 or parent[35] != 45 or parent[52] != 45:
        return False
    if parent[:2] == b"ff" or (len(parent) > 55 and (parent[:2] == b"00" or parent[55] != 45)):
        return False
    digits = parent[:2] + parent[3:35] + parent[36:52] + parent[53:55]
    for digit in digits:
        if digit not in _HEX:
            return False
    zero = parent[3:35] == b"0" * 32 or parent[36:52] == b"0" * 16
    return not zero and bool(int(parent[53:55], 16) & 1)


def write(severity: int, name: str, text: str, trace: str = "") -> None:
    """Write a line of the log, which begins with the trace of the task that writes it."""
    if spans:
        span = spans.get(asyncio.current_task())
        if span:
            text = "[%s] %s" % (span.trace[:_SHOWN], text)
    _write(severity, name, text, trace)


@cold
async def ended(trace: str = "") -> dict:
    """Return the spans of a trace, or of all traces, that have ended, and this board's time."""
    found = []
    for s in _ended:
        if not trace or s.trace == trace:
            found.append([s.trace, s.id, s.parent, s.service, s.name, s.at, s.us, s.status])
    return {"now": clock.uptime_ms(), "spans": found}


class TracedPeer:
    """A service on the same board, whose calls become spans.

    Args:
        name: The service.
        service: The object.
        methods: The names of the methods that peers may await.
    """

    def __init__(self, name: str, service: "Any", methods: tuple) -> None:
        self._name = name
        self._service = service
        self._methods = methods

    def __getattr__(self, name: str) -> "Any":
        method = getattr(self._service, name)
        if not spans or name not in self._methods:
            return method
        target = "%s.%s" % (self._name, name)
        return lambda *values, **named: _inside(target, method, values, named)


async def _inside(target: str, method, values: tuple, named: dict):
    """Await a call as a new span within the span of the task."""
    task = asyncio.current_task()
    outer = spans.get(task)
    if not outer:
        return await method(*values, **named)
    span = spans[task] = Span(outer.trace, outer.id, target, target.split(".")[0])
    status = 500
    try:
        value = await method(*values, **named)
        status = 200
        return value
    except Exception as e:
        status = getattr(e, "status", 500)
        raise
    finally:
        spans[task] = outer
        span.end(status)


def _call_traced(call):
    """Return a function for ``call`` of stubs, which runs within a span if the task has one."""

    async def traced(stub, target, *arguments):
        method = lambda: call(stub, target, *arguments)  # noqa: E731
        return await _inside(target, method, (), {})

    return traced


def _frame_traced(frame):
    """Return a function for ``frames.call``, which adds the task's trace to the idempotency key."""

    def traced(number, ms, fingerprint, target, id, arguments):
        span = spans.get(asyncio.current_task()) if spans and target else None
        if span:
            id = "%s %s" % (id, span.header())
        return frame(number, ms, fingerprint, target, id, arguments)

    return traced


def _find_traced(find):
    """Return a ``find`` for requests from the mailbox that begins a span."""

    def traced(listener, request):
        begin_request(request, listener.name)
        return find(listener, request)

    return traced


def _serve_traced(serve):
    """Return a ``_serve`` for requests from the mailbox that ends the span."""

    async def traced(executor, request, envelope):
        status = 500
        try:
            data = await serve(executor, request, envelope)
            status = int(data[9:12])
            return data
        finally:
            end(status)

    return traced
