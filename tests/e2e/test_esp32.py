"""The sample on simulated ESP32s, which behave like their port of MicroPython: every policy, with a
mailbox, under a burst of clients; and boards that find each other by their host names."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.helpers.ask import status
from tests.helpers.brokers import LOGIN, Broker
from tests.helpers.mail import Mail
from tests.helpers.several import write_boards
from torpor_sim import SimBoard, Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.link import build
from torpor_tools.model.image import Image
from torpor_tools.testing import simulator

ROOT = Path(__file__).parents[2]
KINDS = {"generic": "ESP32_GENERIC", "s3": "ESP32_GENERIC_S3", "c3": "ESP32_GENERIC_C3"}
POLICIES = {
    "on": 'policy = "on"',
    "idle": 'policy = "idle"',
    "deep": 'policy = "deep"\nlinger_ms = 3000\nwake_every = "1h"',
}
SAVES = {"on": "none", "idle": "performance", "deep": "performance"}
PATHS = {8001: "/probes", 8002: "/readings/fridge-1", 8003: "/thresholds", 8004: "/device"}


def write_sample(root: Path, kind: str, name: str, policy: str, broker: Broker) -> None:
    """Write the sample for one board, which measures so rarely that it can sleep in between."""
    shutil.copytree(ROOT / "services", root / "services")
    for path in root.glob("services/*/__init__.py"):
        path.write_text(path.read_text().replace("@every(seconds=5)", "@every(seconds=12)"))
    text = (ROOT / "cluster.toml").read_text()
    for old, new in {
        "RPI_PICO_W": kind,
        "pin = 22": "pin = 4",  # which every ESP32 has
        "[boards.shed]": f"[boards.{name}]\nmailbox = true\nflash_mb = 8",
        "fridge-monitor": f"fridges-{name}-{policy}",
    }.items():
        assert old in text
        text = text.replace(old, new)
    power = f"\n[boards.{name}.power]\n{POLICIES[policy]}\n"
    (root / "cluster.toml").write_text(f'{text}{power}\n[mailbox]\nurl = "{broker.where.url}"\n')
    login = "".join(f'{key} = "{value}"\n' for key, value in LOGIN.items())
    (root / "secrets.toml").write_text(f"[mailbox]\n{login}")


class Box(Mail):
    """One board with its own gateway."""

    def __init__(self, root: Path, broker: Broker, sim: Simulator, board: SimBoard) -> None:
        self.plan = load_plan(root)
        self.broker = broker
        self.sim = sim
        self.board = board
        self.listeners = []


def with_more_heap(image: Image) -> Image:
    """Return the image for a heap with a quarter more words than the chip's.

    That size is older than the estimate of ``torpor build``, according to which objects take about
    68 % of the bytes that they take in 64-bit MicroPython. That is more than half, so the chip's
    heap is smaller than this one. These tests show what works, not what fits.
    """
    kind = image.board.board
    kind = replace(kind, heap_bytes=kind.heap_bytes * 5 // 4)
    return replace(image, board=replace(image.board, board=kind))


@asynccontextmanager
async def sample(root: Path, name: str, policy: str, broker: Broker) -> AsyncIterator[Box]:
    write_sample(root, KINDS[name], name, policy, broker)
    image = with_more_heap(build(load_plan(root), name, root / "build", types=False))
    async with Simulator([image], ports="os", storage=root / "build" / "sim") as sim:
        box = Box(root, broker, sim, sim.board(name))
        async with box.opened() as gateway:
            box.gateway = gateway
            yield box


async def check(root: Path, name: str, policy: str, broker: Broker) -> None:
    async with sample(root, name, policy, broker) as box:
        board = box.board
        statuses = await asyncio.gather(
            *(status(board, port, PATHS[port]) for port in [*PATHS] * 4)
        )
        assert set(statuses) <= {200, 503}, statuses
        assert (
            await asyncio.gather(*(status(board, port, PATHS[port]) for port in PATHS)) == [200] * 4
        )
        assert board.announced == name
        assert (await box.sim.http("dashboard").get("/overview")).status_code == 200
        url = f"http://127.0.0.1:{box.gateway.ports[8003]}"
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
            fridge = (await http.get("/thresholds")).json()["fridge-1"]
            assert (fridge["low"], fridge["high"]) == (2.0, 8.0)
            if policy == "deep":
                await board.wait_trace("deepsleep")
                # Held by the broker until the board wakes for its next measurement.
                assert (await http.get("/thresholds")).status_code == 200
                causes = [e["cause"] for e in board.trace if e["event"] == "boot"]
                assert causes[:2] == ["power-on", "deepsleep"]
        saves = {e["power"] for e in board.trace if e["event"] == "radio" and e["state"] == "up"}
        assert saves == {SAVES[policy]}
        assert not board.crashes
        log = "\n".join(str(line) for line in board.log)
        for trouble in ("goes on in 1 s", "Traceback", "joining failed", "broker:"):
            assert trouble not in log, log


@pytest.mark.parametrize("policy", POLICIES)
async def test_the_sample_runs_on_every_esp32(tmp_path: Path, policy: str) -> None:
    broker = Broker("nats", tmp_path / "broker")
    broker.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            for name in KINDS:
                tasks.create_task(check(tmp_path / name, name, policy, broker))
    finally:
        broker.stop()


KEEPER = """
from torpor import Service, get


class Keeper(Service):
    @get("/state")
    async def state_of(self) -> int:
        return 1

    async def add(self, a: int, b: int) -> int:
        return a + b
"""
ASKER = """
from torpor import Service, clock, get

from services.keeper import Keeper


class Asker(Service):
    keeper: Keeper

    @get("/add/<a>/<b>")
    async def add(self, a: int, b: int) -> dict:
        return {"sum": await self.keeper.add(a, b)}

    @get("/now")
    async def now(self) -> int:
        return clock.now()
"""


@pytest.mark.parametrize("host", ["", "cold-room.local"])
async def test_two_boards_find_each_other_by_their_names(tmp_path: Path, host: str) -> None:
    services, boards = {"keeper": KEEPER, "asker": ASKER}, {"shed": ["keeper"], "barn": ["asker"]}
    types = {"shed": "ESP32_GENERIC_S3", "barn": "ESP32_GENERIC_C3"}
    write_boards(tmp_path, services, boards, types=types)
    if host:
        toml = tmp_path / "cluster.toml"
        toml.write_text(
            toml.read_text().replace("[boards.shed]", f'[boards.shed]\nhost = "{host}"')
        )
    async with simulator(tmp_path) as sim:
        for n in range(3):
            assert (await sim.http("asker").get(f"/add/{n}/2")).json() == {"sum": n + 2}
        assert sim.board("shed").announced == (host.removesuffix(".local") or "shed")
        assert sim.board("barn").announced == "barn"
        now = (await sim.http("asker").get("/now")).json()
        assert abs(now - time.time()) < 3600  # although its seconds count from 2000
        looks = [e for e in sim.board("barn").trace if e["event"] == "lookup"]
    assert [look["host"] for look in looks] == [host or "shed.local"]  # its address is kept


async def test_a_board_without_a_name_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torpor_tools.link.radio.begin", lambda board: "wifi.begin()")
    services, boards = {"keeper": KEEPER, "asker": ASKER}, {"shed": ["keeper"], "barn": ["asker"]}
    write_boards(tmp_path, services, boards, types=dict.fromkeys(boards, "ESP32_GENERIC"))
    async with simulator(tmp_path, lookup_ms=100) as sim:
        answer = await sim.http("asker").get("/add/1/2")
        assert answer.status_code in (503, 504)
        assert {sim.board(name).announced for name in boards} == {"mpy-esp32"}
