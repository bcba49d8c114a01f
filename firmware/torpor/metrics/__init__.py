"""Figures of a board while it runs, for Prometheus. See docs/observability.md.

``http.listener`` counts the requests that succeed soon, which are nearly all: in an image with this
part the linker switches that code on. ``count`` does it for the others. The figures of a route take
heap from its first request on.
"""

import sys

from micropython import const

from ..cold import cold
from ..http import listener as _listener
from ..http.budget import STREAMING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..http.listener import Listener
    from ..kernel import Kernel

# The figures of a route: what the listener counts in the middle of its work comes first.
# Successes within 10 ms, and the sum of all durations in ms
# Responses of the classes 2xx (other successes), 3xx, 4xx, 5xx
# Durations below 10 ms (of responses that failed), 100 ms, 1 s, and above
# Service, verb and path of the route; the service is empty for what is not shown
_SUM = const(1)
_CLASS = const(2)
_BUCKET = const(6)
_SIZE = const(10)

CLASSES = ("2xx", "3xx", "4xx", "5xx")
BOUNDS_S = ("0.01", "0.1", "1", "+Inf")

routes = _listener.figures
"""Handler -> figures of its route, and listener -> those of its requests without a route of their
own: those that no route takes, and those to a service that starts on request."""

peers: dict = {}
"""Target of a call -> [values, faults, other errors, sum of their durations in µs]."""

joins = [0]  # how often the Wi-Fi was joined again


def start(kernel: "Kernel") -> None:
    """Count from now on, and serve the figures at ``/metrics``."""
    from . import report, resets

    resets.add()
    _listener.count = count
    kernel.tools["status"] = report.status
    kernel.rejoined.append(_rejoined)
    for listener in kernel.listeners:
        if listener.name == kernel.cluster.METRICS:
            listener.routes["metrics"] = {"/GET": (report.serve,)}
    if "torpor.rpc.client" in sys.modules:
        from . import calls

        calls.count()
    if "torpor.mqtt.mailbox" in sys.modules:
        from . import mail

        mail.count()


def _rejoined() -> None:
    joins[0] += 1


def count(handler: "Any", listener: "Listener", data: bytes, state: int, ms: int) -> None:
    """Count a response.

    Args:
        handler: What has made it; the listener, if no handler was found.
        listener: The service's listener.
        data: The response, or its last piece.
        state: Of the connection: one that was sent in pieces has taken as long as its client
            wanted, so its duration does not count.
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


@cold
def _new(handler, listener) -> list:
    """Return new figures for a route that is used for the first time, or the listener's."""
    # The handlers of a service that starts on request are new each time, and must not be kept.
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
                # An application takes all paths that no route has.
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
