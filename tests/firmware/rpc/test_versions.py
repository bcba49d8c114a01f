"""Boards with different versions of a contract: calls work if possible, else are reported."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.helpers.several import write_boards
from torpor_sim import Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.contracts.lock import Locked, write_lock
from torpor_tools.link import build
from torpor_tools.model.image import Image

KEEPER = """
from typing import TypedDict
from torpor import Service, safe


class Reading(TypedDict):
    name: str
{more}


class Keeper(Service):
    @safe
    async def newest({signature}) -> {returns}:
        return {body}
"""
FRONT = """
from services.keeper import Keeper
from torpor import Service, get


class Front(Service):
    keeper: Keeper

    @get("/ask")
    async def ask(self) -> dict:
        return {{"got": (await self.keeper.newest({arguments})){reads}}}
"""
BOARDS = {"shed": ["keeper"], "barn": ["front"]}

OLD = {"signature": "self, name: str", "returns": "str", "body": "name", "arguments": '"a"'}
OLD |= {"more": "", "reads": ""}
# One more optional argument, which the caller does not use.
MORE = {**OLD, "signature": 'self, name: str, end: str = "!"', "body": "name + end"}
USED = {**MORE, "arguments": '"a", "?"'}
RECORD = {**OLD, "returns": "Reading", "body": '{"name": name}', "reads": '["name"]'}
GROWN = {**RECORD, "more": "    at: int", "body": '{"name": name, "at": 7}'}
BROKEN = {**OLD, "signature": "self, name: int", "body": "str(name)", "arguments": "1"}


def images(root: Path, version: int, **parts: str) -> dict[str, Image]:
    services = {"keeper": KEEPER.format(**parts), "front": FRONT.format(**parts)}
    write_boards(root, services, BOARDS)
    plan = load_plan(root)
    entries = {s.name: Locked(s.contract, version) for board in plan.boards for s in board.services}
    write_lock(root, entries)
    out = Path(tempfile.mkdtemp(dir=root))
    return {b.name: build(plan, b.name, out, types=False) for b in plan.boards}


async def answers(keeper: Image, front: Image) -> tuple[int, object, str]:
    async with Simulator([keeper, front], ports="os") as sim:
        answer = await sim.http("front").get("/ask")
        log = "\n".join(map(str, sim.board("barn").log))
    return answer.status_code, answer.json(), log


async def test_an_added_optional_argument_is_compatible_in_both_orders(tmp_path: Path) -> None:
    old, new = images(tmp_path, 1, **OLD), images(tmp_path, 1, **MORE)
    assert (await answers(old["shed"], old["barn"]))[:2] == (200, {"got": "a"})
    assert (await answers(new["shed"], old["barn"]))[:2] == (200, {"got": "a!"})
    assert (await answers(old["shed"], new["barn"]))[:2] == (200, {"got": "a"})
    assert (await answers(new["shed"], new["barn"]))[:2] == (200, {"got": "a!"})


async def test_an_argument_that_the_server_does_not_know_yet_is_reported(tmp_path: Path) -> None:
    old, new = images(tmp_path, 1, **OLD), images(tmp_path, 1, **USED)
    assert (await answers(new["shed"], new["barn"]))[:2] == (200, {"got": "a?"})
    status, _, log = await answers(old["shed"], new["barn"])
    assert status == 502
    assert "keeper.newest on shed: this board was built for version 1 of the contract" in log
    assert "on shed, version 1, it is newest(name: str) -> str; update shed" in log


async def test_an_added_field_of_a_result_is_compatible_in_both_orders(tmp_path: Path) -> None:
    old, new = images(tmp_path, 1, **RECORD), images(tmp_path, 1, **GROWN)
    assert (await answers(new["shed"], old["barn"]))[:2] == (200, {"got": "a"})
    assert (await answers(old["shed"], new["barn"]))[:2] == (200, {"got": "a"})
    used = images(tmp_path, 1, **GROWN | {"reads": '["at"]'})
    assert (await answers(new["shed"], used["barn"]))[:2] == (200, {"got": 7})
    status, _, log = await answers(old["shed"], used["barn"])
    assert (status, "update shed" in log) == (502, True)


async def test_a_breaking_change_is_reported_with_the_board_to_update(tmp_path: Path) -> None:
    old, new = images(tmp_path, 1, **OLD), images(tmp_path, 2, **BROKEN)
    status, output, log = await answers(new["shed"], old["barn"])
    assert status == 502
    text = (
        "keeper.newest on shed: this board was built for version 1 of the contract, "
        "on shed, version 2, it is newest(name: int) -> str; update barn"
    )
    assert output == {"error": text}
    assert f"ERROR remote: {text}" in log
    status, _, log = await answers(old["shed"], new["barn"])
    assert status == 502
    assert "update shed" in log
