"""Records in contracts: read, checked on both sides, and removed from the device code."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
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


def test_no_contract_of_the_sample_has_a_plain_dict() -> None:
    text = (Path(__file__).parents[2] / "contracts.lock").read_text()
    assert 'heap = "Heap"' in text
    assert not re.findall(r'[^\w"]dict[^\[\w]|"dict[^\[\w]', text)


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


def test_the_lock_returns_what_was_recorded(tmp_path: Path) -> None:
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


PEER = """from typing import Literal, NotRequired, TypedDict
from torpor import Service
class Span(TypedDict):
    low: float
    high: NotRequired[float | None]
class Point(TypedDict):
    celsius: float
    at: int
class Row(TypedDict):
    points: list[Point]
    span: Span
class Plan(TypedDict):
    level: Literal["low", "high"]
class Door(TypedDict):
    kind: Literal["door"]
    open: bool
class Fan(TypedDict):
    kind: Literal["fan"]
    speed: int
class Soil(Service):
    async def rows(self) -> list[Row]:
        return []
    async def put(self, point: Point, marks: list[Point] | None = None) -> Point | None:
        return point
    async def plan(self, plan: Plan) -> None: ...
    async def run(self, mode: Literal["slow", "quick"]) -> None: ...
    async def shelves(self, shelves: dict[str, Point]) -> None: ...
    async def move(self, thing: Door | Fan) -> Door | Fan:
        return thing
"""
# Twenty mistakes in a caller of Soil: what the build has to name, and the line with the mistake.
PLANTED = [
    ('"celcius"', 'return (await self.soil.rows())[0]["points"][0]["celcius"]'),  # misspelt
    ('"at"', 'await self.soil.put({"celsius": 1.0})'),  # missing
    ('"by"', 'await self.soil.put({"celsius": 1.0, "at": 1, "by": "x"})'),  # not a field
    ('"celsius"', 'await self.soil.put({"celsius": "warm", "at": 1})'),  # another type
    ('"celsius"', 'await self.soil.put({"celsius": None, "at": 1})'),
    ('"at"', 'await self.soil.put(self.good, [{"celsius": 1.0, "at": "now"}])'),  # in a list
    ('"celsius"', 'await self.soil.shelves({"top": {"celsius": "x", "at": 1}})'),  # in a dict
    ('"at"', 'self.good["at"] = "now"'),  # assigned
    ('"at"', 'del self.good["at"]'),
    ('"float"', 'self.celsius = (await self.soil.rows())[0]["span"]'),  # the record for a field
    ('"float | None"', 'self.celsius = (await self.soil.rows())[0]["span"]["high"]'),
    ('"str"', 'self.celsius = str((await self.soil.rows())[0]["points"][0]["at"])'),
    ('"size"', 'return (await self.soil.rows())[0]["size"]'),  # a field that the peer has removed
    ('"Point | None"', 'return (await self.soil.put(self.good))["at"]'),
    ('"level"', 'await self.soil.plan({"level": "mid"})'),  # a literal outside its set
    ('"run"', 'await self.soil.run("fast")'),
    ('"put"', "await self.soil.put(self.good, self.good)"),  # a record for a list of them
    ('"put"', "await self.soil.put([self.good])"),
    (
        '"cat" or "kind" or "move"',
        'await self.soil.move({"kind": "cat", "speed": 3})',
    ),  # unknown tag
    ('"kind"', 'await self.soil.move({"kind": "door", "speed": 3})'),  # of another record
]
CALLER = """from services.soil import Point, Soil
from torpor import Service
class Garden(Service):
    soil: Soil
    good: Point
    celsius: float
"""


def planted() -> str:
    methods = (
        f"    async def _m{i}(self):\n        {code}\n" for i, (_, code) in enumerate(PLANTED)
    )
    return CALLER + "".join(methods)


def with_plain_dicts(text: str) -> str:
    """Return the source as it had to be before there were records and literals."""
    text = re.sub(r"(?m)^class \w+\(TypedDict\):\n(    .*\n)+", "", text)
    text = re.sub(r"(?m)^from typing .*\n", "", text.replace("Point, Soil", "Soil"))
    return re.sub(
        r"\b(Point|Row|Plan|Door \| Fan)\b", "dict", re.sub(r"Literal\[[^]]*\]", "str", text)
    )


def mistakes(root: Path, convert: Callable[[str], str]) -> dict[int, str]:
    """Return the mistakes that the build finds, by their number in PLANTED, with its messages."""
    sources = {"soil": convert(PEER), "garden": convert(planted())}
    source = sources["garden"].splitlines()
    found = {}
    for problem in problems(write_cluster(root, sources)):
        place = re.match(r"services/garden/__init__.py:(\d+)", problem)
        assert place, problem
        name = re.fullmatch(r"    async def _m(\d+)\(self\):", source[int(place[1]) - 2])
        assert name, problem
        found[int(name[1])] = problem
    return found


def test_twenty_planted_mistakes_are_refused_with_line_and_field(tmp_path: Path) -> None:
    found = mistakes(tmp_path / "records", str)
    assert found.keys() == {*range(len(PLANTED))}
    for i, (field, code) in enumerate(PLANTED):
        assert any(word in found[i] for word in field.split(" or ")), (code, found[i])
    # With dicts, as before there were records, the build refuses only these.
    before = mistakes(tmp_path / "dicts", with_plain_dicts)
    assert {PLANTED[i][1] for i in before} == {
        'self.celsius = str((await self.soil.rows())[0]["points"][0]["at"])',
        'return (await self.soil.put(self.good))["at"]',
        "await self.soil.put(self.good, self.good)",
        "await self.soil.put([self.good])",
    }


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


def test_literals_and_limits_are_not_in_the_device_code(tmp_path: Path) -> None:
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


DERIVED = """from services.soil import Wide
from torpor import Service, get
class Wider(Wide):
    by: str
class Garden(Service):
    @get("/wider")
    async def wider(self, wide: Wide | None = None) -> Wider | None:
        return None
"""
OTHER_FORMS = """from typing import NotRequired, TypedDict
import typing as t
from torpor import Service, get
from units import Span
from .shapes import Point
Tag = t.TypedDict("Tag", {"class": str, "n": "NotRequired[int]"})
Loose = TypedDict("Loose", {"tag": Tag, "span": Span}, total=False)
class Wide(Point, Span):
    loose: Loose
class Soil(Service):
    @get("/wide")
    async def wide(self) -> Wide | None:
        return None
"""


def test_the_functional_form_and_records_that_derive_from_imported_ones(tmp_path: Path) -> None:
    root = write(tmp_path, soil=OTHER_FORMS, garden=DERIVED)
    assert problems(root) == []
    plan = load_plan(root)
    fields = {
        name: {f.name: str(f) for f in r.fields or ()}
        for service in ("soil", "garden")
        for name, r in plan.boards[0].service(service).contract.records.items()
    }
    wide = {"celsius": "float", "at": "int", "low": "float", "high": "NotRequired[float | None]"}
    wide["loose"] = "Loose"
    assert fields == {
        "Tag": {"class": "str", "n": "NotRequired[int]"},
        "Span": {"low": "float", "high": "NotRequired[float | None]"},
        "Loose": {"tag": "NotRequired[Tag]", "span": "NotRequired[Span]"},
        "Wide": wide,
        "Wider": {**wide, "by": "str"},
    }
    made = files(root)
    assert "services/soil/shapes.mpy" not in made
    for service in ("soil", "garden"):
        code = made[f"services/{service}/__init__.mpy"]
        words = (b"TypedDict", b"Tag", b"Loose", b"Span", b"Wide", b"celsius", b"units")
        assert not [word for word in words if word in code]


def test_a_functional_record_that_is_used_at_run_time_is_refused(tmp_path: Path) -> None:
    use = OTHER_FORMS.replace("return None", 'return Tag({"class": "a"})  # type: ignore')
    found = problems(write(tmp_path, soil=use, garden=DERIVED))
    assert any(re.match(r"services/soil/__init__.py:13:\d+: Tag is a record", p) for p in found), (
        found
    )
