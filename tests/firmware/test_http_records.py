"""Records in requests are checked field by field, and the answer has the path to what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.running import Running, running, write_cluster

SOURCE = """
from typing import Any, NotRequired, TypedDict

from torpor import Service, get, post


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


class A(Service):
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
def test_what_fits_arrives_with_its_unknown_fields(box: Running, body: dict[str, Any]) -> None:
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
