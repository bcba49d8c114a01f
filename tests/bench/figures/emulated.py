"""Figures of the official firmware on the emulated Pico W, by the board's own clock.

They take minutes, so ``make bench`` skips them: use ``make bench-emulated``.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import socket
import statistics
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.lab import ROOT, Lab
from tests.bench.programs import EMPTY_SERVICE, started
from tests.bench.registry import figure
from tests.helpers.kept import Kept
from tests.helpers.running import write_cluster
from torpor_sim.emulated import ACCESS_POINT, EmulatedBoard
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.contracts import load_plan
from torpor_tools.image import littlefs
from torpor_tools.image.flashable import flashable
from torpor_tools.link import build

_WALL_S = 600.0  # about 40 times slower than a chip, and more on a busy computer
_CALLS = 10  # in memory, per burst
_BURSTS = 20
_RESPONSES = 20  # over HTTP

# Replaces the image's main.py: it starts the image in the same way, and then reports the heap.
_START = started(f"""
from torpor import cold
from torpor import heap as policy

print("measured heap", heap())
print("measured largest", policy.largest())
late = [listener.activation for listener in board.listeners if listener.activation]
began = time.ticks_us()
for activation in late:
    await activation.enter()
ms = time.ticks_diff(time.ticks_us(), began) // 1000
free = json.loads(heap())["free"]
for activation in late:
    cold.load("torpor.http.on_request")._give_back(activation)
print("measured on_request", json.dumps([ms, free, json.loads(heap())["free"]]))
tick = getattr(board.services.get("tick"), "tick", None)
if tick:
    bursts = []
    for _ in range({_BURSTS}):
        await asyncio.sleep_ms(20)  # as between requests: an idle loop maintains the heap
        began = time.ticks_us()
        for _ in range({_CALLS}):
            pass
        called = time.ticks_us()
        for _ in range({_CALLS}):
            await tick()
        calls = time.ticks_diff(time.ticks_us(), called)
        bursts.append((calls - time.ticks_diff(called, began)) / {_CALLS})
    bursts.sort()
    print("measured call", json.dumps(bursts[{_BURSTS} // 2]))
while True:
    await asyncio.sleep(3600)
""")

_TICK = """
import time

from torpor import Service, get


class Tick(Service):
    @get("/")
    async def tick(self) -> int:
        return time.ticks_us()
"""


@dataclass(frozen=True)
class _Sample:
    serving_ms: float
    answered: int  # of seven clients
    free: int
    largest: int  # contiguous
    start_on_request_ms: int
    free_with_all: int  # after the services that start on request have started
    free_again: int  # after they have been unloaded


@dataclass(frozen=True)
class _Tick:
    used: int
    in_memory_us: float
    between_responses_us: list[int]


def sample(lab: Lab) -> _Sample:
    """Run the sample cluster and return its figures."""
    return asyncio.run(_sample(_sample_cluster(lab)))


def _sample_cluster(lab: Lab) -> Path:
    root = Path(tempfile.mkdtemp(dir=lab.folder))
    shutil.copy(ROOT / "cluster.toml", root)
    shutil.copytree(ROOT / "services", root / "services")
    return root


async def _sample(root: Path) -> _Sample:
    async with _board(root, dict.fromkeys(range(8001, 8006), 0)) as board:
        ready = await board.wait_line("kernel: ready", _WALL_S)
        joined = await board.wait_line("net: joined", _WALL_S)
        serving = max(ready.ms or 0, joined.ms or 0)
        heap = await _measured(board, "heap")
        largest = await _measured(board, "largest")
        started = await _measured(board, "on_request")
        return _Sample(float(serving), await _answered(board), heap["free"], largest, *started)


async def _answered(board: EmulatedBoard) -> int:
    """Return how many of seven clients get a response, if all keep their connection."""
    paths = {8001: "/probes", 8002: "/readings/fridge-1", 8003: "/thresholds", 8004: "/log"}
    answered = 0
    async with AsyncExitStack() as stack:
        for port in (*paths, 8003, 8004, 8001):
            kept = await stack.enter_async_context(Kept(*board.address(port)))
            answered += await kept.get(paths[port], _WALL_S) == 200
    return answered


def ticking(lab: Lab) -> _Tick:
    """Run five empty services and ``tick``, and return their figures."""
    services = {f"s{i}": EMPTY_SERVICE.format(i) for i in range(5)}
    root = write_cluster(Path(tempfile.mkdtemp(dir=lab.folder)), {**services, "tick": _TICK})
    return asyncio.run(_ticking(root))


async def _ticking(root: Path) -> _Tick:
    plan = load_plan(root)
    port = next(s.port for s in plan.boards[0].services if s.name == "tick")
    assert port
    async with _board(root, {port: 0}) as board:
        heap = await _measured(board, "heap")
        in_memory = await _measured(board, "call")
        await board.wait_line("net: joined", _WALL_S)
        ticks = await asyncio.to_thread(_ticks, board.address(port))
    between = [(later - one) % (1 << 30) for one, later in itertools.pairwise(ticks)]
    return _Tick(heap["used"], in_memory, between[1:])


def _ticks(address: tuple[str, int]) -> list[int]:
    """Return the responses to a client that sends each request right after the last response."""
    ticks = []
    with socket.create_connection(address, timeout=_WALL_S) as sock:
        for _ in range(_RESPONSES):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: board\r\n\r\n")
            response = b""
            while not response.partition(b"\r\n\r\n")[2]:
                part = sock.recv(4096)
                assert part
                response += part
            ticks.append(int(response.partition(b"\r\n\r\n")[2]))
    return ticks


def one_service_used(lab: Lab) -> int:
    """Return the used heap with the service ``tick`` and an empty one, in bytes."""
    services = {"s0": EMPTY_SERVICE.format(0), "tick": _TICK}
    root = write_cluster(Path(tempfile.mkdtemp(dir=lab.folder)), services)
    return asyncio.run(_heap(root))["used"]


async def _heap(root: Path) -> dict[str, int]:
    """Return the free and the used bytes once the cluster in ``root`` is ready."""
    async with _board(root, {}) as board:
        heap: dict[str, int] = await _measured(board, "heap")
        return heap


def _board(root: Path, forwards: dict[int, int]) -> EmulatedBoard:
    """Return the one board of the cluster in ``root``, with ``_START`` as its main.py."""
    (root / "secrets.toml").write_text(f'[wifi]\nssid = "{ACCESS_POINT}"\n')
    plan = load_plan(root)
    image = build(plan, plan.boards[0].name, root / "build", types=False)
    tree = image.tree
    files = {p.relative_to(tree).as_posix(): p.read_bytes() for p in tree.rglob("*") if p.is_file()}
    files["main.py"] = _START.encode()
    board = image.board.board
    packed = littlefs.pack(files, board.filesystem)
    (root / "board.uf2").write_bytes(flashable(board, firmware(board).read_bytes(), packed))
    return EmulatedBoard(uf2=root / "board.uf2", forwards=forwards)


async def _measured(board: EmulatedBoard, word: str) -> Any:
    """Return what the program reports as ``word``."""
    line = await board.wait_line(f"measured {word} ", _WALL_S)
    return json.loads(line.text.partition(f"measured {word} ")[2])


@figure("emulated_heap_free_bytes", unit="bytes", goal=110_000, better="higher")
def emulated_heap_free_bytes(lab: Lab) -> int:
    """Measure the free heap of the sample cluster once it is ready.

    The heap has 201,488 bytes at boot. The dashboard, which starts on request, has not started.
    """
    return lab.once(sample).free


@figure("emulated_heap_largest_bytes", unit="bytes", goal=64_000, better="higher")
def emulated_heap_largest_bytes(lab: Lab) -> int:
    """Measure the largest block that can be allocated then."""
    return lab.once(sample).largest


@figure("emulated_heap_free_with_all_bytes", unit="bytes", goal=None, better="higher")
def emulated_heap_free_with_all_bytes(lab: Lab) -> int:
    """Measure the free heap after the dashboard has started too."""
    return lab.once(sample).free_with_all


@figure("emulated_heap_free_again_bytes", unit="bytes", goal=None, better="higher")
def emulated_heap_free_again_bytes(lab: Lab) -> int:
    """Measure the free heap after the dashboard has been unloaded; its interned names stay."""
    return lab.once(sample).free_again


@figure("emulated_start_on_request_ms", unit="ms", goal=None, better="lower")
def emulated_start_on_request_ms(lab: Lab) -> int:
    """Measure how long the dashboard's first client waits for it to start."""
    return lab.once(sample).start_on_request_ms


@figure("emulated_empty_service_heap_bytes", unit="bytes", goal=1_500, better="lower")
def emulated_empty_service_heap_bytes(lab: Lab) -> float:
    """Measure the heap of one more service with one route, as the mean of four."""
    return (lab.once(ticking).used - lab.once(one_service_used)) / 4


@figure("emulated_http_over_inmemory", unit="ratio", goal=100, better="higher")
def emulated_http_over_inmemory(lab: Lab) -> float:
    """Compare the time from one HTTP response to the next with the same call in memory.

    The client sends each request right after the last response.
    """
    measured = lab.once(ticking)
    return statistics.median(measured.between_responses_us) / measured.in_memory_us


@figure("emulated_boot_to_serving_ms", unit="ms", goal=None, better="lower")
def emulated_boot_to_serving_ms(lab: Lab) -> float:
    """Measure the time from power-on until the sample cluster is ready and has joined Wi-Fi."""
    return lab.once(sample).serving_ms


@figure("emulated_connections", unit="clients", goal=7, better="higher")
def emulated_connections(lab: Lab) -> int:
    """Count the clients that get a response while earlier ones keep a connection; five slots."""
    return lab.once(sample).answered
