"""Type aliases, from the source to the board."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.running import running, write_cluster
from torpor_tools.contracts import check_types, load_plan
from torpor_tools.link.bind import bind

SOURCE = """\
from typing import TYPE_CHECKING, Any, Dict, Optional, TypeAlias, Union

from kinds_of_all import Shared
from torpor import Service, get, post

from .kinds import TOP, Named, Readings

if TYPE_CHECKING:
    from .kinds import Imported

    Hidden = list[str]

Numbers = list[int]
Row = dict[str, Any]
Rows = list[Row]
Maybe = int | None
Older = Optional[int]
Both: TypeAlias = Union[int, None]
Table = Dict[str, Numbers]
Anything = Any
Plain = int


class A(Service):
    @post("/sum")
    async def sum(self, numbers: Numbers, start: Maybe = None, again: Older = None) -> Plain:
        return sum(numbers) + (start or 0) + Plain("1") + (again or 0)

    @post("/rows")
    async def rows(self, rows: Rows, table: Table, hidden: Hidden, imported: Imported) -> list[Row]:
        return [{"rows": rows, "table": table, "hidden": hidden, "imported": imported}]

    @get("/readings")
    async def readings(self) -> Readings:
        return [{"celsius": TOP}]

    @get("/named")
    async def named(self) -> Named:
        return {"a": [{"celsius": 2}]}

    @get("/shared")
    async def shared(self) -> Shared:
        return [3]

    @get("/both")
    async def both(self, both: Both = 3) -> Anything:
        return both
"""
KINDS = """\
from typing import TypedDict

from .more import Readings as Readings

Inner = dict[str, int]
Imported = list[Inner]
Named = dict[str, Readings]
TOP = 4
"""
MORE = """\
from typing import TypedDict


class Reading(TypedDict):
    celsius: float


Readings = list[Reading]
"""
OTHER = """\
from services.a import A, Readings
from torpor import Service, get


class B(Service):
    a: A

    @get("/readings")
    async def readings(self) -> Readings:
        return await self.a.readings()
"""


def write(root: Path) -> Path:
    write_cluster(root, {"a": SOURCE, "b": OTHER})
    (root / "services/a/kinds.py").write_text(KINDS)
    (root / "services/a/more.py").write_text(MORE)
    (root / "lib").mkdir()
    (root / "lib/kinds_of_all.py").write_text("Shared = list[int]\n")
    return root


def test_a_contract_has_the_types_that_aliases_stand_for(tmp_path: Path) -> None:
    total, rows, readings, named, shared, both = (
        load_plan(write(tmp_path)).boards[0].service("a").contract.methods
    )
    assert [str(a.type) for a in total.arguments] == ["list[int]", "int | None", "int | None"]
    assert str(total.returns) == "int"
    assert [str(a.type) for a in rows.arguments] == [
        "list[dict[str, Any]]",
        "dict[str, list[int]]",
        "list[str]",
        "list[dict[str, int]]",
    ]
    assert str(rows.returns) == "list[dict[str, Any]]"
    assert [str(m.returns) for m in (readings, named, shared)] == [
        "list[Reading]",
        "dict[str, list[Reading]]",
        "list[int]",
    ]
    assert (str(both.arguments[0].type), str(both.returns)) == ("int | None", "Any")


def test_mypy_accepts_them(tmp_path: Path) -> None:
    assert [str(problem) for problem in check_types(load_plan(write(tmp_path)))] == []


def test_they_run(tmp_path: Path) -> None:
    with running(write(tmp_path)) as cluster, cluster.client("a") as http:
        assert http.post("/sum", json={"numbers": [1, 2], "start": 3}).json() == 7
        assert http.post("/sum", json={"numbers": ["x"]}).status_code == 400
        body = {"rows": [{"n": 1}], "table": {"a": [1]}, "hidden": ["x"], "imported": [{"b": 2}]}
        assert http.post("/rows", json=body).json() == [body]
        assert http.post("/rows", json={**body, "imported": [{"b": "x"}]}).status_code == 400
        assert http.get("/both").json() == 3
        assert http.get("/readings").json() == [{"celsius": 4}]
        assert http.get("/named").json() == {"a": [{"celsius": 2}]}
        assert http.get("/shared").json() == [3]
        with cluster.client("b") as other:
            assert other.get("/readings").json() == [{"celsius": 4}]


@pytest.mark.parametrize(
    "line",
    [
        "Plain = int",
        "CHOICES = [1, 2]",
        "value = table[3]",
        "flags = a | b",
        "first = rows[0]",
        "NONE = None",
        "list = {}; x = list[3]",
    ],
)
def test_other_assignments_stay(line: str) -> None:
    text, problems = bind(f"{line}\n", "services.a", is_package=True, file="a.py")
    assert (text, problems) == (f"{line}\n", [])
