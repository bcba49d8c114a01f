"""Figures of a board while it runs, for Prometheus. See docs/observability.md.

``http.listener`` counts the requests that succeed soon, which are nearly all: in an image with this
part the linker switches that code on. ``count`` does it for the others.
"""

from micropython import const

from ..http.budget import STREAMING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..http.listener import Listener
    from ..kernel import Kernel


# The figures of a route: what the listener counts in the middle of its work comes first.
# Successes within 10 ms, and the sum of all durations in ms
# Responses of the classes 2xx (other successes), 3xx, 4xx, 5xx
# Durations below 10 ms (of responses that are no success), 100 ms, 1 s, and above
_SUM = const(1)
_CLASS = const(2)
_BUCKET = const(6)
_SIZE = const(10)
_NAMES = const(3)  # before them: service, verb, path
CLASSES = ("2xx", "3xx", "4xx", "5xx")
BOUNDS_S = ("0.01", "0.1", "1", "+Inf")

routes: dict = {}
"""Handler -> figures of its route, and listener -> those of its requests without a route of their
own: those that no route takes, and those to a service that starts on request."""

peers: dict = {}
"""Target of a call -> [values, faults, other errors, sum of their durations in µs]."""

joins = [0]  # how often the Wi-Fi was joined again


def start(kernel: "Kernel") -> None:
    """Count from now on, and serve the figures at ``/metrics``."""
    from ..http import listener
    from . import report

    report.set_up(kernel)
    for key in routes:
        listener.figures[key] = routes[key][_NAMES]
    listener.count = count


def new(service: str, verb: str, path: str) -> list:
    """Return the figures of a route that was not called yet."""
    return [service, verb, path, [0] * _SIZE]


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
        figures = routes[handler]
    except (KeyError, TypeError):
        figures = routes.get(listener)
        if not figures:
            return
    numbers = figures[_NAMES]
    kind = data[9] - 50 if data[:5] == b"HTTP/" else 0
    numbers[_CLASS + max(0, kind)] += 1
    if state != STREAMING:
        numbers[_BUCKET + (0 if ms < 10 else 1 if ms < 100 else 2 if ms < 1000 else 3)] += 1
        numbers[_SUM] += ms


def totals(figures: list) -> list:
    """Return the responses by class, the durations by bucket, and their sum in ms."""
    numbers = figures[_NAMES]
    found = numbers[_CLASS:]
    found[0] += numbers[0]
    found[_BUCKET - _CLASS] += numbers[0]
    return found + [numbers[_SUM]]
