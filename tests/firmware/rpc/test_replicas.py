"""A service on several boards: calls rotate, a dead board is skipped and returns."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.helpers.several import write_boards
from torpor_sim import Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.link import build
from torpor_tools.model.image import Image

STORE = """
from torpor import Service, get, system


class Keeper(Service):
    @get("/where")
    async def where(self, n: int) -> dict:
        return {"board": system.info()["board"], "n": n}
"""
FRONT = """
from services.keeper import Keeper
from torpor import Service, get


class Front(Service):
    keeper: Keeper

    @get("/ask")
    async def ask(self, n: int) -> dict:
        return await self.keeper.where(n)
"""
BOARDS = {"one": ["keeper"], "two": ["keeper"], "gate": ["front"]}


def images(root: Path, **options: Any) -> list[Image]:
    write_boards(root, {"keeper": STORE, "front": FRONT}, BOARDS, **options)
    plan = load_plan(root)
    out = Path(tempfile.mkdtemp(dir=root))
    return [build(plan, board.name, out, types=False) for board in plan.boards]


async def test_calls_go_to_each_board_in_turn(tmp_path: Path) -> None:
    async with Simulator(images(tmp_path), ports="os") as sim:
        found = Counter([(await ask(sim, n))["board"] for n in range(20)])
    assert found == {"one": 10, "two": 10}


async def test_no_call_fails_when_a_replica_dies_under_load(tmp_path: Path) -> None:
    """Four clients send requests without a pause; a board loses its power, and gets it back."""
    answered: list[tuple[str, str]] = []  # phase, board
    phase = "both"

    # A Pico W has five connections: four clients would wait for slots while a board is silent.
    gate = {"gate": "ESP32_GENERIC"}
    async with Simulator(images(tmp_path, types=gate), ports="os") as sim:

        async def load(client: int) -> None:
            n = client
            while phase != "end":
                now = phase
                answer = await ask(sim, n)
                assert answer["n"] == n
                answered.append((now, answer["board"]))
                n += 4

        async def reached(count: int, board: str) -> None:
            async with asyncio.timeout(60):
                while Counter(answered)[phase, board] < count:
                    await asyncio.sleep(0.01)
                    for each in clients:
                        if each.done():
                            each.result()

        clients = [asyncio.create_task(load(client)) for client in range(4)]
        await reached(50, "one")
        await reached(50, "two")
        sim.kill("two")
        phase = "dead"
        await reached(200, "one")
        await sim.revive("two")
        phase = "back"
        await reached(20, "two")
        phase = "end"
        await asyncio.gather(*clients)
        assert sim.board("gate").starts == 1
    counts = Counter(answered)
    assert counts["both", "one"] > 0


async def test_a_caller_skips_a_board_that_it_cannot_reach(tmp_path: Path) -> None:
    async with Simulator(images(tmp_path), ports="os") as sim:
        for n in range(4):
            await ask(sim, n)
        sim.partition("gate", "two")
        found = Counter([(await ask(sim, n))["board"] for n in range(30)])
        assert found == {"one": 30}
        sim.heal("gate", "two")
        async with asyncio.timeout(30):
            while (await ask(sim, 0))["board"] != "two":
                pass


async def test_the_loss_of_all_replicas_is_reported(tmp_path: Path) -> None:
    async with Simulator(images(tmp_path, deadline_ms=400), ports="os") as sim:
        await ask(sim, 0)
        sim.kill("one")
        sim.kill("two")
        answers = [await sim.http("front").get("/ask?n=1") for _ in range(8)]
    assert {answer.status_code for answer in answers} <= {503, 504}
    assert all("keeper.where on " in answer.json()["error"] for answer in answers)
    assert answers[-1].json()["error"].startswith("keeper.where on ")


async def ask(sim: Simulator, n: int) -> Any:
    answer = await sim.http("front").get(f"/ask?n={n}")
    assert answer.status_code == 200, answer.text
    return answer.json()
