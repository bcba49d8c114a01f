"""The processor time of an idle board, and the current of a sleeping one."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from tests.bench.lab import Lab
from tests.bench.registry import figure
from tests.helpers.running import running_images, write_cluster
from torpor_sim import SimBoard, Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.link import build
from torpor_tools.model.board import Board
from torpor_tools.model.image import Image
from torpor_tools.power.meter import Span, measure
from torpor_tools.power.trace import spans

_STATE = """
from torpor import Service, get


class State(Service):
    @get("/state")
    async def condition(self) -> dict:
        return {"ok": True}
"""
# A request waits for the board at each wake, as at the gateway. The board stays awake until the
# request has come.
_PARKED = """
from torpor import Service, get, power


class Parked:
    left = 10_000

    def busy_ms(self) -> int:
        return self.left

    async def close(self, ms: int) -> None:
        pass


class State(Service):
    async def start(self) -> None:
        self._parked = Parked()
        power.sources.append(self._parked)

    @get("/state")
    async def condition(self) -> dict:
        self._parked.left = 0
        return {"ok": True}
"""
_QUIET_S = 15.0
_TIMER_S = 5.0  # the period of the only timer of a board without jobs, which checks its Wi-Fi
_SPEED = 20.0
_WAKES = 5


def _board(lab: Lab, kind: str, power: str, source: str = _STATE) -> Image:
    root = write_cluster(Path(tempfile.mkdtemp(dir=lab.folder)), {"status": source}, kind)
    toml = root / "cluster.toml"
    toml.write_text(toml.read_text() + f"\n[boards.box.power]\n{power}\n")
    return build(load_plan(root), "box", root / "build", types=False)


class _Idle:
    """Three measurements of a Pico W without requests, with the policy ``idle``."""

    def __init__(self, lab: Lab) -> None:
        self.percent: list[float] = []
        self.wakes: list[float] = []
        image = _board(lab, "RPI_PICO_W", 'policy = "idle"')
        with running_images([image]) as run:
            pid = run.sim.board("box").pid
            assert pid
            time.sleep(2)
            for _ in range(3):
                cpu, woken = _used(pid)
                began = time.monotonic()
                time.sleep(_QUIET_S)
                elapsed = time.monotonic() - began
                cpu_after, woken_after = _used(pid)
                self.percent.append(100 * (cpu_after - cpu) / elapsed)
                self.wakes.append((woken_after - woken) / (elapsed / _TIMER_S))


def _used(pid: int) -> tuple[float, int]:
    """Return the CPU time of a process (s), and the number of its voluntary context switches."""
    cpu = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    name = "voluntary_ctxt_switches:"
    return cpu, next(int(line.split()[1]) for line in lines if line.startswith(name))


@figure("idle_cpu_percent", unit="%", goal=1, better="lower")
def idle_cpu_percent(lab: Lab) -> list[float]:
    """Measure the share of one core of this machine that a waiting board uses."""
    return lab.once(_Idle).percent


@figure("idle_wakes_over_timers", unit="ratio", goal=1.5, better="lower")
def idle_wakes_over_timers(lab: Lab) -> list[float]:
    """Compare the wake-ups with those that the board's one timer accounts for.

    A timer of 5 s is due three times in 15 s. The figure is 1 if there are no other wake-ups.
    """
    return lab.once(_Idle).wakes


@figure("power_deep_over_always_on", unit="ratio", goal=0.05, better="lower")
def power_deep_over_always_on(lab: Lab) -> list[float]:
    """Compare the mean current of an ESP32 that sleeps with one whose radio always listens.

    The first wakes every minute and answers one request per wake. The meter uses datasheet figures,
    including the duration of a start.
    """
    deep = _board(
        lab, "ESP32_GENERIC", 'policy = "deep"\nwake_every = "1m"\nlinger_ms = 200', _PARKED
    )
    always = _board(lab, "ESP32_GENERIC", 'policy = "on"')
    kind = deep.board.board
    with running_images([always], speed=_SPEED) as run:
        _on(run.sim, run.loop)
        on = _current(spans(run.sim.board("box").trace, kind)[2:], kind)  # without its start
    with running_images([deep], speed=_SPEED) as run:
        wakes = asyncio.run_coroutine_threadsafe(_ask_in_each_wake(run.sim), run.loop).result(300)
    return [_current(wake, kind) / on for wake in wakes]


def _on(sim: Simulator, loop: asyncio.AbstractEventLoop) -> None:
    """Let a minute pass, then restart the board, which ends its last state in the trace."""

    async def minute() -> None:
        board = sim.board("box")
        await board.wait_log("joined")
        for _ in range(3):
            await sim.http("status").get("/state")
            await asyncio.sleep(60 / _SPEED / 3)
        board.kill()
        await board.ready(start=2)

    asyncio.run_coroutine_threadsafe(minute(), loop).result(300)


async def _ask_in_each_wake(sim: Simulator) -> list[list[Span]]:
    """Send a request in each wake; return the states from each wake to the next."""
    board: SimBoard = sim.board("box")
    for start in range(1, _WAKES + 2):
        await board.ready(start=start)
        await board.trace.wait(
            lambda event: event.get("state") == "up" and event["start"] == board.starts,
            what="Wi-Fi",
            timeout=30,
        )
        response = await sim.http("status").get("/state")
        assert response.json() == {"ok": True}
        await board.ready(start=start + 1)
    wakes: list[list[Span]] = []
    for span in spans(board.trace, board.image.board.board):
        if not wakes or (wakes[-1] and wakes[-1][-1].state == "deep"):
            wakes.append([])
        wakes[-1].append(span)
    return wakes[1 : _WAKES + 1]  # the first start was a power-on, and joined Wi-Fi after a scan


def _current(states: list[Span], kind: Board) -> float:
    return measure(states, kind.currents_ma).average_ma
