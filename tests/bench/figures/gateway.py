"""A board behind the gateway: awake, and asleep with a request waiting."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.bench.lab import Lab
from tests.bench.load import Address, load
from tests.bench.registry import figure
from tests.helpers.brokers import Broker
from tests.helpers.mail import write
from tests.helpers.running import running_images
from tests.helpers.storm import GatewayProcess
from torpor_tools.link import build

_SOURCE = """
from torpor import Service, get


class Items(Service):
    @get("/items")
    async def all(self) -> dict:
        return {"name": "fridge-1", "limit": 10}
"""
_SECONDS = 0.4


@contextmanager
def _gateway() -> Iterator[tuple[Address, Address]]:
    """The addresses of a board that stays awake, and of a gateway in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = Path(folder)
        broker = Broker("nats", root / "broker")
        power = 'policy = "deep"\nlinger_ms = 60000\nwake_every = "1h"'
        image = build(write(root, broker, source=_SOURCE, power=power), "box", root / "build")
        gateway = GatewayProcess(root)
        broker.start()
        try:
            with running_images([image], storage=root / "build" / "sim") as run:
                gateway.start()
                address = ("127.0.0.1", gateway.port)
                _wait_for(address)
                yield run.address("items"), address
        finally:
            gateway.kill()
            broker.kill()


def _wait_for(gateway: Address) -> None:
    """Until the gateway knows that the board is awake."""
    url = f"http://{gateway[0]}:{gateway[1]}/~gateway"
    for _ in range(600):
        with contextlib.suppress(httpx.TransportError):
            boards = httpx.get(url, trust_env=False).json()["boards"]
            if boards.get("box", {}).get("state") == "awake":
                return
        time.sleep(0.05)
    raise RuntimeError("the gateway knows of no board")


@figure("gateway_passthrough_over_direct", unit="ratio", goal=2, better="lower")
def passthrough(lab: Lab) -> list[float]:
    """Latency (median, one connection) of a board that is awake, through the gateway."""
    with _gateway() as (board, gateway):

        def latency(address: Address) -> float:
            return load(address, "/items", seconds=_SECONDS).percentile(0.5)

        return lab.ratios(lambda: latency(gateway), lambda: latency(board))
