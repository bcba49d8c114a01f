"""Records in contracts: read, checked on both sides, and gone before the device sees the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.running import write_cluster
from torpor_tools.client.generate import client
from torpor_tools.contracts import load_plan
from torpor_tools.contracts.lock import read_lock
from torpor_tools.contracts.openapi import documents
from torpor_tools.contracts.promises import record
from torpor_tools.errors import UserError
from torpor_tools.link import check, image_files

SHAPES = """from typing import TypedDict
from units import Span
class Point(TypedDict):
    celsius: float
    at: int
class Row(TypedDict, total=False):
    points: "list[Point]"
    span: Span
    by_name: dict[str, Point]
"""
UNITS = """from typing import NotRequired, TypedDict


class Span(TypedDict):
    low: float
    high: NotRequired[float | None]
"""
SOIL = """from torpor import Service, get, put
from .shapes import Point, Row
class Soil(Service):
    @get("/rows")
    async def rows(self, limit: int = 3) -> list[Row]:
        point: Point = {"celsius": 1.5, "at": 7}
        return [{"points": [point], "span": {"low": 1.0}}] * limit
    @put("/point")
    async def put_point(self, point: Point, marks: list[Point] | None = None) -> Point | None:
        return point
"""
GARDEN = """from services.soil import Point, Soil
from torpor import Service, get
class Garden(Service):
    soil: Soil
    @get("/first")
    async def first(self) -> Point:
        rows = await self.soil.rows()
        return rows[0]["points"][0]
"""


def write(root: Path, **sources: str) -> Path:
    write_cluster(root, {"soil": SOIL, "garden": GARDEN, **sources})
    (root / "services/soil/shapes.py").write_text(SHAPES)
    (root / "lib").mkdir()
    (root / "lib/units.py").write_text(UNITS)
    return root


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("records"))


def problems(root: Path) -> list[str]:
    try:
        return [str(problem) for problem in check(root, types=True)[1]]
    except UserError as error:
        return [str(problem) for problem in error.problems]


def test_they_are_correct_on_both_sides(project: Path) -> None:
    assert problems(project) == []


def test_a_contract_has_their_fields(project: Path) -> None:
    board = load_plan(project).boards[0]
    records = board.service("soil").contract.records
    fields = {name: {f.name: str(f) for f in r.fields or ()} for name, r in records.items()}
    assert fields == {
        "Point": {"celsius": "float", "at": "int"},
        "Span": {"low": "float", "high": "NotRequired[float | None]"},
        "Row": {
            "points": "NotRequired[list[Point]]",
            "span": "NotRequired[Span]",
            "by_name": "NotRequired[dict[str, Point]]",
        },
    }
    assert board.service("garden").contract.records.keys() == {"Point"}


def test_the_lock_gives_back_what_was_recorded(tmp_path: Path) -> None:
    root = write(tmp_path)
    plan = load_plan(root)
    record(plan)
    entries = read_lock(root)
    assert entries is not None
    for service in plan.boards[0].services:
        methods = {m.name: m for m in entries[service.name].contract.methods}
        for method in service.contract.methods:
            locked = methods[method.name]
            assert locked.returns == method.returns
            assert [a.type for a in locked.arguments] == [a.type for a in method.arguments]


PLANTED = """from services.soil import Point, Soil
from torpor import Service
class Garden(Service):
    soil: Soil
    async def read(self) -> float:
        return (await self.soil.rows())[0]["points"][0]["celcius"]
    async def absent(self) -> None:
        await self.soil.put_point({"celsius": 1.0})
    async def added(self) -> None:
        await self.soil.put_point({"celsius": 1.0, "at": 1, "by": "x"})
    async def kind(self) -> None:
        await self.soil.put_point({"celsius": "warm", "at": 1})
    async def none(self) -> None:
        await self.soil.put_point({"celsius": None, "at": 1})
    async def nested(self) -> None:
        await self.soil.put_point({"celsius": 1.0, "at": 1}, [{"celsius": 1.0, "at": "now"}])
    async def plain(self, row: dict) -> None:
        point: Point = row["point"]
        point["at"] = "now"
    async def whole(self) -> int:
        return (await self.soil.rows())[0]["span"]
    async def maybe(self) -> float:
        return (await self.soil.rows())[0]["span"]["high"]
    async def wrong(self) -> Point:
        return {"celsius": 1.0, "at": 1.5}
    async def gone(self) -> int:
        return (await self.soil.rows())[0]["size"]
    async def lost(self) -> None:
        point = await self.soil.put_point({"celsius": 1.0, "at": 1})
        point["at"]
"""


def test_mistakes_are_found_with_their_lines(tmp_path: Path) -> None:
    found = problems(write(tmp_path, garden=PLANTED))
    lines = {int(m[1]) for p in found if (m := re.match(r"services/garden/__init__.py:(\d+)", p))}
    assert lines == {6, 8, 10, 12, 14, 16, 19, 21, 23, 25, 27, 30}, found
    for name in ("celcius", "at", "by", "celsius", "size"):
        assert any(f'"{name}"' in problem for problem in found), name


def test_a_device_has_the_same_code_as_with_plain_dicts(tmp_path: Path, project: Path) -> None:
    def plain(text: str) -> str:
        text = re.sub(r"^from (typing|units|\.shapes) .*$", "", text, flags=re.MULTILINE)
        text = re.sub(r"\b(Point|Row)\b", "dict", text)
        return text.replace("import dict, Soil", "import Soil")

    other = write(tmp_path, soil=plain((project / "services/soil/__init__.py").read_text()))
    garden = other / "services/garden/__init__.py"
    garden.write_text(plain(garden.read_text()))
    (other / "services/soil/shapes.py").unlink()
    (other / "lib/units.py").unlink()
    with_records, with_dicts = (files(root) for root in (project, other))
    assert with_records.keys() == with_dicts.keys()
    for name in ("services/soil/__init__.mpy", "services/garden/__init__.mpy"):
        assert with_records[name] == with_dicts[name], name


def files(root: Path) -> dict[str, bytes]:
    found = image_files(load_plan(root), "box")
    return {path: data for path, data in found.items() if path.startswith("services/")}


def test_openapi_has_them_as_components(project: Path) -> None:
    soil = documents(load_plan(project))["soil"]
    schemas: dict[str, Any] = soil["components"]["schemas"]
    reference = {"$ref": "#/components/schemas/Point"}
    assert schemas["Point"] == {
        "type": "object",
        "properties": {"celsius": {"type": "number"}, "at": {"type": "integer"}},
        "required": ["celsius", "at"],
    }
    assert schemas["Row"]["properties"]["points"] == {"type": "array", "items": reference}
    assert "required" not in schemas["Row"]
    body = soil["paths"]["/point"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["point"] == reference


def test_the_client_has_them_as_typed_dicts(tmp_path: Path, project: Path) -> None:
    text = client(load_plan(project), ["soil", "garden"])
    assert text.count("class Point(TypedDict):") == 1
    assert "    high: NotRequired[float | None]\n" in text
    assert "def first(self) -> Point:" in text
    (tmp_path / "made.py").write_text(text)
    use = 'from made import Soil\nSoil("x").put_point({"celsius": 1.0, "at": "now"})\n'
    (tmp_path / "use.py").write_text(use)
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "made.py", "use.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.stdout.count("error:") == 1, run.stdout
    assert 'use.py:2: error: Incompatible types (expression has type "str"' in run.stdout


LIMITED = """from typing import Annotated, Literal
from torpor import Length, Pattern, Range, Service, get
Level = Literal["low", "high"]
class A(Service):
    @get("/rows/<name>")
    async def rows(
        self,
        name: Annotated[str, Length(high=9), Pattern("[a-z]+")],
        level: Level = "low",
        limit: Annotated[int, Range(1, 100)] = 3,
        celsius: Annotated[float, Range(low=-60.5)] | None = None,
    ) -> Level | None:
        return level
"""


def test_literals_and_limits_are_in_openapi_and_client(tmp_path: Path) -> None:
    plan = load_plan(write_cluster(tmp_path, {"a": LIMITED}))
    operation = documents(plan)["a"]["paths"]["/rows/{name}"]["get"]
    assert [parameter["schema"] for parameter in operation["parameters"]] == [
        {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^(?:[a-z]+)$"},
        {"type": "string", "enum": ["low", "high"], "default": "low"},
        {"type": "integer", "minimum": 1, "maximum": 100, "default": 3},
        {"type": "number", "minimum": -60.5},
    ]
    answer = operation["responses"]["200"]["content"]["text/plain"]["schema"]
    assert answer == {"type": "string", "enum": ["low", "high"]}
    text = client(plan, ["a"])
    assert "from typing import Literal\n" in text
    assert "level: Literal['low', 'high'] = 'low'" in text
    assert "limit: int = 3" in text


def test_a_device_has_nothing_of_literals_and_limits(tmp_path: Path) -> None:
    plain = (
        LIMITED.replace('Annotated[str, Length(high=9), Pattern("[a-z]+")]', "str")
        .replace("Annotated[int, Range(1, 100)]", "int")
        .replace("Annotated[float, Range(low=-60.5)]", "float")
        .replace("Length, Pattern, Range, ", "")
        .replace('Level = Literal["low", "high"]', "")
        .replace("Level", "str")
    )
    one, other = (
        files(write_cluster(tmp_path / name, {"a": source}))
        for name, source in (("limited", LIMITED), ("plain", plain))
    )
    assert one == other
