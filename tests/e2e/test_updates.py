"""Boards of a running cluster are updated one at a time, in both orders, by the lock's rules."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.helpers.several import write_boards
from torpor_sim import Simulator
from torpor_tools.cli import run
from torpor_tools.contracts import load_plan
from torpor_tools.link import build
from torpor_tools.model.image import Image

STOCK = """
from torpor import Service, get


class Stock(Service):
    async def count(self, fridge: str{more}) -> int:
        return len(fridge){times}
{method}
"""
SHOP = """
from services.stock import Stock
from torpor import Service, get


class Shop(Service):
    stock: Stock

    @get("/count/<fridge>")
    async def count(self, fridge: str) -> dict:
        return {{"count": await self.stock.count(fridge), "version": {version}}}
"""
BOARDS = {"shed": ["stock"], "barn": ["shop"]}
BEFORE = {"more": "", "times": "", "method": "", "version": 1}
# What torpor check calls compatible: an additional optional argument and method.
AFTER = {
    "more": ", times: int = 1",
    "times": " * times",
    "method": "    async def empty(self) -> bool:\n        return False",
    "version": 2,
}
BREAKING = {**AFTER, "more": ", times: int"}


def write(root: Path, parts: dict[str, object]) -> None:
    write_boards(root, {"stock": STOCK.format(**parts), "shop": SHOP.format(**parts)}, BOARDS)


def torpor(root: Path, *arguments: str) -> int:
    return run(["-C", str(root), *arguments])


def images(root: Path) -> dict[str, Image]:
    out = Path(tempfile.mkdtemp(dir=root))
    plan = load_plan(root)
    return {board.name: build(plan, board.name, out, types=False) for board in plan.boards}


@pytest.mark.parametrize("order", [("shed", "barn"), ("barn", "shed")], ids="-".join)
async def test_one_at_a_time(tmp_path: Path, order: tuple[str, str]) -> None:
    write(tmp_path, BEFORE)
    assert torpor(tmp_path, "contracts", "lock") == 0
    now = images(tmp_path)
    write(tmp_path, AFTER)
    assert torpor(tmp_path, "check", "--no-types") == 0
    assert torpor(tmp_path, "contracts", "lock") == 0
    new = images(tmp_path)
    async with Simulator(list(now.values()), ports="os") as sim:
        starts = {board.name: board.starts for board in sim.boards}
        for board in order:
            now[board] = new[board]
            await sim.update(list(now.values()))
            starts[board] += 1
            assert {each.name: each.starts for each in sim.boards} == starts
            answer = await sim.http("shop").get("/count/abc")
            version = 2 if now["barn"] is new["barn"] else 1
            assert (answer.status_code, answer.json()) == (200, {"count": 3, "version": version})


def test_a_breaking_change_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, AFTER)
    assert torpor(tmp_path, "contracts", "lock") == 0
    write(tmp_path, BREAKING)
    assert torpor(tmp_path, "check", "--no-types") == 1
    message = capsys.readouterr().err
    assert "this breaks callers of stock: count: times was optional (1), is required" in message
