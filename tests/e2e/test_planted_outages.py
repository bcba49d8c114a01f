"""Planted faults: the broker or the Wi-Fi fails and comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.helpers.brokers import KINDS, Broker
from tests.helpers.mail import mail
from tests.helpers.running import write_cluster
from torpor_sim import SimBoard, Simulator
from torpor_tools.client.tools import Tools
from torpor_tools.contracts import load_plan
from torpor_tools.crashes.fetch import over_network
from torpor_tools.crashes.records import Incident
from torpor_tools.link import build
from torpor_tools.model.plan import Plan

KEY = "8f" * 32
COUNTED = """
from torpor import Service, every, get


class Counted(Service):
    async def start(self) -> None:
        self._runs = 0

    @every(seconds=60)
    async def job(self) -> None:
        self._runs += 1

    @get("/runs")
    async def runs(self) -> int:
        return self._runs
"""


NEVER = """
import asyncio

from microdot import Microdot

from torpor import Service, get


class Items(Service):
    app = Microdot()

    @get("/never")
    async def never(self) -> None:
        await asyncio.Event().wait()

    @get("/short", deadline_ms=300)
    async def short(self) -> None:
        await asyncio.Event().wait()

    @get("/items")
    async def all(self) -> list[int]:
        return []


@Items.app.get("/page")
async def page(request):
    await asyncio.Event().wait()
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def incidents(plan: Plan, board: SimBoard) -> list[Incident]:
    """Return the faults that the board counts."""

    def ask() -> list[Incident]:
        port = plan.board("box").services[0].port
        assert port
        where = f"{board.place.address}:{board.place.ports[port]}"
        with Tools(plan.cluster.root, plan.board("box"), where) as tools:
            return list(over_network(tools).incidents)

    return await asyncio.to_thread(ask)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_broker_is_gone_and_back(tmp_path: Path, kind: str) -> None:
    broker = Broker(kind, tmp_path / "broker")
    power = 'policy = "deep"\nlinger_ms = 60000\nwake_every = "1h"'
    async with mail(tmp_path / "cluster", broker, power=power, keys=[KEY]) as found:
        board = found.board
        mark = board.log.mark()
        broker.kill()
        await board.wait_log("mailbox: broker: ", since=mark)
        for _ in range(3):
            assert (await found.sim.http("items").get("/items")).status_code == 200
        await board.wait_log("mailbox: ... broker: ", since=mark)  # the second time it is counted
        (lost,) = await incidents(found.plan, board)
        assert (lost.kind, lost.work) == ("broker", "mailbox")
        assert lost.times >= 2
        broker.start()
        # Through the gateway, the broker and the mailbox again.
        answer = await found.http.post("/items", params={"n": 1}, headers={"Prefer": "wait=60"})
        assert answer.json()["n"] == 1, answer.text
        assert board.starts == 1
        assert not board.crashes


async def test_the_wifi_is_gone_for_an_hour(tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"counted": COUNTED})
    (root / "secrets.toml").write_text(f'[wifi]\nssid = "net"\n\n[cluster]\nkeys = ["{KEY}"]\n')
    plan = load_plan(root)
    image = build(plan, "box", root / "build", types=False)
    async with Simulator([image], ports="os", speed=300) as sim:
        board = sim.board("box")
        await board.wait_log("net: joined as")
        mark = board.log.mark()
        board.inputs.wifi(up=False)
        gone = await board.wait_log("net: connection lost", since=mark)
        assert gone.ms is not None
        async with asyncio.timeout(60):
            while not (line := board.log[-1]).ms or line.ms < gone.ms + 3_600_000:
                await asyncio.sleep(0.05)
        board.inputs.wifi(up=True)
        await board.wait_log("net: joined as", since=mark)
        assert (await sim.http("counted").get("/runs")).json() >= 59  # the jobs kept running
        (lost,) = await incidents(plan, board)
        assert (lost.kind, lost.work) == ("network", "net")
        assert lost.times > 60
        assert board.starts == 1
        assert not board.crashes


async def test_requests_of_the_mailbox_that_never_end(tmp_path: Path) -> None:
    broker = Broker("nats", tmp_path / "broker")
    power = 'policy = "deep"\nlinger_ms = 60000\nwake_every = "1h"'
    async with mail(
        tmp_path / "cluster",
        broker,
        source=NEVER,
        power=power,
        keys=[KEY],
        table="deadline_ms = 1000\n",
    ) as found:
        for path, ms in (("/never", 1000), ("/short", 300), ("/page", 1000)):
            answer = await found.http.get(path, headers={"Prefer": "wait=60"})
            assert answer.status_code == 504, answer.text
            assert answer.json() == {"error": f"not done within {ms} ms"}
            assert (await found.http.get("/items")).json() == []
        counted = {each.work: each for each in await incidents(found.plan, found.board)}
        assert set(counted) == {"items.never", "items.short", "items"}
        assert {each.kind for each in counted.values()} == {"deadline"}
        assert not found.board.crashes
