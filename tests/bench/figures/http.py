"""The listener compared with Microdot and the floors, on a JSON route with a path parameter."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.bench.lab import Lab
from tests.bench.load import load
from tests.bench.registry import figure
from torpor_tools.model.image import Image

PATH = "/items/fridge-1"
SECONDS = 0.4  # for each side of a round

ITEMS = """
from torpor import Service, get


class Items(Service):
    @get("/items/<name>")
    async def item(self, name: str, limit: int = 10) -> dict:
        return {"name": name, "limit": limit}
"""


_MOUNTED = """
from microdot import Microdot
from torpor import Service

app = Microdot()


@app.get("/items/<name>")
async def item(request, name):
    return {"name": name, "limit": 10}


class Items(Service):
    app = app
"""


def board(lab: Lab) -> Image:
    """Link one service, with more connections than a Pico W has.

    With fewer, the budget would refuse clients, and the figures would not measure the listener.
    """
    return lab.cluster({"items": ITEMS}, port="unix", connections=32)


def mounted(lab: Lab) -> Image:
    """Link the same service, with the route of ``floors/plain_microdot.py`` in an application."""
    return lab.cluster({"items": _MOUNTED}, port="unix", connections=32)


def _rps_over(
    lab: Lab,
    floor: str,
    connections: int,
    *,
    close: bool = False,
    image: Callable[[Lab], Image] = board,
) -> list[float]:
    run = partial(load, path=PATH, connections=connections, seconds=SECONDS, close=close)
    listener = lab.native(lab.once(image))
    other = lab.floor(floor)
    return lab.ratios(lambda: run(listener).rps, lambda: run(other).rps)


@figure("rps_over_microdot_keepalive_1", unit="ratio", goal=2.5, better="higher")
def rps_over_microdot_keepalive_1(lab: Lab) -> list[float]:
    """Compare the requests a second with Microdot's, on 1 keep-alive connection."""
    return _rps_over(lab, "plain_microdot", 1)


@figure("rps_over_microdot_keepalive_4", unit="ratio", goal=8, better="higher")
def rps_over_microdot_keepalive_4(lab: Lab) -> list[float]:
    """Compare the requests a second with Microdot's, on 4 keep-alive connections."""
    return _rps_over(lab, "plain_microdot", 4)


@figure("rps_over_microdot_keepalive_16", unit="ratio", goal=8, better="higher")
def rps_over_microdot_keepalive_16(lab: Lab) -> list[float]:
    """Compare the requests a second with Microdot's, on 16 keep-alive connections."""
    return _rps_over(lab, "plain_microdot", 16)


@figure("rps_over_microdot_close_4", unit="ratio", goal=3, better="higher")
def rps_over_microdot_close_4(lab: Lab) -> list[float]:
    """Compare the requests a second with Microdot's, each on a new connection."""
    return _rps_over(lab, "plain_microdot", 4, close=True)


@figure("rps_over_floor_keepalive_4", unit="ratio", goal=0.6, better="higher")
def rps_over_floor_keepalive_4(lab: Lab) -> list[float]:
    """Compare the requests a second with those of ``floors/direct.py``."""
    return _rps_over(lab, "direct", 4)


@figure("rps_over_streams_keepalive_4", unit="ratio", goal=None, better="higher")
def rps_over_streams_keepalive_4(lab: Lab) -> list[float]:
    """Compare the requests a second with those of ``floors/streams.py``."""
    return _rps_over(lab, "streams", 4)


@figure("microdot_mounted_over_microdot", unit="ratio", goal=1, better="higher")
def microdot_mounted_over_microdot(lab: Lab) -> list[float]:
    """Compare the requests a second of a mounted application with those of plain Microdot."""
    return _rps_over(lab, "plain_microdot", 4, image=mounted)


@figure("p99_over_p50_keepalive_4", unit="ratio", goal=4, better="lower")
def p99_over_p50_keepalive_4(lab: Lab) -> list[float]:
    """Compare the 99th percentile of the latency with the median."""
    address = lab.native(lab.once(board))
    runs = [load(address, PATH, connections=4, seconds=1) for _ in range(lab.rounds)]
    return [run.percentile(0.99) / run.percentile(0.5) for run in runs]
