"""A board with a mailbox in the simulator, with a broker and a gateway for its clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from tests.helpers.brokers import LOGIN, Broker
from tests.helpers.cluster import ClusterBroker
from tests.helpers.running import write_cluster
from torpor_sim import SimBoard, Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.gateway import Gateway
from torpor_tools.gateway.homes import Home
from torpor_tools.link import build
from torpor_tools.model.image import Image
from torpor_tools.model.plan import Plan

ITEMS = """
import asyncio
import json

import machine
from torpor import Fault, Service, get, on_wake, post


class Items(Service):
    async def start(self) -> None:
        self._items = self.store.table("items")

    @post("/items")
    async def add(self, n: int) -> dict:
        key = await self._items.append({"n": n})
        return {"n": n, "key": key, "row": await self._items.get(key)}

    @get("/items")
    async def all(self) -> list[int]:
        found = []
        async for _, row in self._items.scan():
            found.append(row["n"])
        return found

    @post("/slow")
    async def slow(self, n: int) -> dict:
        self.log.info("slow")
        await asyncio.sleep_ms(300)
        return {"key": await self._items.append({"n": n})}

    @post("/full")
    async def full(self) -> None:
        await self._items.append({"n": -1})
        raise Fault(409, "it is taken")

    @post("/large")
    async def large(self, size: int) -> str:
        return "x" * size

    @post("/poison")
    async def poison(self) -> None:
        machine.reset()
        await asyncio.sleep_ms(1000)

    @on_wake(pin=4, level=0)
    async def opened(self) -> None:
        pass

    async def secret(self) -> str:
        return "for peers only"
"""
DEEP = 'policy = "deep"\nlinger_ms = 700\nwake_every = "1h"'


def write(
    root: Path,
    broker: Broker | ClusterBroker,
    *,
    source: str = ITEMS,
    power: str = DEEP,
    start: str = "boot",
    ca: Path | None = None,
    board: str = "ESP32_GENERIC",
    static: Mapping[str, str] | None = None,
    events: Sequence[str] = (),
    keys: Sequence[str] = (),
    table: str = "",
) -> Plan:
    """Write a cluster of one board, ``box``, with the service ``items`` and its ``static`` files.

    ``events``: the events that the service offers to other programs. ``table``: further lines of
    its table.
    """
    root.mkdir(exist_ok=True)
    write_cluster(root, {"items": source}, board)
    for name, content in (static or {}).items():
        file = root / "services" / "items" / "static" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    toml = root / "cluster.toml"
    if keys and board.startswith("ESP32"):  # runtime, mailbox and updates take more than 576 kB
        toml.write_text(toml.read_text().replace("[boards.box]", "[boards.box]\nflash_mb = 8"))
    more = f'\n[mailbox]\nurl = "{broker.where.url}"\n\n[boards.box.power]\n{power}\n'
    offered = f"events = {list(events)}\n".replace("'", '"') if events else ""
    toml.write_text(f'{toml.read_text()}start = "{start}"\n{offered}{table}{more}')
    login = "".join(f'{key} = "{value}"\n' for key, value in LOGIN.items())
    if ca:
        login += f'ca = "{ca}"\n'
    cluster = f"[cluster]\nkeys = {json.dumps(list(keys))}\n" if keys else ""
    (root / "secrets.toml").write_text(
        f'{cluster}[mailbox]\n{login}\n[wifi]\nssid = "net"\npassword = "key"\n'
    )
    return load_plan(root)


class Mail:
    """A running board, broker and gateway. ``http`` is a client of the gateway."""

    def __init__(self, plan: Plan, broker: Broker, sim: Simulator) -> None:
        self.plan = plan
        self.broker = broker
        self.sim = sim
        self.board: SimBoard = sim.board("box")
        self.gateway: Gateway
        self.http: httpx.AsyncClient
        self.listeners: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def opened(self, limit: int = 64) -> AsyncIterator[Gateway]:
        """Yield a gateway that is connected to the broker."""
        root = self.plan.cluster.root
        login = dict(LOGIN)
        if (ca := root / "ca.pem").exists():
            login["ca"] = ca.read_text()
        async with Gateway(
            self.plan,
            self.broker.where,
            login,
            root / "gateway",
            bind="127.0.0.1",
            ports={},
            limit=limit,
            resolve=self._where,
        ) as gateway:
            await gateway.broker.connected.wait()
            yield gateway

    def client(self, gateway: Gateway) -> httpx.AsyncClient:
        url = f"http://127.0.0.1:{gateway.ports[8001]}"
        return httpx.AsyncClient(base_url=url, timeout=60, trust_env=False)

    def _where(self, home: Home, address: str) -> tuple[str, int]:
        place = self.sim.board(home.board).place
        return place.address, place.ports[home.port]

    async def sleeps(self) -> None:
        """Wait until the board sleeps and the gateway knows it."""
        async with asyncio.timeout(30):
            while not self.board.trace or self.board.trace[-1]["event"] != "deepsleep":
                await asyncio.sleep(0.01)
        await self.known("asleep")

    async def wake_up(self) -> None:
        """Reset the board, and wait until the gateway knows that it is awake."""
        await self.board.reset()
        await self.known("awake")

    async def known(self, *states: str) -> None:
        """Wait until the gateway knows that the board is in one of these states."""
        async with asyncio.timeout(30):
            while getattr(self.gateway.parked.boards.get("box"), "state", "") not in states:
                await asyncio.sleep(0.01)

    def wake(self) -> None:
        """Open a door, which wakes the board."""
        self.board.inputs.pin(4, 0)

    def close(self) -> None:
        """Close the door, so that it can open again."""
        self.board.inputs.pin(4, 1)


def with_psram(image: Image) -> Image:
    """Return the image for a board of the same type that has more memory."""
    kind = replace(image.board.board, heap_bytes=400_000)
    return replace(image, board=replace(image.board, board=kind))


@asynccontextmanager
async def mail(
    root: Path, broker: Broker, *, psram: bool = False, **cluster: Any
) -> AsyncIterator[Mail]:
    """Run a broker, a board, and a gateway that knows the board. ``cluster``: see ``write``."""
    plan = write(root, broker, **cluster)
    image = build(plan, "box", root / "build", types=False)
    if psram:
        image = with_psram(image)
    broker.start()
    try:
        async with Simulator([image], ports="os", storage=root / "build" / "sim") as sim:
            sim.board("box").inputs.pin(4, 1)
            box = Mail(plan, broker, sim)
            async with box.opened() as gateway, box.client(gateway) as http:
                box.gateway, box.http = gateway, http
                await box.known("awake", "asleep")
                try:
                    yield box
                finally:
                    for task in box.listeners:
                        task.cancel()
    finally:
        broker.kill()
