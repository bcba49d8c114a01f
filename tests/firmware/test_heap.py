"""The heap policy, in real MicroPython with a board's heap."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.bench.lab import Lab

SERVICE = """
from torpor import Service, get, system


class Work(Service):
    @get("/")
    async def index(self) -> dict:
        return system.info()
"""

PROGRAM = """
import asyncio, gc, json
import cluster
from torpor import heap, kernel, system


async def nothing():
    pass


async def main():
    board = kernel.current = kernel.Kernel(cluster)
    await board.start()
    found = {"threshold": gc.threshold(), "start": heap.collections}
    for _ in range(300):  # more garbage than the quota, with idle moments
        for _ in range(20):
            await nothing()
            [0.5] * 20
        await asyncio.sleep_ms(0)
        await asyncio.sleep_ms(1)
    found["idle"] = heap.collections
    found["longest"] = heap.longest_us
    at = id(object())
    gc.collect()  # as the threshold does, unannounced
    low = id(object())
    for _ in range(200):  # on a busy computer a short sleep may end before the loop is idle
        await asyncio.sleep_ms(1)
        if heap.collections > found["idle"]:
            break
    found["noticed"] = heap.collections
    found["moved"] = id(object()) - low
    free = gc.mem_free()
    largest = heap.largest()
    bytearray(largest)
    found["largest"] = [largest, free]
    found["enabled"] = gc.isenabled()
    found["info"] = system.info()["heap"]
    print(json.dumps(found))


asyncio.run(main())
"""


@pytest.fixture(scope="module")
def found() -> Any:
    with Lab() as lab:
        return lab.run_on_board(lab.cluster({"work": SERVICE}), PROGRAM)


def test_it_collects_when_the_loop_is_idle(found: Any) -> None:
    assert found["start"] == 1
    assert found["idle"] > found["start"]
    assert 0 < found["longest"] < 1_000_000
    assert 0 < found["threshold"] < 194_560 * 2


def test_it_notices_a_collection_and_moves_the_index_behind_the_live_objects(found: Any) -> None:
    assert found["noticed"] > found["idle"]
    assert found["moved"] > 0


def test_the_largest_block_can_be_allocated(found: Any) -> None:
    largest, free = found["largest"]
    assert free / 4 < largest <= free
    assert found["enabled"]


def test_device_reports_it(found: Any) -> None:
    assert found["info"].keys() == {"free", "used", "largest", "collections", "longest_pause_us"}


def test_what_is_free_after_the_start_is_in_one_piece() -> None:
    with Lab() as lab:
        host, port = lab.served(lab.sample).address("device")
        heap = httpx.get(f"http://{host}:{port}/device", trust_env=False).json()["heap"]
    assert heap["largest"] > heap["free"] // 2  # a fifth, if boot.py lets garbage accumulate
