"""The cost of a call in memory, with the heap of a real cluster."""

from __future__ import annotations

from typing import Any

from tests.bench.lab import Lab
from tests.bench.registry import figure
from torpor_tools.model.image import Image

# Replaces main.py. Calls come in bursts of 50 with an idle pause between them, as on a board that
# works when requests or timers wake it.
_PROGRAM = """
import asyncio, gc, json, time
import cluster
from torpor import heap, kernel

if STOCK:
    once = kernel._once

    class Nothing:
        def collect():
            pass

    def uncollected(name):
        module = once(name)
        module.gc = Nothing
        return module

    kernel._once = uncollected
    heap.settle = lambda: None


async def peer(service):  # like a method of the service that calls its peer
    began = time.ticks_us()
    for _ in range(50):
        await service.readings.revision()
    return time.ticks_diff(time.ticks_us(), began)


async def plain(readings):
    began = time.ticks_us()
    for _ in range(50):
        await readings.revision()
    return time.ticks_diff(time.ticks_us(), began)


async def chain(dashboard):
    began = time.ticks_us()
    for _ in range(50):
        await dashboard.revision()
    return time.ticks_diff(time.ticks_us(), began)


def middle(values):  # interquartile mean: a burst takes 12 or 13 us, and the clock counts whole us
    values = sorted(values)
    quarter = len(values) // 4
    values = values[quarter : len(values) - quarter]
    return sum(values) / len(values)


async def main():
    board = kernel.current = kernel.Kernel(cluster)
    await board.start()
    await asyncio.sleep(SETTLE)
    rounds = {"peer": [], "plain": [], "chain": []}
    alerts, readings = board.services["alerts"], board.services["readings"]
    dashboard = board.services.get("dashboard")
    for _ in range(ROUNDS):
        times = {"peer": [], "plain": [], "chain": []}
        for number in range(PAIRS):
            for one in ("peer", "plain") if number % 2 else ("plain", "peer"):
                call = peer(alerts) if one == "peer" else plain(readings)
                times[one].append(await call)
                await asyncio.sleep_ms(1)
        for _ in range(100 if dashboard else 0):
            times["chain"].append(await chain(dashboard))
            await asyncio.sleep_ms(1)
        for name in times:
            if times[name]:
                rounds[name].append(middle(times[name]) / 50)
    print(json.dumps(rounds))


asyncio.run(main())
"""

_READINGS = """
from torpor import Service, get


class Readings(Service):
    async def start(self) -> None:
        self._samples = 0

    @get("/revision")
    async def revision(self) -> int:
        return self._samples
"""

_ALERTS = """
from services.readings import Readings
from torpor import Service


class Alerts(Service):
    readings: Readings
"""

# A service that calls its peer over HTTP, with asyncio's streams and a keep-alive connection.
_OVER_HTTP = """
import asyncio, gc, json, sys, time
sys.path.insert(0, sys.argv[2])
import cluster
from torpor import kernel

PORT = int(sys.argv[1])


async def over_http(reader, writer):
    writer.write(b"GET /revision HTTP/1.1\\r\\nHost: board\\r\\n\\r\\n")
    await writer.drain()
    size = 0
    while True:
        line = await reader.readline()
        if line == b"\\r\\n":
            break
        if line.startswith(b"Content-Length:"):
            size = int(line[15:])
    return json.loads(await reader.readexactly(size))


async def main():
    for name in cluster.PORTS:
        cluster.PORTS[name] = PORT if name == "readings" else 0
    board = kernel.current = kernel.Kernel(cluster)
    await board.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    alerts = board.services["alerts"]
    ratios = []
    for _ in range(5):
        began = time.ticks_us()
        for _ in range(300):
            await over_http(reader, writer)
        http = time.ticks_diff(time.ticks_us(), began) / 300
        times = []
        for _ in range(100):
            began = time.ticks_us()
            for _ in range(50):
                await alerts.readings.revision()
            times.append(time.ticks_diff(time.ticks_us(), began) / 50)
            await asyncio.sleep_ms(1)
        ratios.append(http / sorted(times)[50])
    print(json.dumps(ratios))


asyncio.run(main())
"""


def _calls(
    lab: Lab,
    image: Image,
    *,
    stock: bool = False,
    settle: int = 2,
    rounds: int = 5,
    pairs: int = 200,
) -> dict[str, Any]:
    program = _PROGRAM
    for name, value in {
        "STOCK": stock,
        "SETTLE": settle,
        "ROUNDS": rounds,
        "PAIRS": pairs,
    }.items():
        program = program.replace(name, str(value))
    times: dict[str, Any] = lab.run_on_board(image, program)
    return times


def sample_calls(lab: Lab) -> dict[str, Any]:
    """Measure calls in the sample cluster two seconds after its start: µs, one value per round."""
    return _calls(lab, lab.sample_with_all)


def _pair(lab: Lab, **limits: Any) -> Image:
    return lab.cluster({"readings": _READINGS, "alerts": _ALERTS}, **limits)


def few_calls(lab: Lab) -> dict[str, Any]:
    """Measure the same calls in a cluster of only two small services."""
    return _calls(lab, _pair(lab), settle=0)


@figure("inmemory_over_await", unit="ratio", goal=1.05, better="lower")
def inmemory_over_await(lab: Lab) -> list[float]:
    """Compare a call of a peer with an ``await`` of the same method."""
    times = lab.once(sample_calls)
    return [peer / plain for peer, plain in zip(times["peer"], times["plain"], strict=True)]


@figure("http_over_inmemory", unit="ratio", goal=250, better="higher")
def http_over_inmemory(lab: Lab) -> list[float]:
    """Compare a call over HTTP with the same call in memory."""
    ratios: list[float] = lab.run_native(_pair(lab, port="unix"), _OVER_HTTP)
    return ratios


@figure("await_live_over_empty", unit="ratio", goal=1.5, better="lower")
def await_live_over_empty(lab: Lab) -> list[float]:
    """Compare a call in the sample cluster with one in a cluster of two small services."""
    live, empty = lab.once(sample_calls)["peer"], lab.once(few_calls)["peer"]
    return [one / other for one, other in zip(live, empty, strict=True)]


@figure("stock_gc_over_ours", unit="ratio", goal=3, better="higher")
def stock_gc_over_ours(lab: Lab) -> list[float]:
    """Compare a call under MicroPython's default heap policy with the same call under torpor's.

    The call is ``dashboard.revision()``, which calls ``readings`` and ``alerts``.
    """

    def chain(stock: bool) -> float:
        times = _calls(lab, lab.sample_with_all, stock=stock, settle=1, rounds=1, pairs=0)
        return float(times["chain"][0])

    return lab.ratios(lambda: chain(True), lambda: chain(False))
