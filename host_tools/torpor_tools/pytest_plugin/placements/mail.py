"""The mail of a simulated cluster: a broker, the gateway, and what wakes the boards.

A board that sleeps wakes as soon as something waits for it at the broker, not when its time has
come, so that tests do not wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from torpor_sim import Simulator

from ... import extras
from ...model.cluster import Cluster
from ...model.plan import Plan
from ...project.secrets import broker_login

if TYPE_CHECKING:
    from ...gateway.homes import Home

_LOOK_S = 0.02


def with_own_broker(cluster: Cluster) -> Cluster:
    """Return the cluster with a broker at a free port of this computer, if it has one at all."""
    if cluster.mailbox is None:
        return cluster
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    where = replace(cluster.mailbox, host="127.0.0.1", port=port, tls=False, own=True)
    return replace(cluster, mailbox=where)


class Mail:
    """Broker and gateway of a cluster in the simulator.

    Args:
        plan: The cluster.
        root: The folder of the project, for the broker's login.
        folder: Where the broker stores its data.
        sim: The boards.

    Attributes:
        ports: A service's port -> the gateway's.

    Raises:
        UserError: What a gateway needs is not installed.
    """

    def __init__(self, plan: Plan, root: Path, folder: Path, sim: Simulator) -> None:
        extras.need("gateway")
        from ...gateway import Gateway
        from ...gateway.broker import Broker

        where = plan.cluster.mailbox
        assert where is not None
        self._sim = sim
        self._boards = [board.name for board in plan.boards if board.mailbox]
        self._waiting: set[str] = set()  # boards for which something has come
        login = broker_login(root)
        self._gateway = Gateway(
            plan, where, login, folder, bind="127.0.0.1", ports={}, wait_s=60, resolve=self._resolve
        )
        topics = [f"torpor/{plan.cluster.name}/{name}/in" for name in self._boards]
        self._spy = Broker(where, login, topics, self._receive)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def ports(self) -> Mapping[int, int]:
        return self._gateway.ports

    async def start(self) -> None:
        """Start the broker and the gateway. The boards may start now."""
        await self._gateway.__aenter__()
        self._tasks = [asyncio.create_task(self._spy.run()), asyncio.create_task(self._wake())]
        await self._spy.connected.wait()

    async def ready(self) -> None:
        """Wait until the broker knows the boards: it keeps nothing for those that it does not."""
        async with asyncio.timeout(30):
            while not set(self._boards) <= self._gateway.parked.boards.keys():
                await asyncio.sleep(_LOOK_S)

    async def rouse(self, board: str) -> None:
        """Wake a board, and wait until it answers."""
        async with asyncio.timeout(30):
            while self._sim.board(board).wake() or not self._sim.board(board).is_ready:
                await asyncio.sleep(_LOOK_S)

    async def asleep(self, board: str) -> None:
        """Wait until a board sleeps deep, with nothing that waits for it."""
        async with asyncio.timeout(30):
            while board in self._waiting or not self._sim.board(board).is_asleep:
                await asyncio.sleep(_LOOK_S)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._gateway.__aexit__(None, None, None)

    def _receive(self, topic: str, payload: bytes) -> None:
        if payload.startswith(b"{"):  # a board sends itself a marker, which does not
            self._waiting.add(topic.split("/")[2])

    async def _wake(self) -> None:
        while True:
            self._waiting -= {name for name in self._waiting if self._sim.board(name).wake()}
            await asyncio.sleep(_LOOK_S)

    def _resolve(self, home: Home, address: str) -> tuple[str, int]:
        place = self._sim.board(home.board).place
        return place.address, place.ports[home.port]
