"""A service behaves as its document describes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from tests.helpers.running import Running, running, write_cluster
from tests.helpers.schemathesis import ROOT, document, fuzz

EXAMPLES = {
    "sensors": 2,  # a measurement takes three quarters of a second
    "readings": 6,
    "alerts": 6,
    "device": 6,
    "dashboard": 6,
}


@pytest.fixture(scope="module")
def sample() -> Iterator[Running]:
    with running(ROOT) as run:
        yield run


@pytest.mark.parametrize("service", EXAMPLES)
def test_the_sample_matches_its_document(sample: Running, service: str, tmp_path: Path) -> None:
    validate(document(sample.urls[service]))
    fuzz(sample.urls[service], tmp_path, EXAMPLES[service], seed=20261124)


# Answers of every kind that a contract can describe, and a method that violates its contract.
ODD = """
from collections.abc import AsyncIterator

from torpor import Fault, Service, delete, get, post, put


class Odd(Service):
    \"\"\"Answers in every way there is.\"\"\"

    async def start(self) -> None:
        self.kept = []

    @get("/text")
    async def text(self, times: int = 1) -> str:
        return "x" * min(max(times, 0), 100)

    @get("/bytes")
    async def raw(self) -> bytes:
        return b"x"

    @get("/lines", content_type="text/csv")
    async def lines(self) -> AsyncIterator[str]:
        yield "a"
        yield "b"

    @get("/sum/<a>/<b>")
    async def sum(self, a: int, b: float) -> float:
        return a + b

    @get("/flag/<on>")
    async def flag(self, on: bool, strict: bool = False) -> bool:
        return on and not strict

    @post("/things")
    async def make(self, name: str, tags: list[str], size: float | None = None) -> tuple[dict, int]:
        \"\"\"Keep a thing.\"\"\"
        if len(self.kept) > 9:
            self.kept = []
        self.kept.append({"id": len(self.kept), "name": name, "tags": tags, "size": size})
        return self.kept[-1], 201

    @get("/things/<id>")
    async def thing(self, id: int, where: dict[str, int] | None = None) -> dict | None:
        \"\"\"A thing, or nothing if ``where`` is not empty. Raises 404.\"\"\"
        if not 0 <= id < len(self.kept):
            raise Fault(404, "no such thing")
        return None if where else self.kept[id]

    @put("/things/<id>")
    async def change(self, id: int, name: str) -> dict:
        \"\"\"Call it otherwise. Raises 404.\"\"\"
        thing = await self.thing(id) or {}
        thing["name"] = name
        return thing

    @delete("/forgotten/<name>")
    async def forget(self, name: str) -> None:
        pass
"""
BROKEN = """
from torpor import Service, get


class Broken(Service):
    @get("/count")
    async def count(self) -> int:
        return "three"  # type: ignore[return-value]
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = write_cluster(tmp_path_factory.mktemp("odd"), {"odd": ODD, "broken": BROKEN})
    with running(root, types=False) as run:
        yield run


def test_every_kind_of_argument_and_answer(odd: Running, tmp_path: Path) -> None:
    found = document(odd.urls["odd"])
    validate(found)
    assert found["info"]["title"] == "test: odd"
    assert found["info"]["description"] == "Answers in every way there is."
    assert set(found["paths"]["/things/{id}"]) == {"get", "put"}
    answers = found["paths"]["/things/{id}"]["get"]["responses"]
    assert {"200", "204", "4XX", "5XX"} <= set(answers)
    body = found["paths"]["/things"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["required"] == ["name", "tags"]
    fuzz(odd.urls["odd"], tmp_path, examples=8, seed=20261124)


def test_a_service_that_violates_its_document_is_found(odd: Running, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="Undocumented Content-Type"):
        fuzz(odd.urls["broken"], tmp_path, examples=3, seed=1)


def test_a_document_is_not_part_of_the_image(odd: Running) -> None:
    tree = odd.sim.board("box").image.tree
    assert not [path for path in tree.rglob("*") if "openapi" in path.name]
