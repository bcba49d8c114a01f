"""Service classes that derive from others, and which of their methods are in the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.running import running, write_cluster
from torpor_tools.contracts import check_types, load_plan, read_plan
from torpor_tools.model.contract import Contract

COMMON = """\
from collections.abc import AsyncIterator

from torpor import every, get
from services.b import B


class Base:
    b: B

    @get("/of-base")
    async def of_base(self) -> str:
        return "base"

    @get("/replaced")
    async def replaced(self) -> str:
        return "base"

    @get("/taken-away")
    async def taken_away(self) -> str:
        return "base"

    async def start(self) -> None:
        self.beats = await self.b.one()

    @every(ms=20)
    async def beat(self) -> None:
        self.beats += 1


class Streams:
    @get("/stream")
    async def stream(self) -> AsyncIterator[str]:
        yield "a"
        yield "b"

    @get("/stream-replaced")
    async def stream_replaced(self) -> AsyncIterator[str]:
        yield "base"
"""
SOURCE = """\
from collections.abc import AsyncIterator

from torpor import Service, get

from .common import Base
from .more import *


class Local(Service):
    beats: int

    @get("/count")
    async def count(self) -> dict:
        return {"beats": self.beats > 2, "name": self.name, "limit": self.config["limit"]}


class Kid(Base, Streams, Local):
    '''The one that runs.'''

    @get("/own")
    async def own(self) -> str:
        return "own"

    @get("/replaced")
    async def replaced(self) -> str:
        return "kid"

    async def taken_away(self) -> str:
        return "kid"

    @get("/stream-replaced")
    async def stream_replaced(self) -> AsyncIterator[str]:
        yield "kid"
"""
B = """\
from torpor import Service


class B(Service):
    async def one(self) -> int:
        return 1
"""
CALLER = """\
from torpor import Service, get
from services.a import Kid


class C(Service):
    kid: Kid

    @get("/all")
    async def all(self) -> list[str]:
        return [await self.kid.of_base(), await self.kid.replaced(), await self.kid.taken_away()]
"""


def write(root: Path) -> Path:
    write_cluster(root, {"b": B, "a": SOURCE, "c": CALLER})
    (root / "services/a/common.py").write_text(COMMON)
    (root / "services/a/more.py").write_text("from .common import Streams\n")
    text = (root / "cluster.toml").read_text()
    (root / "cluster.toml").write_text(f"{text}\n[services.a.config]\nlimit = 7\n")
    return root


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return load_plan(write(tmp_path)).boards[0].service("a").contract


def test_members_of_all_classes_are_in_the_contract(contract: Contract) -> None:
    assert contract.class_name == "Kid"
    assert contract.doc == "The one that runs."
    names = [
        "own",
        "replaced",
        "taken_away",
        "stream_replaced",
        "of_base",
        "beat",
        "stream",
        "count",
    ]
    assert [method.name for method in contract.methods] == names
    assert [peer.attribute for peer in contract.peers] == ["b"]


def test_an_overriding_method_replaces_the_inherited_one(contract: Contract) -> None:
    routes = {method.name: [route.path for route in method.routes] for method in contract.methods}
    assert routes["replaced"] == ["/replaced"]
    assert routes["taken_away"] == []
    assert routes["of_base"] == ["/of-base"]


def test_a_diamond_is_resolved_as_in_micropython(tmp_path: Path) -> None:
    source = """\
from torpor import Service, get


class Top(Service):
    @get("/v")
    async def v(self) -> str:
        return "top"


class Left(Top):
    pass


class Right(Top):
    @get("/other")
    async def v(self) -> str:
        return "right"


class A(Left, Right):
    pass
"""
    root = write_cluster(tmp_path, {"a": source})
    with running(root) as cluster, cluster.client("a") as http:
        assert http.get("/v").text == "top"
        assert http.get("/other").status_code == 404


def test_positions_are_those_in_the_source(contract: Contract) -> None:
    places = {method.name: str(method.where) for method in contract.methods}
    assert places["own"].startswith("services/a/__init__.py:")
    assert places["of_base"].startswith("services/a/common.py:")
    assert str(contract.peers[0].where).startswith("services/a/common.py:")


def test_mypy_knows_inherited_methods(tmp_path: Path) -> None:
    assert [str(problem) for problem in check_types(load_plan(write(tmp_path)))] == []


def test_a_mistake_in_a_mixin_has_its_place(tmp_path: Path) -> None:
    root = write(tmp_path)
    path = root / "services/a/common.py"
    path.write_text(path.read_text().replace('"/of-base"', '"of-base"'))
    [problem] = read_plan(root)[1]
    assert str(problem.where).startswith("services/a/common.py:")
    assert "does not begin with a slash" in problem.what


def test_it_runs(tmp_path: Path) -> None:
    with running(write(tmp_path), types=False) as cluster, cluster.client("a") as http:
        assert http.get("/of-base").text == "base"
        assert http.get("/replaced").text == "kid"
        assert http.get("/own").text == "own"
        assert http.get("/stream").text == "ab"
        assert http.get("/stream-replaced").text == "kid"
        assert http.get("/taken-away").status_code == 404
        with cluster.client("c") as other:
            assert other.get("/all").json() == ["base", "kid", "kid"]
        while not (count := http.get("/count").json())["beats"]:
            pass
        assert count == {"beats": True, "name": "a", "limit": 7}
