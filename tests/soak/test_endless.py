"""10,000 requests, some that never end and some from clients that vanish: no slot is lost.

``REQUESTS`` in the environment sets another number.
"""

from __future__ import annotations

import json
import os
import random
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.helpers.running import Running, read_all, running, write_cluster

pytestmark = pytest.mark.soak

WORK = """
import asyncio

from torpor import Service, get, heap, kernel, port


class Work(Service):
    async def start(self) -> None:
        self._never = asyncio.Event()

    @get("/quick")
    async def quick(self) -> dict:
        return {"quick": True}

    @get("/never")
    async def never(self) -> None:
        await self._never.wait()

    @get("/figures")
    async def figures(self) -> dict:
        heap.collect()
        return {"free": port.mem_free(), "open": len(kernel.current.budget.open)}
"""


def ask(board: Running, path: str, *, vanish: bool = False) -> str:
    """Return the status of a response; "" if there is none, as for a client that vanishes."""
    with suppress(OSError), board.connect("work") as sock:
        sock.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
        if vanish:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            return ""
        return read_all(sock)[9:12].decode()
    return ""


def state(board: Running) -> dict[str, int]:
    """Return the board's free heap and its number of open connections."""
    with board.client("work") as client:
        return dict(json.loads(client.get("/figures").text))


def test_no_slot_is_lost(tmp_path: Path) -> None:
    requests = int(os.environ.get("REQUESTS", "10_000"))
    root = write_cluster(tmp_path, {"work": WORK})
    file = root / "cluster.toml"
    file.write_text(file.read_text().replace("port = 8001", "port = 8001\ndeadline_ms = 200"))
    rng = random.Random(20)

    def one(kind: float) -> str:
        if kind < 0.05:
            return "never " + ask(board, "/never")
        return ask(board, "/never" if kind < 0.075 else "/quick", vanish=kind < 0.1)

    with running(root, types=False) as board, ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            ask(board, "/never", vanish=True)
        list(pool.map(one, [rng.random() for _ in range(200)]))
        before = state(board)
        statuses = list(pool.map(one, [rng.random() for _ in range(requests)]))
        never = [status for status in statuses if status.startswith("never")]
        assert len(never) > requests // 30
        assert set(never) <= {"never 504", "never 503"}
        assert statuses.count("200") > requests // 2
        assert set(statuses) - set(never) <= {"200", "503", ""}
        while state(board)["open"] > 1:
            pass
        assert state(board)["free"] > before["free"] * 0.97
        assert board.sim.board("box").starts == 1
