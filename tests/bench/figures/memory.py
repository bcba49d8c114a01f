"""The free heap, and its drift under load."""

from __future__ import annotations

import random
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench.lab import ROOT, Lab
from tests.bench.programs import EMPTY_SERVICE, started
from tests.bench.registry import figure
from tests.helpers.running import Running

_PROBE = """
import gc

from torpor import Service, get


class Probe(Service):
    @get("/free")
    async def free(self) -> int:
        gc.collect()
        return gc.mem_free()
"""


# The modules that the simulator loads into the board's heap and that a chip has in its ROM.
_OVERLAYS = """
import gc
import asyncio, json, machine, network, socket, onewire, ds18x20, ntptime

gc.collect()
print(gc.mem_alloc())
"""


_ALL = """
for listener in board.listeners:
    if listener.activation:
        await listener.activation.enter()
"""


def shims(lab: Lab) -> int:
    """Measure the heap of the simulator's shims, in bytes; a chip has these modules in its ROM."""
    return int(lab.run_on_board(lab.sample, _OVERLAYS, boot=False)) - int(
        lab.run_native(lab.sample, "import asyncio, gc, json\ngc.collect()\nprint(gc.mem_alloc())")
    )


def _after(seconds: int) -> str:
    return started(f"await asyncio.sleep({seconds})\nprint(heap())")


def _free_share(lab: Lab, program: str, excluded: int) -> float:
    """Return the free share of the heap that the program reports.

    ``excluded`` bytes of the used heap count as free.
    """
    heap = lab.run_on_board(lab.sample, program)
    used = heap["used"] - excluded
    return float(1 - used / (heap["free"] + heap["used"]))


@figure("heap_free_share", unit="share", goal=0.6, better="higher")
def heap_free_share(lab: Lab) -> float:
    """Measure the free heap of the sample cluster once it is ready, before its dashboard starts."""
    return _free_share(lab, _after(0), lab.once(shims))


@figure("heap_free_share_with_all", unit="share", goal=None, better="higher")
def heap_free_share_with_all(lab: Lab) -> float:
    """Measure the free heap after the dashboard, which starts on request, has started too."""
    return _free_share(lab, started(_ALL + "print(heap())"), lab.once(shims))


@figure("heap_free_share_at_work", unit="share", goal=None, better="higher")
def heap_free_share_at_work(lab: Lab) -> float:
    """Measure the free heap after three seconds, when the services hold measured values."""
    return _free_share(lab, _after(3), lab.once(shims))


@figure("heap_free_share_simulated", unit="share", goal=None, better="higher")
def heap_free_share_simulated(lab: Lab) -> float:
    """Measure ``heap_free_share_at_work`` with the simulator's shims as used heap."""
    return _free_share(lab, _after(3), 0)


@figure("empty_service_heap_bytes", unit="bytes", goal=3000, better="lower")
def empty_service_heap_bytes(lab: Lab) -> float:
    """Measure the heap of one more service with one route, as the mean of four, on 64 bits."""

    def used(services: int) -> int:
        sources = {f"s{i}": EMPTY_SERVICE.format(i) for i in range(services)}
        return int(lab.run_on_board(lab.cluster(sources), _after(0))["used"])

    return (used(5) - used(1)) / 4


@figure("heap_drift_20000", unit="share", goal=0.01, better="lower")
def heap_drift_20000(lab: Lab) -> float:
    """Measure the share of free heap lost from request 1,000 to 20,000 of a mixed load."""
    return drift(lab, 1_000, 20_000)


def drift(
    lab: Lab, first: int, last: int, report: Callable[[int, int], None] | None = None
) -> float:
    """Send ``last`` requests to the sample; return the share of free heap lost since ``first``.

    ``report`` is called about 20 times, with the number of requests and the free bytes.
    """
    root = Path(tempfile.mkdtemp(dir=lab.folder))
    shutil.copytree(ROOT / "services", root / "services")
    (root / "services" / "probe").mkdir()
    (root / "services" / "probe" / "__init__.py").write_text(_PROBE)
    text = (ROOT / "cluster.toml").read_text()
    text = text.replace('"dashboard"]', '"dashboard", "probe"]')
    (root / "cluster.toml").write_text(text + "\n[services.probe]\nport = 8006\n")
    board = lab.served(lab.image(root))
    load = MixedLoad(board)
    load.run(first)
    before = load.free()
    step = max(1, (last - first) // 20)
    for done in range(first, last, step):
        load.run(min(step, last - done))
        if report:
            report(min(done + step, last), load.free())
    assert board.sim.board("shed").starts == 1, "the board has crashed"
    return 1 - load.free() / before


class MixedLoad:
    """Valid and invalid requests, most of them on keep-alive connections."""

    PATHS = (
        ("readings", b"GET /readings/fridge-1?limit=5", b""),
        ("readings", b"GET /readings/none", b""),
        ("readings", b"GET /readings/fridge-1?limit=x", b""),
        ("readings", b"GET /readings/fridge-2/history.csv", b""),
        ("alerts", b"GET /alerts", b""),
        ("alerts", b"PUT /thresholds/fridge-1", b'{"low": 2, "high": 8.5}'),
        ("alerts", b"PUT /thresholds/fridge-1", b'{"low": '),
        ("device", b"GET /device", b""),
        ("device", b"GET /log?lines=5", b""),
        ("dashboard", b"GET /overview", b""),
        ("dashboard", b"GET /history/fridge-1", b""),
        ("dashboard", b"GET /nothing-here", b""),
        ("dashboard", b"GET /", b""),
    )

    def __init__(self, board: Running) -> None:
        self._board = board
        self._random = random.Random(4)
        self._kept: tuple[str, socket.socket] | None = None

    def run(self, requests: int) -> None:
        """Send this many requests, one after the other."""
        while requests:
            service, line, body = self._random.choice(self.PATHS)
            # Clients often repeat a request, which keeps their connection alive for a while.
            for _ in range(min(requests, self._random.randint(1, 20))):
                self._ask(service, line, body)
                requests -= 1

    def free(self) -> int:
        """Return the board's free bytes after a collection."""
        return int(self._ask("probe", b"GET /free", b"").rpartition(b"\r\n")[2])

    def _ask(self, service: str, line: bytes, body: bytes) -> bytes:
        head = line + b" HTTP/1.1\r\nHost: board\r\n"
        if body:
            head += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        if self._kept is None or self._kept[0] != service:
            self.close()
            self._kept = service, self._board.connect(service)
        sock = self._kept[1]
        sock.sendall(head + b"\r\n" + body)
        response = _response(sock)
        # A file of the application ends with the connection. One client in eight closes it itself.
        ends = b"\r\nConnection: close" in response or response[:8] == b"HTTP/1.0"
        if ends or self._random.random() < 1 / 8:
            self.close()
        return response

    def close(self) -> None:
        """Close the keep-alive connection, if there is one."""
        if self._kept:
            self._kept[1].close()
            self._kept = None


def _response(sock: socket.socket) -> bytes:
    """Read a response, which has a length, has chunks, or ends with the connection."""
    data = b""
    while True:
        part = sock.recv(65536)
        if not part:
            return data + b"\r\nConnection: close"
        data += part
        head, end, body = data.partition(b"\r\n\r\n")
        lowered = head.lower()
        if not end:
            continue
        if b"\r\ntransfer-encoding: chunked" in lowered:
            if body.endswith(b"\r\n0\r\n\r\n"):
                return data
            continue
        _, has_length, size = lowered.partition(b"\r\ncontent-length:")
        if has_length and len(body) >= int(size.partition(b"\r\n")[0]):
            return data
