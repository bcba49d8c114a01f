"""Planted faults on the official Pico W firmware, with resets by its own watchdog.

As in the simulator (``tests/e2e/test_planted_faults.py``), the other service responds again within
20 s of the board's time, and the board reports what happened and where. The emulator is about 40
times slower than a chip, so this takes half an hour.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.helpers.running import write_cluster
from torpor_sim.emulated import ACCESS_POINT, EmulatedBoard
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.client import tools as client_tools
from torpor_tools.client.tools import Tools
from torpor_tools.contracts import load_plan
from torpor_tools.crashes.builds import read_build
from torpor_tools.crashes.fetch import Fetched, over_network
from torpor_tools.image import littlefs
from torpor_tools.image.flashable import flashable
from torpor_tools.link import build
from torpor_tools.model.plan import Plan

pytestmark = [pytest.mark.soak, pytest.mark.emulated]

KEY = "8f" * 32
WALL_S = 900.0
RECOVERY_MS = 20_000
HELPER, VICTIM = 8001, 8002
SERVICES: Mapping[str, str] = {
    "helper": """
from torpor import Service, get


class Helper(Service):
    @get("/")
    async def ok(self) -> str:
        return "ok"
""",
    "victim": """
import asyncio
import sys
import time

from torpor import Event, Service, every, get, on


class Opened(Event):
    number: int


class Victim(Service):
    async def start(self) -> None:
        self._job = ""

    @get("/raise")
    async def fail(self) -> None:
        raise ValueError("in a handler")

    @get("/memory")
    async def memory(self) -> None:
        self._fill()

    def _fill(self) -> None:
        held = []
        while True:
            held.append(bytearray(2000))

    @get("/recursion")
    async def recursion(self) -> int:
        return self._down(0)

    def _down(self, n: int) -> int:
        return self._down(n + 1)

    @get("/job")
    async def set_job(self) -> None:
        self._job = "raise"

    @every(seconds=1)
    async def job(self) -> None:
        what, self._job = self._job, ""
        if what:
            raise RuntimeError("in a job")

    @get("/task")
    async def start_task(self) -> None:
        self.spawn(self._task)

    async def _task(self) -> None:
        if self._job != "done":
            self._job = "done"
            raise IndexError("in a task")

    @get("/publish")
    async def publish_event(self) -> None:
        await self.publish(Opened(number=1))

    @on(Opened)
    async def opened(self, event: Opened) -> None:
        raise KeyError(event.number)

    @get("/never", deadline_ms=500)
    async def never(self) -> None:
        await asyncio.Event().wait()

    @get("/hang")
    async def hang(self) -> None:
        while True:
            pass

    @get("/block")
    async def block(self) -> None:
        time.sleep(60)

    @get("/exit")
    async def leave(self) -> None:
        sys.exit()
""",
}


@dataclass(frozen=True)
class Fault:
    """A fault: the request that causes it, and what ``torpor crashes`` must name."""

    path: str
    work: str
    source: str = ""
    kind: str = "exception"
    ends: bool = False  # whether it ends the board's run


FAULTS = [
    Fault("/raise", "victim.fail", 'raise ValueError("in a handler")'),
    Fault("/job", "victim.job", 'raise RuntimeError("in a job")'),
    Fault("/task", "victim._task", 'raise IndexError("in a task")'),
    Fault("/publish", "victim.opened", "raise KeyError(event.number)"),
    Fault("/recursion", "victim._down", "return self._down(n + 1)"),
    Fault("/memory", "victim._fill", "held.append(bytearray(2000))", "out of memory"),
    Fault("/never", "victim.never", kind="deadline"),
    Fault("/hang", "victim.hang", kind="watchdog", ends=True),
    Fault("/block", "victim.block", kind="watchdog", ends=True),
    Fault("/exit", "victim.leave", "sys.exit()", "kernel died", ends=True),
]


class Patient(Tools):
    """Tools that wait as long as the emulator needs."""

    def ask(
        self,
        tool: str,
        deadline_ms: int = 600_000,
        answer_s: float | None = None,
        **arguments: Any,
    ) -> Any:
        return super().ask(tool, deadline_ms, **arguments)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    root = write_cluster(tmp_path_factory.mktemp("cluster"), dict(SERVICES))
    toml = root / "cluster.toml"
    # Each second of an endless loop takes the emulator a minute.
    toml.write_text(toml.read_text().replace("services =", "watchdog_s = 1\nservices =", 1))
    secrets = f'[wifi]\nssid = "{ACCESS_POINT}"\npassword = "x"\n\n[cluster]\nkeys = ["{KEY}"]\n'
    (root / "secrets.toml").write_text(secrets)
    return load_plan(root)


@pytest.fixture(scope="module")
async def board(plan: Plan) -> AsyncIterator[EmulatedBoard]:
    root = plan.cluster.root
    image = build(plan, "box", root / "build", types=False)
    tree = image.tree
    files = {p.relative_to(tree).as_posix(): p.read_bytes() for p in tree.rglob("*") if p.is_file()}
    kind = image.board.board
    packed = littlefs.pack(files, kind.filesystem)
    uf2 = root / "board.uf2"
    uf2.write_bytes(flashable(kind, firmware(kind).read_bytes(), packed))
    async with EmulatedBoard(uf2=uf2, forwards={HELPER: 0, VICTIM: 0}) as running:
        await running.wait_line("net: joined", WALL_S)
        await running.wait_line("kernel: ready", WALL_S)
        yield running


async def fetch(plan: Plan, board: EmulatedBoard) -> Fetched:
    def ask() -> Fetched:
        with Patient(plan.cluster.root, plan.board("box"), board.url(HELPER)) as tools:
            return over_network(tools)

    return await asyncio.to_thread(ask)


async def get(board: EmulatedBoard, port: int, path: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=WALL_S, trust_env=False) as http:
        return await http.get(board.url(port) + path)


async def named(plan: Plan, board: EmulatedBoard, kind: str) -> tuple[str, str]:
    """Return the newest fault of a kind: its service and method, and its line of the source."""
    fetched = await fetch(plan, board)
    if kind == "deadline":
        return next(each.work for each in fetched.incidents if each.kind == kind), ""
    record = max((r for r in fetched.records if r.kind == kind), key=lambda r: r.number)
    failed = read_build(plan.cluster.root, record.build)
    assert failed
    frames = [f for f in record.frames if f.file.startswith("services/")]
    line = failed.line(frames[-1].file, frames[-1].line) if frames else ""
    return record.work(failed), line


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.path[1:])
async def test_other_services_recover_and_the_board_reports_the_fault(
    plan: Plan, board: EmulatedBoard, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_tools, "_CONNECT_S", WALL_S)
    mark, began = board.log.mark(), board.device_ms
    asked = asyncio.create_task(get(board, VICTIM, fault.path))
    if fault.ends:
        await board.wait_line("kernel: ready", WALL_S, since=mark)
        await board.wait_line("net: joined", WALL_S, since=mark)
        asked.cancel()
    with suppress(httpx.HTTPError, asyncio.CancelledError):
        await asked
    assert (await get(board, HELPER, "/")).text == "ok"
    recovery_ms = board.device_ms - began
    print(f"{fault.path}: recovered after {recovery_ms:.0f} ms of the board's time")
    assert recovery_ms < RECOVERY_MS
    if fault.path in ("/job", "/task"):
        await board.wait_line("Error: in a ", WALL_S, since=mark)
    assert await named(plan, board, fault.kind) == (fault.work, fault.source)


async def test_three_crashes_in_a_row_lead_to_safe_mode(board: EmulatedBoard) -> None:
    await board.wait_line("SAFE MODE", WALL_S)
    response = await get(board, VICTIM, "/raise")
    assert response.status_code == 503
    assert "it crashed the board" in response.json()["error"]
    assert (await get(board, HELPER, "/")).text == "ok"
