"""Records in requests are checked field by field, and the answer has the path of the error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.running import Running, running, write_cluster

SOURCE = """
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from torpor import Length, Pattern, Range, Service, get, post

Percent = Annotated[int, Range(0, 100)]


class Point(TypedDict):
    celsius: float
    at: int
    note: NotRequired[str | None]


class Row(TypedDict):
    name: str
    points: list[Point]
    by_shelf: NotRequired[dict[str, Point]]
    on: NotRequired[bool]
    more: NotRequired[Any]


class Door(TypedDict):
    kind: Literal["door"]
    open: bool


class Fan(TypedDict):
    kind: Literal["fan"]
    speed: Percent


class Ring(TypedDict):
    unit: Literal["dB"]
    kind: Literal["ring", "bell"]
    loud: Percent


class Code(TypedDict):
    unit: Literal["dB"]
    kind: Literal["code"]
    digits: list[int]


class Nod(TypedDict):
    n: Literal[1]
    deep: bool


class Wink(TypedDict):
    n: Literal[2]
    eye: Literal["left", "right"]


class Limited(TypedDict):
    celsius: Annotated[float, Range(-60, 90)]
    name: Annotated[str, Length(1, 5), Pattern("[a-z]+|X")]
    level: NotRequired[Literal["low", "high", 3]]


class A(Service):
    @post("/limited")
    async def limited(self, points: list[Limited]) -> list[Limited]:
        return points

    @post("/devices")
    async def devices(
        self, devices: list[Door | Fan], one: Door | Fan | None = None
    ) -> list[Door | Fan]:
        return devices

    @post("/press")
    async def press(self, what: Ring | Code) -> Ring | Code:
        return what

    @post("/sign")
    async def sign(self, what: Wink | Nod | None) -> Wink | Nod | None:
        return what

    @get("/page/<mode>/<n>")
    async def page(
        self, mode: Literal["a", "b"], n: Percent, limit: Percent = 10, sort: Literal[1, 2] = 1
    ) -> list[int]:
        return [n, limit, sort]

    @post("/rows")
    async def rows(self, rows: list[Row], first: Point | None = None) -> list[Row]:
        return rows

    @post("/point")
    async def point(self, point: Point) -> Point:
        return point

    @get("/near")
    async def near(self, point: Point) -> Point:
        return point
"""
POINT = {"celsius": 1, "at": 2}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = write_cluster(tmp_path_factory.mktemp("records"), {"a": SOURCE})
    with running(root) as cluster:
        yield cluster


@pytest.mark.parametrize(
    "body",
    [
        {"rows": []},
        {"rows": [{"name": "x", "points": [POINT, {**POINT, "note": None}]}], "first": None},
        {"rows": [{"name": "", "points": [], "by_shelf": {"": POINT}, "on": True, "more": [1]}]},
        {"rows": [{"name": "x", "points": [], "unknown": {"a": [1]}}], "first": POINT},
        {"rows": [{"name": "x", "points": [{**POINT, "note": "n", "": 1}]}]},
    ],
    ids=str,
)
def test_a_valid_record_arrives_with_unknown_fields(box: Running, body: dict[str, Any]) -> None:
    with box.client("a") as client:
        answer = client.post("/rows", json=body)
    assert (answer.status_code, answer.json()) == (200, body["rows"])


def row(**fields: Any) -> list[Any]:
    return [{"name": "x", "points": [POINT], **fields}]


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ({}, "rows: expected a list, got {}"),
        ([1], "rows[0]: expected an object, got 1"),
        ([None], "rows[0]: expected an object, got None"),
        ([{"points": []}], "rows[0].name: missing"),
        ([{"name": "x"}], "rows[0].points: missing"),
        (row(name=1), "rows[0].name: expected text, got 1"),
        (row(points=None), "rows[0].points: expected a list, got None"),
        (row(points=[POINT] * 3 + [{"celsius": "x", "at": 1}]),
         "rows[0].points[3].celsius: expected a number, got 'x'"),
        (row(points=[{"celsius": 1.5, "at": 1.5}]),
         "rows[0].points[0].at: expected a whole number, got 1.5"),
        (row(points=[{"celsius": 1.5, "at": True}]),
         "rows[0].points[0].at: expected a whole number, got True"),
        (row(points=[{"celsius": None, "at": 1}]),
         "rows[0].points[0].celsius: expected a number, got None"),
        (row(points=[{**POINT, "note": 1}]),
         "rows[0].points[0].note: expected text or null, got 1"),
        (row(by_shelf={"low": POINT, "top": {"at": 1}}),
         "rows[0].by_shelf['top'].celsius: missing"),
        (row(by_shelf=[]), "rows[0].by_shelf: expected an object, got []"),
        (row(on=1), "rows[0].on: expected true or false, got 1"),
        (row() + row(name=None), "rows[1].name: expected text, got None"),
    ],
    ids=str,
)  # fmt: skip
def test_the_answer_has_the_path(box: Running, rows: Any, error: str) -> None:
    with box.client("a") as client:
        answer = client.post("/rows", json={"rows": rows})
        assert (answer.status_code, answer.json()) == (400, {"error": error})
        assert client.post("/point", json={"point": POINT}).status_code == 200


def test_a_record_in_the_query_is_json(box: Running) -> None:
    with box.client("a") as client:
        right = client.get("/near", params={"point": json.dumps(POINT)})
        wrong = client.get("/near", params={"point": '{"at": "x", "celsius": 1}'})
        absent = client.get("/near")
    assert right.json() == POINT
    assert wrong.json() == {"error": "point.at: expected a whole number, got 'x'"}
    assert absent.json() == {"error": "point: missing"}


LIMITED = {"celsius": 20.5, "name": "abc"}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"celsius": -60, "name": "X", "level": "low"}, ""),
        ({"celsius": 90, "name": "abcde", "level": 3}, ""),
        ({"celsius": "x"}, "celsius: expected a number from -60 to 90, got 'x'"),
        ({"celsius": 90.5}, "celsius: expected a number from -60 to 90, got 90.5"),
        ({"celsius": -61}, "celsius: expected a number from -60 to 90, got -61"),
        ({"celsius": {}}, "celsius: expected a number from -60 to 90, got {}"),
        ({"name": ""}, "name: expected text of 1 to 5 characters that matches "
         "^(?:[a-z]+|X)$, got ''"),
        ({"name": "abcdef"}, "name: expected text of 1 to 5 characters that matches "
         "^(?:[a-z]+|X)$, got 'abcdef'"),
        ({"name": "aX"}, "name: expected text of 1 to 5 characters that matches "
         "^(?:[a-z]+|X)$, got 'aX'"),
        ({"level": "lowest"}, "level: expected 'low', 'high' or 3, got 'lowest'"),
        ({"level": True}, "level: expected 'low', 'high' or 3, got True"),
    ],
    ids=str,
)  # fmt: skip
def test_limits_and_literals_of_fields(box: Running, fields: dict[str, Any], error: str) -> None:
    body = {"points": [LIMITED, {**LIMITED, **fields}]}
    with box.client("a") as client:
        answer = client.post("/limited", json=body)
    wanted: Any = {"error": f"points[1].{error}"} if error else body["points"]
    assert (answer.status_code, answer.json()) == (400 if error else 200, wanted)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/page/a/0", [0, 10, 1]),
        ("/page/b/100?limit=5&sort=2", [100, 5, 2]),
        ("/page/c/1", "mode: expected 'a' or 'b', got 'c'"),
        ("/page/a/101", "n: expected a whole number from 0 to 100, got 101"),
        ("/page/a/x", "n: expected a whole number, got 'x'"),
        ("/page/a/1?limit=-1", "limit: expected a whole number from 0 to 100, got -1"),
        ("/page/a/1?sort=3", "sort: expected 1 or 2, got 3"),
    ],
)
def test_limits_and_literals_of_path_and_query(box: Running, path: str, answer: Any) -> None:
    with box.client("a") as client:
        body = client.get(path).json()
    assert body == ({"error": answer} if isinstance(answer, str) else answer)


@pytest.mark.parametrize(
    ("device", "error"),
    [
        ({"kind": "door", "open": True}, ""),
        ({"kind": "fan", "speed": 3}, ""),
        ({"kind": "fan", "speed": 101},
         "[0].speed: expected a whole number from 0 to 100, got 101"),
        ({"kind": "door"}, "[0].open: missing"),
        ({"kind": "lamp"}, "[0].kind: expected 'door' or 'fan', got 'lamp'"),
    ],
    ids=str,
)  # fmt: skip
def test_a_tag_decides_which_record_is_meant(
    box: Running, device: dict[str, Any], error: str
) -> None:
    with box.client("a") as client:
        answer = client.post("/devices", json={"devices": [device]})
        alone = client.post("/devices", json={"devices": [], "one": device})
    assert alone.json() == ({"error": "one" + error.replace("[0]", "")} if error else [])
    assert answer.json() == ({"error": f"devices{error}"} if error else [device])


@pytest.mark.parametrize(
    ("path", "record", "error"),
    [
        ("/press", {"unit": "dB", "kind": "bell", "loud": 101},
         ".loud: expected a whole number from 0 to 100, got 101"),
        ("/press", {"unit": "dB", "kind": "code", "digits": [1, "x"]},
         ".digits[1]: expected a whole number, got 'x'"),
        ("/press", {"unit": "B", "kind": "code", "digits": []},
         ".unit: expected 'dB', got 'B'"),
        ("/press", {"unit": "dB", "kind": []},
         ".kind: expected 'ring', 'bell' or 'code', got []"),
        ("/sign", {"n": 1, "eye": "left"}, ".deep: missing"),
        ("/sign", {"eye": "left"}, ".n: missing"),
        ("/sign", {"n": 2, "eye": "up"}, ".eye: expected 'left' or 'right', got 'up'"),
        ("/sign", {"n": True}, ".n: expected 2 or 1, got True"),
    ],
    ids=str,
)  # fmt: skip
def test_the_tag_is_the_literal_in_which_the_records_differ(
    box: Running, path: str, record: dict[str, Any], error: str
) -> None:
    with box.client("a") as client:
        answer = client.post(path, json={"what": record})
    assert (answer.status_code, answer.json()) == (400, {"error": f"what{error}"})
