"""A durable event is neither lost nor handled twice, no matter what is killed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.crash.test_mailbox import FORGETFUL, spoiled
from tests.helpers.brokers import LOGIN, Broker
from tests.helpers.several import write_boards
from torpor_sim import SimBoard, Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.link import build_boards

DOORS = """
from torpor import Event, Service, post


class Opened(Event):
    n: int


class Doors(Service):
    @post("/open")
    async def open_door(self, n: int) -> None:
        await self.publish(Opened(n=n))
"""
HALL = """
import asyncio

from services.doors import Opened
from torpor import Service, get, on


class Hall(Service):
    async def start(self) -> None:
        self._doors = self.store.table("doors")

    @on(Opened, durable=True)
    async def note(self, event: Opened) -> None:
        await asyncio.sleep_ms(10)
        await self._doors.append({"n": event.n})
        await asyncio.sleep_ms(10)

    @get("/doors")
    async def all(self) -> list[int]:
        found = []
        async for _, row in self._doors.scan():
            found.append(row["n"])
        return found
"""
POWER = '\n[boards.shed.power]\npolicy = "deep"\nlinger_ms = 100\nwake_every = "10s"\n'


@dataclass
class Storm:
    """Events to a board that mostly sleeps, while ``kills`` hit publisher, broker and subscriber.

    Attributes:
        confirmed: The events whose publication has returned: they must arrive.
        handled: The events that the subscriber has stored, each as often as it was handled.
    """

    root: Path
    kills: int
    events: int
    ack_wait: str = "300ms"
    confirmed: list[int] = field(default_factory=list)
    handled: list[int] = field(default_factory=list)

    async def run(self) -> Storm:
        broker = Broker("nats", self.root / "broker", ack_wait=self.ack_wait)
        root = write_boards(
            self.root / "cluster",
            {"doors": DOORS, "hall": HALL},
            {"box": ["doors"], "shed": ["hall"]},
            types={"shed": "ESP32_GENERIC"},
        )
        toml = (root / "cluster.toml").read_text()
        toml = toml.replace("[boards.box]\n", "[boards.box]\nmailbox = true\n")
        (root / "cluster.toml").write_text(
            f'{toml}{POWER}\n[mailbox]\nurl = "{broker.where.url}"\n'
        )
        login = "".join(f'{key} = "{value}"\n' for key, value in LOGIN.items())
        wifi = '[wifi]\nssid = "net"\npassword = "key"\n'
        (root / "secrets.toml").write_text(f"[mailbox]\n{login}\n{wifi}")
        images = list(build_boards(load_plan(root), ["box", "shed"], root / "build", types=False))
        broker.start()
        try:
            async with Simulator(images, ports="os", storage=root / "sim") as sim:
                await sim.board("shed").wait_trace("deepsleep")  # the broker knows it
                await self._storm(sim, broker)
                await self._calm(sim)
        finally:
            broker.stop()
        return self

    async def _storm(self, sim: Simulator, broker: Broker) -> None:
        async with asyncio.TaskGroup() as work:
            work.create_task(self._publish(sim.board("box")))
            for number in range(self.kills):
                await asyncio.sleep(random.uniform(0.05, 0.4))
                victim = ("box", "shed", "broker")[number % 3]
                if victim == "broker":
                    broker.kill()
                    await asyncio.to_thread(broker.start)
                else:
                    sim.board(victim).kill()
                    await sim.board(victim).wait_trace("boot", 30)

    async def _publish(self, board: SimBoard) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            for n in range(self.events):
                try:
                    response = await http.post(board.place.url(8001) + "/open", json={"n": n})
                    if response.status_code == 204:
                        self.confirmed.append(n)
                except httpx.TransportError:  # perhaps published: not repeated
                    await asyncio.sleep(0.1)
                await asyncio.sleep(random.uniform(0, 2 * 0.225 * self.kills / self.events))

    async def _calm(self, sim: Simulator) -> None:
        """Wait until all confirmed events have arrived, and a while longer for duplicates."""
        async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
            for _ in range(40):
                await sim.board("shed").reset()
                url = sim.board("shed").place.url(8002)
                try:
                    self.handled = (await http.get(url + "/doors")).json()
                except httpx.TransportError:
                    continue
                if {*self.confirmed} <= {*self.handled}:
                    break
                await asyncio.sleep(0.5)
        assert [str(c) for b in ("box", "shed") for c in sim.board(b).crashes] == []

    @property
    def lost(self) -> set[int]:
        return {*self.confirmed} - {*self.handled}

    @property
    def twice(self) -> list[int]:
        return [n for n, times in Counter(self.handled).items() if times > 1]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize(
    ("kills", "events"), [(12, 12), pytest.param(500, 400, marks=pytest.mark.soak)]
)
async def test_a_durable_event_arrives_once(tmp_path: Path, kills: int, events: int) -> None:
    storm = await Storm(tmp_path, kills, events).run()
    assert storm.confirmed
    assert (storm.lost, storm.twice) == (set(), [])


@pytest.mark.soak
async def test_without_the_window_an_event_is_handled_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled(tmp_path, monkeypatch, *FORGETFUL)
    assert (await Storm(tmp_path, 60, 60).run()).twice
