"""Results: values that JSON cannot hold are errors; in strict mode, so are other types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.running import Running, running, write_cluster

SERVICE = """
import sys
from collections import OrderedDict, namedtuple
from typing import Any

from torpor import Fault, Service, get

Pair = namedtuple("Pair", ("a", "b"))


class Probe:
    def __repr__(self):
        return '"looks like text"'


def _odd(what):
    return {
        "set": {2, 1},
        "strings": {"it's"},
        "frozenset": frozenset((1,)),
        "object": Probe(),
        "class": Probe,
        "bytes": b"\\xff",
        "bytearray": bytearray(2),
        "range": range(3),
        "pair": Pair(1, 2),
        "generator": (i for i in ()),
        "function": _odd,
        "nan": float("nan"),
        "inf": 1e999,
        "ordered": OrderedDict([("a", 1)]),
        "tuple": (1, (2,)),
        "text": "nan {inf} <b>(1, 2)",
        "half": "ab" + chr(0xD83C),
        "half key": {"a": 1, chr(0xDFFF): 2},
        "korean": chr(0xD55C) + chr(0xD000) + chr(0xD7FF) + chr(0xE000) + chr(0x1F321),
    }[what]


class Results(Service):
    @get("/alone/<what>")
    async def alone(self, what: str) -> Any:
        return _odd(what)

    @get("/list/<what>")
    async def listed(self, what: str) -> list:
        return [1, _odd(what)]

    @get("/deep/<what>")
    async def deep(self, what: str) -> dict:
        return {"a": None, "rows": [{"x": 1}, {"x": [True, (0.5, _odd(what))]}]}

    @get("/status/<what>")
    async def status(self, what: str) -> tuple[dict, int]:
        return {"v": _odd(what)}, 201

    @get("/typed/<what>", content_type="application/x")
    async def typed(self, what: str) -> Any:
        return {"v": _odd(what)}

    @get("/promise/<what>")
    async def promise(self, what: str) -> int:
        return {"text": "seven", "right": 7, "tuple": (7, 200), "none": None}[what]  # type: ignore

    @get("/rows/<what>")
    async def rows(self, what: str) -> list[dict[str, int]]:
        wrong = [{"a": 1}, {"a": "b"}]
        return {"right": [{"a": 1}], "wrong": wrong, "dict": {}}[what]  # type: ignore

    @get("/pair/<what>")
    async def pair(self, what: str) -> tuple[dict[str, int], int] | None:
        wrong = {"a": None}, 200
        return {"right": ({"a": 1}, 202), "none": None, "wrong": wrong}[what]  # type: ignore

    @get("/text/<what>")
    async def text(self, what: str) -> str:
        return _odd(what)

    @get("/fault/<status>")
    async def fault(self, status: int) -> None:
        raise Fault(status, "as asked")

    @get("/forget")
    async def forget(self) -> None:
        sys.modules["torpor.log"].faults.clear()  # otherwise a repeated fault is only counted

    @get("/sent/<status>")
    async def sent(self, status: int) -> tuple[dict, int]:
        return {}, status

    @get("/maybe/<what>")
    async def maybe(self, what: str) -> str | None:
        return {"text": "x", "none": None, "int": 5}[what]  # type: ignore
"""

BAD = {
    "set": "JSON has no set, return a list",
    "strings": "JSON has no set, return a list",
    "frozenset": "JSON has no frozenset, return a list",
    "object": "JSON has no Probe",
    "class": "JSON has no type",
    "bytes": "JSON has no bytes, return text",
    "bytearray": "JSON has no bytearray, return text",
    "range": "JSON has no range",
    "pair": "JSON has no Pair",
    "generator": "JSON has no generator, return a list",
    "function": "JSON has no function",
    "nan": "JSON has no nan, return None",
    "inf": "JSON has no inf, return None",
}
PLACES = {"/list": "[1]", "/deep": "rows[1].x[1][1]", "/status": "v", "/typed": "v"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cluster(tmp_path_factory.mktemp("results"), {"results": SERVICE})


@pytest.fixture(scope="module")
def plain(root: Path) -> Iterator[Running]:
    with running(root, types=False) as run:
        yield run


@pytest.fixture(scope="module")
def strict(root: Path) -> Iterator[Running]:
    with running(root, types=False, strict=True) as run:
        yield run


@pytest.mark.parametrize("what", BAD)
def test_values_that_json_cannot_hold_are_a_logged_500(plain: Running, what: str) -> None:
    with plain.client("results") as client:
        for route, place in PLACES.items():
            mark = plain.sim.board("box").log.mark()
            answer = client.get(f"{route}/{what}")
            assert (answer.status_code, answer.json()) == (500, {"error": "internal error"})
            plain.wait_log("box", f"ERROR results: GET {route}/{what}", since=mark)
            plain.wait_log("box", f"{place}: {BAD[what]}", since=mark)
        if "bytes" not in what and "bytearray" not in what:  # alone these are a body
            assert client.get(f"/alone/{what}").status_code == 500
        assert client.get("/promise/right").json() == 7


STATUSES = (-1, 0, 4, 9, 20, 99, 100, 101, 199, 600, 999, 1000)


@pytest.mark.parametrize("route", ["fault", "sent"])
def test_a_status_that_http_lacks_is_a_logged_500(plain: Running, route: str) -> None:
    with plain.client("results") as client:
        for status in STATUSES:
            client.get("/forget")
            mark = plain.sim.board("box").log.mark()
            answer = client.get(f"/{route}/{status}")
            assert (answer.status_code, answer.json()) == (500, {"error": "internal error"})
            plain.wait_log("box", f"ERROR results: GET /{route}/{status}", since=mark)
            plain.wait_log("box", f"status {status} is not 200 to 599", since=mark)
        for status in (200, 201, 299, 404, 418, 507, 599):
            assert client.get(f"/{route}/{status}").status_code == status


def test_text_that_is_not_utf8_is_a_logged_500(plain: Running) -> None:
    with plain.client("results") as client:
        for route, place in {**PLACES, "/text": "the answer", "/alone": "the answer"}.items():
            mark = plain.sim.board("box").log.mark()
            assert client.get(f"{route}/half").status_code == 500
            plain.wait_log("box", f"{place}: U+D83C is half a surrogate pair", since=mark)
        mark = plain.sim.board("box").log.mark()
        assert client.get("/list/half%20key").status_code == 500
        plain.wait_log("box", "a key of [1]: U+DFFF is half a surrogate pair", since=mark)
        korean = "\ud55c\ud000\ud7ff\ue000\U0001f321"
        assert client.get("/list/korean").json() == [1, korean]
        assert client.get("/text/korean").text == korean


def test_values_that_json_can_hold_are_sent(plain: Running, strict: Running) -> None:
    with plain.client("results") as client:
        assert client.get("/list/ordered").json() == [1, {"a": 1}]
        assert client.get("/list/tuple").json() == [1, [1, [2]]]
        assert client.get("/list/text").json() == [1, "nan {inf} <b>(1, 2)"]
        assert client.get("/status/text").status_code == 201
        assert client.get("/deep/text").json()["rows"][1]["x"][1][1] == "nan {inf} <b>(1, 2)"
    for run in (plain, strict):
        with run.client("results") as client:
            assert client.get("/promise/right").json() == 7
            assert client.get("/rows/right").json() == [{"a": 1}]
            assert client.get("/pair/right").status_code == 202
            assert client.get("/pair/none").status_code == 204
            assert client.get("/maybe/text").text == "x"
            assert client.get("/maybe/none").status_code == 204


@pytest.mark.parametrize(
    ("path", "output"),
    [
        ("/promise/text", "promise() returned 'seven': expected int, got str"),
        ("/promise/tuple", "promise() returned (7, 200): expected int, got a tuple of 2"),
        ("/promise/none", "promise() returned None: expected int, got None"),
        ("/rows/wrong", "rows() returned [{'a': 1}, {'a': 'b'}]: [1]['a']: expected int, got str"),
        ("/rows/dict", "rows() returned {}: expected list, got dict"),
        ("/pair/wrong", "pair() returned ({'a': None}, 200): ['a']: expected int, got None"),
        ("/maybe/int", "maybe() returned 5: expected str, got int"),
        ("/list/tuple", "[1] is a tuple, which arrives as a list"),
        ("/deep/set", "is a tuple, which arrives as a list"),
        ("/status/set", "['v'] is a set, which JSON cannot hold"),
        ("/alone/set", "alone() returned"),
    ],
)
def test_strict_mode_holds_a_route_to_its_annotation(
    plain: Running, strict: Running, path: str, output: str
) -> None:
    with plain.client("results") as client:
        assert client.get(path).status_code in (200, 204, 500)
    mark = strict.sim.board("box").log.mark()
    with strict.client("results") as client:
        answer = client.get(path)
    assert (answer.status_code, json.loads(answer.text)) == (500, {"error": "internal error"})
    route = path.rpartition("/")[0] + "/<what>"
    strict.wait_log("box", f"StrictError: GET {route}: ", since=mark)
    assert any(output in line.text for line in strict.sim.board("box").log.since(mark))
