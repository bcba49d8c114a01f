"""``contracts.lock``: each kind of change with its case, and the commands that write the file.

A case in ``tests/cases/contracts`` holds the methods of a service before and after, and begins
with what must be said of it.
"""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.running import write_cluster
from tests.helpers.several import write_boards
from tests.host_tools.small_plans import NOWHERE
from torpor_tools.cli import root as torpor
from torpor_tools.cli import run
from torpor_tools.cli.sim import warn_of_breaks
from torpor_tools.contracts import load_plan
from torpor_tools.contracts.changes import changes
from torpor_tools.contracts.fingerprint import (
    honoured_fingerprints,
    service_fingerprint,
)
from torpor_tools.contracts.lock import Locked, read_lock, read_migrations, write_lock
from torpor_tools.contracts.promises import broken_promises, record, unrecorded, with_earlier
from torpor_tools.contracts.read import read_contract
from torpor_tools.contracts.shapes import from_text
from torpor_tools.contracts.source import read_source
from torpor_tools.errors import UserError
from torpor_tools.link.stub import api, stubs
from torpor_tools.model.contract import Argument, Contract, Method, Route
from torpor_tools.model.types import Type

CASES = sorted((Path(__file__).parents[1] / "cases" / "contracts").glob("*.py"))
HEAD = """from collections.abc import AsyncIterator
from typing import Annotated, List, Literal, NotRequired, Optional, TypedDict
from torpor import Event, Length, Pattern, Range, Service, get
"""
CLASS = """class A(Service):
    pass
"""


def contract(root: Path, text: str) -> Contract:
    records, _, methods = text.rpartition("# methods\n")
    write_cluster(root, {"a": HEAD + records + CLASS + textwrap.indent(methods, "    ")})
    return read_contract(read_source(root, "a"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_change(case: Path, tmp_path: Path) -> None:
    text = case.read_text()
    expected = re.findall(r"^# (BREAKS|COMPATIBLE): (.+)$", text, flags=re.MULTILINE)
    assert expected or "# SAME" in text
    before, now = text.split("# --- now\n")
    old, new = contract(tmp_path / "old", before), contract(tmp_path / "new", now)
    found = changes(old, new)
    assert {("BREAKS" if c.breaking else "COMPATIBLE", c.what) for c in found} == set(expected)
    assert all(change.where.line for change in found)
    if "# SAME" in text:
        assert service_fingerprint(old) == service_fingerprint(new)
    # A board with the new contract accepts the calls of boards with the old one, unless they break.
    write_lock(tmp_path, {"a": Locked(old)})
    methods_now = {m.name: m for m in with_earlier(tmp_path, {"a": new})["a"].methods}
    for method in old.methods:
        breaks = any(c.breaking and c.what.startswith(f"{method.name}") for c in found)
        if method.name in methods_now and not breaks:
            assert {*honoured_fingerprints(method)} <= {
                *honoured_fingerprints(methods_now[method.name])
            }


GROWN = """from typing import NotRequired, TypedDict
from torpor import Service
class Point(TypedDict):
    celsius: float
class A(Service):
    async def newest(self, limit: int = 1) -> list[Point]:
        return []
    async def first(self, name: str) -> dict[str, Point] | None:
        return None
"""
READER = """from services.a import A
from torpor import Service
class B(Service):
    a: A
    async def read(self) -> float:
        return (await self.a.newest())[0]["celsius"]
"""


def stub_marks(root: Path) -> tuple[list[int], list[int]]:
    """Return the fingerprints that the caller on `barn` sends, and those that `shed` accepts."""
    made = load_plan(root)
    texts = stubs(made, made.board("barn"), {}), api(made.board("shed"))
    sent, accepted = ([int(n) for n in re.findall(r"\d{5,}", text)] for text in texts)
    return sent, accepted


@pytest.mark.parametrize(
    ("reads", "either_order"), [("celsius", True), ("at", False)], ids=["unused", "used"]
)
def test_boards_can_be_updated_in_either_order_when_a_result_gains_a_field(
    tmp_path: Path, reads: str, either_order: bool
) -> None:
    write_boards(tmp_path, {"a": GROWN, "b": READER}, {"shed": ["a"], "barn": ["b"]})
    record(load_plan(tmp_path))
    sent_before, accepted_before = stub_marks(tmp_path)
    for field in ("at: int", "by: str"):  # two steps, each recorded
        change(tmp_path, "class A(", f"    {field}\nclass A(")
        assert stub_marks(tmp_path)[1] != accepted_before
        record(load_plan(tmp_path))
    change(tmp_path, '["celsius"]', f'["{reads}"]', "b")
    sent, accepted = stub_marks(tmp_path)
    assert {*sent_before} <= {*accepted}
    assert {*sent} <= {*accepted}
    assert ({*sent} <= {*accepted_before}) == either_order
    # Once a break of the method is accepted, earlier forms are no longer honoured.
    change(tmp_path, "limit: int = 1", "limit: str = ''")
    change(tmp_path, "celsius: float", "celsius: str")
    record(load_plan(tmp_path), bump=None)
    assert not {*sent_before} & {*stub_marks(tmp_path)[1]}


TYPES = st.sampled_from([*map(from_text, ("int", "str", "dict[str, int]"))])
ARGUMENT = st.tuples(st.sampled_from("abcd"), TYPES, st.sampled_from([None, None, "1"]))


@st.composite
def methods(draw: st.DrawFn) -> Method:
    made = draw(st.lists(ARGUMENT, max_size=4, unique_by=lambda a: a[0]))
    made.sort(key=lambda argument: argument[2] is not None)
    routes = (Route("GET", "/x", NOWHERE),) * draw(st.integers(0, 1))
    returns = draw(st.sampled_from([Type("int"), Type("str")]))
    return Method("m", tuple(Argument(*a, NOWHERE) for a in made), returns, NOWHERE, routes)


@settings(max_examples=200, deadline=None)
@given(methods(), methods())
def test_compatible_changes_are_accepted_on_the_wire(old: Method, new: Method) -> None:
    a, b = (Contract("s", "S", NOWHERE, (m,), ()) for m in (old, new))
    found = changes(a, b)
    honoured = set(honoured_fingerprints(old)) <= set(honoured_fingerprints(new))
    assert honoured or any(change.breaking for change in found)
    if not found:
        assert service_fingerprint(a) == service_fingerprint(b)


SERVICE = """from torpor import Service, get


class A(Service):
    @get("/newest/<fridge>")
    async def newest(self, fridge: str, limit: int = 1) -> list[int]:
        return [limit]
"""
B = SERVICE.replace("class A", "class B")


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    write_cluster(tmp_path, {"a": SERVICE, "b": B})
    record(load_plan(tmp_path))
    return tmp_path


def change(root: Path, old: str, new: str, service: str = "a") -> None:
    path = root / "services" / service / "__init__.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def torpor_says(root: Path, *arguments: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of a command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["-C", str(root), *arguments])
    return code, out.getvalue(), err.getvalue()


def test_without_a_lock_nothing_is_promised(tmp_path: Path) -> None:
    plan = load_plan(write_cluster(tmp_path, {"a": SERVICE}))
    assert read_lock(tmp_path) is None
    assert broken_promises(plan) == []
    assert unrecorded(plan) == []


def test_the_lock_matches_the_source(cluster: Path) -> None:
    plan = load_plan(cluster)
    lock = read_lock(cluster)
    assert lock
    for service in plan.boards[0].services:
        assert service_fingerprint(lock[service.name].contract) == service_fingerprint(
            service.contract
        )
    before = (cluster / "contracts.lock").read_bytes()
    record(plan)
    assert (cluster / "contracts.lock").read_bytes() == before


def test_a_break_is_refused_until_it_is_accepted(cluster: Path) -> None:
    change(cluster, "limit: int = 1", "most: int = 1")
    change(cluster, "[limit]", "[most]")
    for command in (["check", "--no-types"], ["build", "--no-types"], ["contracts", "lock"]):
        code, out, err = torpor_says(cluster, *command)
        assert code == 1, out
        assert (
            "services/a/__init__.py:6: this breaks callers of a: "
            "newest has lost its argument limit" in err
        )
        assert "torpor contracts bump a" in err
    assert torpor_says(cluster, "contracts", "bump", "a")[:2] == (
        0,
        "a: version 2\n  newest has lost its argument limit\n",
    )
    assert torpor_says(cluster, "check", "--no-types")[0] == 0
    lock = read_lock(cluster)
    assert lock
    assert (lock["a"].version, lock["b"].version) == (2, 1)


def test_only_the_named_service_may_break(cluster: Path) -> None:
    for service in "ab":
        change(cluster, "/newest/", "/latest/", service)
    assert torpor_says(cluster, "contracts", "bump", "b")[0] == 0
    problems = broken_promises(load_plan(cluster))
    assert [p.what for p in problems] == [
        "this breaks callers of a: newest no longer answers GET /newest/<fridge>"
    ]
    code, out, _ = torpor_says(cluster, "contracts", "bump")
    assert (code, out.splitlines()[0]) == (0, "a: version 2")


def test_compatible_changes_are_noted_and_recorded(cluster: Path) -> None:
    change(cluster, "limit: int = 1", "limit: int = 1, since: int = 0")
    code, _, err = torpor_says(cluster, "check", "--no-types")
    assert code == 0
    assert "a: newest now takes since; record it with: torpor contracts lock" in err
    code, out, _ = torpor_says(cluster, "contracts", "lock")
    assert (code, out.splitlines()[0]) == (0, "a: recorded (newest now takes since)")
    assert unrecorded(load_plan(cluster)) == []


def test_a_removed_service_breaks_its_callers(cluster: Path) -> None:
    text = (cluster / "cluster.toml").read_text()
    (cluster / "cluster.toml").write_text(
        text.replace('["a", "b"]', '["a"]').replace("[services.b]\nport = 8002\n", "")
    )
    code, _, err = torpor_says(cluster, "check", "--no-types")
    assert code == 1
    assert re.search(r"contracts.lock:\d+: this breaks callers of b: no board has it", err)
    assert torpor_says(cluster, "contracts", "bump", "b")[1].startswith("b: removed")
    assert list(read_lock(cluster) or {}) == ["a"]


def test_migrations_are_in_the_same_file(cluster: Path) -> None:
    folder = cluster / "services" / "a" / "migrations"
    folder.mkdir()
    (folder / "0001_init.py").write_text("def up(db):\n    pass\n")
    torpor_says(cluster, "contracts", "lock")
    recorded = read_migrations(cluster)["a"]
    assert list(recorded) == ["0001_init.py"]
    change(cluster, "/newest/", "/latest/")
    torpor_says(cluster, "contracts", "bump")
    assert read_migrations(cluster) == {"a": recorded, "b": {}}
    assert "[services.a.migrations]" in (cluster / "contracts.lock").read_text()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<<<<<< HEAD\n", "torpor contracts lock"),
        ("[services]\na = 3\n", "contracts.lock:2: a: expected a table, got 3"),
        ('[services.a]\nclass = "A"\nversion = "x"\n', "contracts.lock:3: version: expected"),
    ],
)
def test_a_broken_lock(cluster: Path, text: str, expected: str) -> None:
    (cluster / "contracts.lock").write_text(text)
    with pytest.raises(UserError) as caught:
        broken_promises(load_plan(cluster))
    assert expected in str(caught.value)


def test_unknown_service(cluster: Path) -> None:
    code, _, err = torpor_says(cluster, "contracts", "bump", "c")
    assert code == 1
    assert "there is no service c" in err
    assert "services: a and b" in err


def test_show(cluster: Path) -> None:
    change(cluster, "/newest/", "/latest/")
    shown = CliRunner().invoke(torpor, ["-C", str(cluster), "contracts", "show"]).output
    assert re.search(r"a +1 +[0-9a-f]{12} +newest no longer answers GET /newest/<fridge>", shown)
    assert re.search(r"b +1 +[0-9a-f]{12} +as recorded", shown)
    assert "record" not in shown.partition("as recorded")[2], "these contracts have none"


def test_show_has_the_fields_of_records(tmp_path: Path) -> None:
    write_cluster(tmp_path, {"a": GROWN.replace("float", "NotRequired[float | None]\n    at: int")})
    shown = CliRunner().invoke(torpor, ["-C", str(tmp_path), "contracts", "show"]).output
    lines = [line.split(maxsplit=2) for line in shown.splitlines()]
    assert ["a.Point", "celsius", "NotRequired[float | None]"] in lines
    assert ["at", "int"] in lines


def test_default_text_survives_the_file(cluster: Path) -> None:
    change(cluster, "limit: int = 1", 'limit: str = " = "')
    record(load_plan(cluster), bump=None)
    assert broken_promises(load_plan(cluster)) == []
    assert unrecorded(load_plan(cluster)) == []


def test_a_renamed_class_breaks_its_peers() -> None:
    old = Contract("a", "A", NOWHERE, (), ())
    found = changes(old, replace(old, class_name="Other"))
    assert [(c.breaking, c.what) for c in found] == [
        (True, "its class A is called Other, peers import it by name")
    ]


def test_the_simulator_reports_what_a_build_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_cluster(tmp_path, {"a": SERVICE})
    assert run(["-C", str(root), "contracts", "lock"]) == 0
    nothing = "from torpor import Service\n\n\nclass A(Service):\n    pass\n"
    (root / "services" / "a" / "__init__.py").write_text(nothing)
    warn_of_breaks(load_plan(root))
    message = capsys.readouterr().err
    assert "torpor build and torpor flash refuse this: " in message
    assert "contracts bump a" in message
