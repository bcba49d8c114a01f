"""Faults that pass between two services of one board, and strict mode finds each of them."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.helpers.running import Running, running, write_cluster

STOCK = """
from typing import Annotated, Literal, NotRequired, TypedDict
from torpor import Range, Service


class Shelf(TypedDict):
    name: str
    size: int
    note: NotRequired[str]
    depth: NotRequired[Annotated[int, Range(1, 9)]]
    level: NotRequired[Literal["low", "top"]]


class Stock(Service):
    async def start(self) -> None:
        self._names = ["milk", "salt"]

    async def pair(self) -> list[int]:
        return (1, 2)

    async def names(self) -> list[str]:
        return self._names

    async def raw(self) -> dict:
        return {"data": bytearray(2)}

    async def since(self) -> float:
        return 1764000000.5

    async def add(self, name: str, count: int = 1) -> int:
        return len(name) * 10

    async def sort(self, names: list[str]) -> list[str]:
        names.sort()
        return names

    async def by_number(self) -> dict:
        return {1: "milk"}

    async def shelves(self, wanted: Shelf) -> list[Shelf]:
        found = {"name": "low", "size": "2"}
        return [wanted, found]  # type: ignore

    async def shelf(self) -> Shelf:
        return {"name": "low"}  # type: ignore

    async def fine(self, text: str | None, numbers: list[float]) -> dict:
        return {"text": text, "sum": sum(numbers), "list": [None, True, 1.5, {"a": []}]}

    async def broken(self) -> None:
        raise ValueError("inside")
"""

SHOP = """
from services.stock import Stock
from torpor import Fault, Service, get


class Shop(Service):
    stock: Stock

    @get("/tuple")
    async def tuple_(self) -> dict:
        pair = await self.stock.pair()
        return {"pair": list(pair)}

    @get("/shared")
    async def shared(self) -> list[str]:
        names = await self.stock.names()
        names.append("rice")
        return await self.stock.names()

    @get("/unencodable")
    async def unencodable(self) -> dict:
        return {"length": len((await self.stock.raw())["data"])}

    @get("/digits")
    async def digits(self) -> dict:
        return {"since": await self.stock.since()}

    @get("/argument")
    async def argument(self) -> dict:
        count = "7"
        return {"added": await self.stock.add("rice", count)}  # type: ignore

    @get("/changed")
    async def changed(self) -> list[str]:
        names = ["b", "a"]
        await self.stock.sort(names)
        return names

    @get("/key")
    async def key(self) -> dict:
        return {"name": (await self.stock.by_number())[1]}

    @get("/field")
    async def field(self) -> int:
        return len(await self.stock.shelves({"name": "top", "size": 1, "note": "x"}))

    @get("/missing")
    async def missing(self) -> str:
        return (await self.stock.shelf())["name"]

    @get("/given")
    async def given(self) -> int:
        return len(await self.stock.shelves({"name": "top", "size": 1, "note": 1}))  # type: ignore

    @get("/depth")
    async def depth(self) -> int:
        return len(await self.stock.shelves({"name": "top", "size": 1, "depth": 10}))

    @get("/level")
    async def level(self) -> int:
        shelf: dict = {"name": "top", "size": 1, "level": "mid"}
        return len(await self.stock.shelves(shelf))  # type: ignore

    @get("/fine")
    async def fine(self) -> dict:
        return await self.stock.fine(numbers=[1, 2.5], text=None)

    @get("/broken")
    async def broken(self) -> dict:
        try:
            await self.stock.broken()
        except ValueError:
            return {"caught": "ValueError"}
        except Fault as fault:
            return {"caught": fault.status}
        return {}
"""

# path -> the answer in plain mode, and the log line in strict mode.
FAULTS = {
    "/tuple": (
        {"pair": [1, 2]},
        "shop -> stock.pair() returned (1, 2): it is a tuple, which arrives as a list",
    ),
    "/shared": (
        ["milk", "salt", "rice"],
        "shop -> stock.names() gave out the same object twice, and the caller had changed it from "
        "[\"milk\", \"salt\"] to ['milk', 'salt', 'rice']",
    ),
    "/unencodable": (
        {"length": 2},
        "shop -> stock.raw() returned {'data': bytearray(b'\\x00\\x00')}: "
        "['data'] is a bytearray, which JSON cannot hold",
    ),
    "/digits": (
        {"since": 1764000000.5},
        "shop -> stock.since() returned 1764000000.5: "
        "it loses digits: a chip's float would hold 1764000000",
    ),
    "/argument": (
        {"added": 40},
        "shop -> stock.add(count='7'): expected int, got str",
    ),
    "/changed": (
        ["a", "b"],
        "shop -> stock.sort(names=[\"b\", \"a\"]) has changed its argument, to ['a', 'b']",
    ),
    "/key": (
        {"name": "milk"},
        "shop -> stock.by_number() returned {1: 'milk'}: the key 1 is not text",
    ),
    "/field": (2, "[1]['size']: expected int, got str"),
    "/missing": ("low", "shop -> stock.shelf() returned {'name': 'low'}: ['size']: missing"),
    "/depth": (2, "['depth']: expected a whole number from 1 to 9, got 10"),
    "/level": (2, "['level']: expected 'low' or 'top', got 'mid'"),
    "/given": (2, "['note']: expected str, got int"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cluster(tmp_path_factory.mktemp("shop"), {"stock": STOCK, "shop": SHOP})


@pytest.fixture(scope="module")
def answers(root: Path) -> dict[str, httpx.Response]:
    with running(root) as run, run.client("shop") as client:
        return {path: client.get(path) for path in [*FAULTS, "/fine", "/broken"]}


@pytest.fixture(scope="module")
def strict(root: Path) -> tuple[dict[str, httpx.Response], str]:
    with running(root, strict=True) as run, run.client("shop") as client:
        found = {path: client.get(path) for path in [*FAULTS, "/fine", "/broken"]}
        run.wait_log(run.sim.boards[0].name, "ValueError: inside")  # the last that it logs
        return found, _log(run)


def _log(run: Running) -> str:
    return "\n".join(line.text for line in run.sim.boards[0].log)


@pytest.mark.parametrize("path", FAULTS)
def test_plain_mode_lets_it_pass(answers: dict[str, httpx.Response], path: str) -> None:
    assert answers[path].status_code == 200
    answer = answers[path]
    is_text = answer.headers["content-type"].startswith("text/")
    assert (answer.text if is_text else answer.json()) == FAULTS[path][0]


@pytest.mark.parametrize("path", FAULTS)
def test_strict_mode_names_call_argument_and_value(
    strict: tuple[dict[str, httpx.Response], str], path: str
) -> None:
    found, log = strict
    assert found[path].status_code == 500
    assert FAULTS[path][1] in log


def test_calls_that_work_over_a_network_are_equal_in_both_modes(
    answers: dict[str, httpx.Response], strict: tuple[dict[str, httpx.Response], str]
) -> None:
    wanted: dict[str, object] = {"text": None, "sum": 3.5, "list": [None, True, 1.5, {"a": []}]}
    assert answers["/fine"].json() == strict[0]["/fine"].json() == wanted


def test_a_bug_of_the_peer_is_a_500_as_over_a_network(
    answers: dict[str, httpx.Response], strict: tuple[dict[str, httpx.Response], str]
) -> None:
    assert answers["/broken"].json() == {"caught": "ValueError"}
    assert strict[0]["/broken"].json() == {"caught": 500}
    assert "ValueError: inside" in strict[1]


def test_the_normal_image_lacks_strict_mode(root: Path, tmp_path: Path) -> None:
    from torpor_tools.contracts import load_plan
    from torpor_tools.link import build

    plan = load_plan(root)
    usual = build(plan, "box", tmp_path / "usual", types=False)
    wired = build(plan, "box", tmp_path / "strict", types=False, strict=True)
    assert not (usual.tree / "torpor" / "strict.mpy").exists()
    assert b"strict" not in (usual.tree / "cluster.mpy").read_bytes()
    assert (wired.tree / "torpor" / "strict.mpy").exists()
    assert not list(wired.tree.rglob("torpor_test"))
