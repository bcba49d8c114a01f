"""Safe outputs: an output has its safe value whenever its service cannot run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from tests.helpers.running import Running, running, write_cluster
from torpor_sim import Simulator
from torpor_tools.cli import root as torpor
from torpor_tools.contracts import load_plan
from torpor_tools.link import build, image_files

VALVE = """
import sys

import machine

from torpor import Service, get

_PUMP = 21


class Valve(Service):
    async def start(self) -> None:
        self._valve = self.output(self.config["pin"], safe=0)
        self._pump = self.output(_PUMP, safe=1)

    @get("/open")
    async def open(self) -> list[int]:
        self._valve.value(1)
        self._pump.value(0)
        return [self._valve.value(), self._pump.value()]

    @get("/hang")
    async def hang(self) -> None:
        machine.WDT(timeout=300)
        while True:
            pass

    @get("/exit")
    async def leave(self) -> None:
        sys.exit()
"""
HALF = """
from torpor import Service


class Half(Service):
    async def start(self) -> None:
        self.output("GP10").value(1)
        raise OSError(5)
"""
UNLOADED = """
from torpor import Service

TABLE = [1, 2, 3][7]


class Unloaded(Service):
    async def start(self) -> None:
        self.output(11, safe=True)
"""
PLAIN = """
from torpor import Service, get


class Plain(Service):
    @get("/")
    async def index(self) -> str:
        return "ok"
"""
SAFE = {"20": 0, "21": 1, "10": 0, "11": 1}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    services = {"valve": VALVE, "half": HALF, "unloaded": UNLOADED, "plain": PLAIN}
    root = write_cluster(tmp_path_factory.mktemp("outputs"), services)
    with (root / "cluster.toml").open("a") as file:
        file.write("\n[services.valve.config]\npin = 20\n")
    (root / "secrets.toml").write_text(f'[cluster]\nkeys = ["{"8f" * 32}"]\n')
    return root


@pytest.fixture(scope="module")
def board(project: Path) -> Iterator[Running]:
    with running(project, types=False, storage=project / "build" / "sim") as run:
        yield run


def runs(board: Running) -> list[list[dict[str, Any]]]:
    """Return the trace events of each start of the board."""
    found: list[list[dict[str, Any]]] = []
    for event in board.sim.board("box").trace:
        if event["event"] == "boot":
            found.append([])
        found[-1].append(dict(event))
    return found


def pins(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(e["pin"], e["value"]) for e in events if e["event"] == "pin"]


def levels(events: list[dict[str, Any]]) -> dict[str, int]:
    return dict(pins(events))


def opened(board: Running) -> None:
    with board.client("valve") as client:
        assert client.get("/open").json() == [1, 0]
    while levels(runs(board)[-1]).get("20") != 1:  # the trace arrives some time after the answer
        time.sleep(0.01)


def test_before_anything_else_and_without_the_service(board: Running) -> None:
    first = runs(board)[0]
    assert [e["event"] for e in first[:6]] == ["boot", *["pin"] * 4, "radio"], first
    assert levels(first[:5]) == SAFE
    assert board.log_text("box").count("failed to start") == 2


def test_after_a_failed_start(board: Running) -> None:
    first = pins(runs(board)[0])
    assert [value for pin, value in first if pin == "10"] == [0, 1, 0]
    assert [value for pin, value in first if pin == "11"] == [1]


def test_before_a_planned_reset(board: Running, project: Path) -> None:
    opened(board)
    start = board.sim.board("box").starts + 1
    CliRunner().invoke(torpor, ["-C", str(project), "reset", "box", "--normal"])
    board.wait_ready("box", start)
    before = runs(board)[-2]
    assert levels(before) == SAFE
    assert before[-1]["event"] == "reset"


def test_after_a_crash_and_in_safe_mode(board: Running) -> None:
    for path in ("/exit", "/hang", "/hang"):
        opened(board)
        start = board.sim.board("box").starts + 1
        with board.client("valve") as client, suppress(httpx.HTTPError):
            client.get(path)
        board.wait_ready("box", start)
        crashed, now = runs(board)[-2:]
        # A kernel that dies makes them safe. After a hang, the next start makes them safe first.
        assert levels(crashed)["20"] == (0 if path == "/exit" else 1)
        assert levels(crashed)["21"] == (1 if path == "/exit" else 0)
        assert levels(now[:5]) == SAFE
    board.wait_log("box", "SAFE MODE")
    with board.client("valve") as client:
        assert client.get("/open").status_code == 503
    assert levels(runs(board)[-1]) == SAFE


async def test_before_a_deep_sleep(tmp_path: Path) -> None:
    job = (
        "\n    @every(seconds=60)\n    async def job(self) -> None:\n        self._valve.value(1)\n"
    )
    source = VALVE.replace("import Service", "import Service, every") + job
    root = write_cluster(tmp_path, {"valve": source}, "ESP32_GENERIC")
    with (root / "cluster.toml").open("a") as file:
        file.write("\n[services.valve.config]\npin = 22\n")
        file.write('\n[boards.box.power]\npolicy = "deep"\nlinger_ms = 300\n')
    image = build(load_plan(root), "box", root / "build", types=False)
    async with Simulator([image], ports="os") as sim:
        box = sim.board("box")
        await box.wait_trace("deepsleep")
        values = [e["value"] for e in box.trace if e["event"] == "pin" and e["pin"] == "22"]
        assert values == [0, 1, 0]


def test_an_image_without_outputs_lacks_the_code(tmp_path: Path) -> None:
    files = image_files(load_plan(write_cluster(tmp_path, {"plain": PLAIN})), "box")
    names = (b"OUTPUTS", b"make_safe", b"make_all_safe")
    assert not [path for path, data in files.items() if any(name in data for name in names)]
    assert b"output" not in files["torpor/__init__.mpy"]
    assert b"machine" not in files["boot.py"] + files["main.py"]
