"""Reading a contract from a service's source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from torpor_tools.contracts.read import read_contract
from torpor_tools.contracts.rules import check_source
from torpor_tools.contracts.rules.service import RESERVED
from torpor_tools.contracts.shapes import from_text
from torpor_tools.contracts.source import read_source
from torpor_tools.errors import Where
from torpor_tools.model.contract import Argument, Contract, Peer, Route
from torpor_tools.paths import firmware_dir

FILE = "services/alerts/__init__.py"
SOURCE = '''\
"""A module."""

import typing
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Dict, List, Optional

import torpor
from microdot import Microdot
from torpor import Service as Base, every, get, post as p

if TYPE_CHECKING:
    from services.readings import Readings as R

app = Microdot()


def helper() -> int:
    return 1


class Alerts(Base):
    """Says what is wrong."""

    readings: "R"
    limit: int = 3
    app = app

    def __init__(self, name, config):
        super().__init__(name, config)

    async def start(self) -> None:
        self.rows: list[dict] = []

    @get("/alerts/<fridge>")
    @torpor.get("/alerts", content_type="text/plain")
    async def open_alerts(
        self, fridge: str = "x", limit: Optional[int] = None, low: float = -1.5
    ) -> List[Dict[str, typing.Any]]:
        """The open ones."""
        return []

    @p("/alerts")
    @every(minutes=1, seconds=30)
    async def check(self, what: "str | None" = None) -> tuple[dict[str, int], int] | None:
        def inner():
            yield 1

    @get("/history.csv")
    async def history(self) -> AsyncIterator[str]:
        yield "x"

    async def _private(self, anything):
        pass
'''


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return read(tmp_path, SOURCE)


def read(root: Path, source: str) -> Contract:
    (root / "services/alerts/tests").mkdir(parents=True)
    (root / FILE).write_text(source)
    (root / "services/alerts/tests/test_x.py").write_text("import services.readings\n")
    found = read_source(root, "alerts")
    assert check_source(found) == []
    return read_contract(found)


def line(text: str) -> Where:
    return Where(FILE, SOURCE[: SOURCE.index(text)].count("\n") + 1)


def test_the_class(contract: Contract) -> None:
    assert (contract.service, contract.class_name) == ("alerts", "Alerts")
    assert contract.where == line("class Alerts")
    assert contract.doc == "Says what is wrong."
    assert contract.has_app
    assert contract.peers == (Peer("readings", "Readings", "readings", line("    readings")),)
    assert [m.name for m in contract.methods] == ["open_alerts", "check", "history"]


def test_arguments_in_one_form(contract: Contract) -> None:
    method = contract.methods[0]
    place = line("        self, fridge")
    assert method.arguments == (
        Argument("fridge", from_text("str"), "'x'", place),
        Argument("limit", from_text("int | None"), "None", place),
        Argument("low", from_text("float"), "-1.5", place),
    )
    assert str(method.returns) == "list[dict[str, Any]]"
    assert method.doc == "The open ones."
    assert method.where == line("    async def open_alerts")


def test_routes_and_schedule(contract: Contract) -> None:
    first, second, third = contract.methods
    assert first.routes == (
        Route("GET", "/alerts/<fridge>", line('    @get("/alerts')),
        Route("GET", "/alerts", line("    @torpor.get"), "text/plain"),
    )
    assert second.routes == (Route("POST", "/alerts", line("    @p(")),)
    assert (first.every_ms, second.every_ms) == (None, 90_000)
    assert second.at_start
    assert str(second.returns) == "tuple[dict[str, int], int] | None"
    assert [m.streamed for m in contract.methods] == [False, False, True]
    assert str(third.returns) == "AsyncIterator[str]"


@pytest.mark.parametrize(
    ("decorator", "at_start"),
    [("minutes=1", True), ("minutes=1, first=True", True), ("first=False, minutes=1", False)],
)
def test_whether_a_job_runs_at_the_start(tmp_path: Path, decorator: str, at_start: bool) -> None:
    source = SOURCE.replace("minutes=1, seconds=30", decorator)
    [method] = [m for m in read(tmp_path, source).methods if m.name == "check"]
    assert (method.every_ms, method.at_start) == (60_000, at_start)


def test_two_reads_are_equal(tmp_path: Path, contract: Contract) -> None:
    assert read(tmp_path / "again", SOURCE) == contract


def test_attributes_of_a_service_are_reserved() -> None:
    tree = ast.parse((firmware_dir() / "torpor" / "__init__.py").read_text(encoding="utf-8"))
    [cls] = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Service"]
    defined = {n.name for n in ast.walk(cls) if isinstance(n, ast.FunctionDef)}
    defined |= {n.name for n in ast.walk(cls) if isinstance(n, ast.AsyncFunctionDef)}
    stored = {n.attr for n in ast.walk(cls) if isinstance(n, ast.Attribute)}
    public = {name for name in defined | (stored & {"name", "config", "log"}) if name[0] != "_"}
    assert {"name", "config", "log", "start", "spawn"} <= public <= set(RESERVED)


@pytest.mark.parametrize(
    "text",
    [
        "int",
        "list[dict[str, int | None]]",
        "tuple[dict, int] | None",
        "AsyncIterator[str]",
        "Row",
        "Literal['a', 'b'] | None",
        "Annotated[int, Range(1, None)]",
        "Annotated[str, Length(0, 5), Pattern('[a-z]+')]",
    ],
)
def test_a_type_reads_what_it_writes(text: str) -> None:
    assert str(from_text(text)) == text


def test_text_that_is_not_a_type_is_kept() -> None:
    assert [str(from_text(text)) for text in ("", "int |", "Row[int]")] == ["", "int |", "Row[int]"]
