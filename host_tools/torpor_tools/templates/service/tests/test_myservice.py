"""Runs the built cluster in MicroPython and talks HTTP to the service."""

from pathlib import Path

import pytest

from torpor_tools.testing import simulator

CLUSTER = Path(__file__).parents[3]

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


async def test_greets_by_name_and_counts() -> None:
    async with simulator(CLUSTER) as sim:
        first = await sim.http("myservice").get("/greeting")
        second = await sim.http("myservice").get("/greeting", params={"name": "Ada"})
    assert first.json() == {"text": "Hello, world!", "greeted": 1}
    assert second.json() == {"text": "Hello, Ada!", "greeted": 2}


async def test_an_unknown_path_is_not_found() -> None:
    async with simulator(CLUSTER) as sim:
        answer = await sim.http("myservice").get("/nowhere")
    assert answer.status_code == 404
