"""Figures of a board while it runs, for Prometheus. See docs/observability.md.

``http.listener`` counts the requests that succeed quickly, which are nearly all: the linker enables
that code in an image with this part. ``count`` counts the others. The figures of a route take heap
from its first request on.
"""

from time import ticks_diff, ticks_us

from micropython import const

from .. import Fault, clock
from ..cold import cold, startup
from ..http import listener as _listener
from ..http.budget import SERVING, STREAMING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..http.listener import Listener
    from ..kernel import Kernel

_CALLS = const(0)  # 1 in an image that calls services on other boards: see link/flags.py
_MAILED = const(0)  # 1 in an image with a mailbox


# The figures of a route; those that the listener itself counts come first:
# Successes within 10 ms, and the sum of all durations in ms
# Responses of the classes 2xx (other successes), 3xx, 4xx, 5xx
# Durations below 10 ms (of responses that failed), 100 ms, 1 s, and above
# Service, verb and path of the route; the service is empty if the figures are not shown
_SUM = const(1)
_CLASS = const(2)
_BUCKET = const(6)
_SIZE = const(10)

CLASSES = ("2xx", "3xx", "4xx", "5xx")
BOUNDS_S = ("0.01", "0.1", "1", "+Inf")

routes = _listener.figures
"""Handler -> figures of its route, and listener -> those of its requests without a route: those
that no route matches, and those to a service that starts on request."""

peers: dict = {}
"""Target of a call -> [values, faults, other errors, sum of their durations in µs]."""

joins = [0]  # how often the Wi-Fi was joined again

# The originals of the functions that the ones below replace; those count, and then call them.
_call: "Any" = None
_find: "Any" = None
_serve: "Any" = None
_send_status: "Any" = None
_last: list = [None, None]  # listener and handler of the request: one is executed at a time


@startup
def start(kernel: "Kernel") -> None:
    """Count from now on, and serve the figures at ``/metrics``."""
    global _call, _find, _serve, _send_status
    from . import report

    report.count_reset()
    _listener.count = count
    kernel.tools["status"] = report.status
    kernel.rejoined.append(count_rejoin)
    for listener in kernel.listeners:
        if listener.name == kernel.cluster.METRICS:
            listener.routes["metrics"] = {"/GET": (report.serve,)}
    if _CALLS:
        from ..rpc.client import Stub

        _call = Stub._call
        Stub._call = count_call  # type: ignore[method-assign,assignment]
    if _MAILED:
        from ..mqtt import execute
        from ..mqtt.mailbox import Mailbox

        _find = execute.find  # type: ignore[attr-defined]
        _serve = execute.Executor._serve
        _send_status = Mailbox._send_status
        execute.find = find_and_note  # type: ignore[attr-defined]
        execute.Executor._serve = serve_and_count  # type: ignore[method-assign,assignment]
        Mailbox._send_status = send_figures  # type: ignore[method-assign,assignment]


def count_rejoin() -> None:
    joins[0] += 1


def count(handler: "Any", listener: "Listener", data: bytes, state: int, ms: int) -> None:
    """Count a response.

    Args:
        handler: The handler that made it; the listener if no handler was found.
        listener: The service's listener.
        data: The response, or its last piece.
        state: The state of the connection. A response that was sent in pieces takes as long as
            its client wants, so its duration does not count.
        ms: The duration.
    """
    try:
        numbers = routes[handler]
    except (KeyError, TypeError):
        numbers = _new(handler, listener)
    kind = data[9] - 50 if data[:5] == b"HTTP/" else 0
    numbers[_CLASS + max(0, kind)] += 1
    if state != STREAMING:
        numbers[_BUCKET + (0 if ms < 10 else 1 if ms < 100 else 2 if ms < 1000 else 3)] += 1
        numbers[_SUM] += ms


async def count_call(stub: "Any", target: str, *arguments: "Any") -> "Any":
    """Make a call to a service on another board, and count its outcome."""
    figures = peers.get(target)
    if not figures:
        figures = peers[target] = [0, 0, 0, 0]
    began = ticks_us()
    outcome = 2
    try:
        value = await _call(stub, target, *arguments)
        outcome = 0
        return value
    except Fault:
        outcome = 1
        raise
    finally:
        figures[outcome] += 1
        figures[3] += ticks_diff(ticks_us(), began)


def find_and_note(listener: "Listener", request: "Any") -> "Any":
    _last[0] = _last[1] = listener
    _last[1] = _find(listener, request)
    return _last[1]


async def serve_and_count(executor: "Any", request: "Any", envelope: "Any") -> bytes:
    """Count a request from the mailbox."""
    began = clock.ticks()
    _last[0] = None
    data = await _serve(executor, request, envelope)
    if _last[0]:
        count(_last[1], _last[0], data, SERVING, clock.since(began))
    return data


def send_figures(mailbox: "Any", status: dict) -> None:
    """Send the status; before a sleep, send the figures with it."""
    if status["state"] == "asleep":
        from . import report

        try:
            status["metrics"] = report.snapshot()
        except MemoryError:
            pass  # the gateway keeps the previous ones
    _send_status(mailbox, status)


@cold
def _new(handler, listener) -> list:
    """Return new figures for a route that is used for the first time, or the listener's."""
    # A service that starts on request has new handlers each time, which must not be kept.
    place = None if listener.activation else _place(listener.routes, handler, "")
    if place is None:
        handler = listener
        place = (listener.name, "*", "*")
        if handler in routes:
            return routes[handler]
    elif place[1][:2] == "/~" or place[1] == "/metrics":
        place = ("", "", "")  # a scrape, or calls of boards and tools
    else:
        place = (listener.name, place[0], place[1])
    numbers = routes[handler] = [0] * _SIZE + list(place)
    return numbers


@cold
def _place(node: dict, handler, path: str) -> "tuple | None":
    """Return verb and path of a handler in a tree of routes."""
    for key, value in node.items():
        if key[:1] == "/":
            if value is handler:
                # An application handles all paths that no route matches.
                return key[1:] or "*", (path or "/") if len(key) > 1 else "*"
        elif value is not node:  # below "~" a node leads to itself
            place = _place(value, handler, path + "/" + key)
            if place:
                return place
    return None


@cold
def totals(figures: list) -> list:
    """Return the responses by class, the durations by bucket, and their sum in ms."""
    found = figures[_CLASS:_SIZE]
    found[0] += figures[0]
    found[_BUCKET - _CLASS] += figures[0]
    return found + [figures[_SUM]]
