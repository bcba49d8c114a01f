"""The source transformations: which code is removed, which stays, and that no line moves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torpor_tools.link.bind import bind

CASES = Path(__file__).parents[1] / "cases" / "link"


def stripped(source: str) -> str:
    text, problems = bind(source, "services.alerts", is_package=True, file="alerts.py")
    assert problems == []
    return text


@pytest.mark.parametrize("case", sorted(CASES.glob("strip-*")), ids=lambda case: case.name)
def test_case(case: Path) -> None:
    text = stripped((case / "input.py").read_text())
    # What is left on an emptied line is white space at most.
    got = [line.rstrip() for line in text.split("\n")]
    assert got == [line.rstrip() for line in (case / "expected.py").read_text().split("\n")]
    ast.parse(text)


def test_a_module_with_nothing_to_remove_stays_unchanged() -> None:
    source = '"""Doc."""\nimport time\r\nx: int = 1\n\nasync def f():\n    yield x  # é\n'
    assert stripped(source) == source


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (
            "from typing import NamedTuple\nclass R(NamedTuple): pass",
            "NamedTuple comes from typing",
        ),
        (
            "import typing_extensions\nclass R(typing_extensions.NamedTuple): pass",
            "typing_extensions comes from typing_extensions",
        ),
        ("import typing\nx = typing.cast(int, y)", "typing comes from typing"),
        (
            "from services.readings import Readings\nx = isinstance(y, Readings)",
            "Readings of services.readings exists only for annotations",
        ),
        (
            "if TYPE_CHECKING:\n    class R: pass\nx = R()",
            "R is defined under `if TYPE_CHECKING:` and used at run time",
        ),
        (
            "if TYPE_CHECKING:\n    from machine import Pin\nx = Pin(1)",
            "Pin is imported under `if TYPE_CHECKING:` and used at run time",
        ),
        ("from torpor import get\nx = get", "get of torpor is a decorator"),
    ],
)
def test_a_removed_name_must_not_be_used_at_run_time(line: str, what: str) -> None:
    _, problems = bind(line, "services.alerts", is_package=True, file="alerts.py")
    assert len(problems) == 1
    assert problems[0].what.startswith(what)
    assert problems[0].remedy
    assert problems[0].where is not None
    assert str(problems[0].where).startswith(f"alerts.py:{line.count(chr(10)) + 1}:")


def test_a_name_that_something_else_binds_may_be_used() -> None:
    stripped("try:\n    from typing import Any\nexcept ImportError:\n    Any = object\nx = Any\n")


# -- the property: every statement that stays is found on its line, unchanged

_GOES = [
    "from typing import Any",
    "from typing import (\n{0}    Any,\n{0}    List,\n{0})",
    "import typing",
    "from typing_extensions import Any",
    "import collections.abc as c",
    "from services.readings import Readings",
    "from services.sensors import Sensors as S  # note",
    "if TYPE_CHECKING:\n{0}    import os\n\n{0}    class Q: pass",
    "if TYPE_CHECKING: import os",
    "from torpor import get, every",
]
_STAYS = [
    "import time",
    "x = '''é\n  lines\n'''",
    "y: dict[str, int] = {{\n{0}    'a': 1,\n{0}}}  # é",
    "z: Readings",
    "from .rules import LIMIT",
    "from services.alerts.rules import LIMIT",
    "print('é'); print(2)",
    "# only a comment\n{0}pass",
]
_DECORATORS = ["@get('/x')", "@every(\n{0}    seconds=1,\n{0})  # note", "@cached", "# about it"]
_HEADS = [
    "for i in x:",
    "with y:",
    "if x:",
    "while (\n{0}    x\n{0}):",
    "async def f(q):",
    "class K:",
]

_simple = st.sampled_from([*_GOES, *_STAYS])
_block = st.recursive(
    st.lists(_simple, min_size=1, max_size=4),
    lambda inner: st.lists(
        _simple | st.tuples(st.sampled_from(_HEADS), st.sampled_from([*_DECORATORS, ""]), inner),
        min_size=1,
        max_size=4,
    ),
    max_leaves=12,
)
Block = list["str | tuple[str, str, Block]"]


def _source(block: Block, indent: str = "") -> str:
    lines = []
    for item in block:
        if isinstance(item, str):
            lines.append(indent + item.format(indent))
            continue
        head, decorator, inner = item
        if decorator and "def" in head:
            lines.append(indent + decorator.format(indent))
        lines += [indent + head.format(indent), _source(inner, indent + "    ")]
    return "\n".join(lines)


def _goes(node: ast.stmt) -> bool:
    return any(ast.dump(node) == ast.dump(ast.parse(text.format("")).body[0]) for text in _GOES)


def _kept(node: ast.AST) -> list[tuple[int, str]]:
    """Return line and text of the statements that must remain after the transformation."""
    found = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            if _goes(child):
                continue
            if not isinstance(child, ast.Pass):
                own = ast.unparse(child).split("\n")
                head = next(line for line in own if not line.startswith("@"))
                found.append((child.lineno, head))
        found += _kept(child)
    return found


@given(_block)
def test_no_statement_moves(block: Block) -> None:
    source = "from torpor import get, every\n" + _source(block) + "\n"
    text, _ = bind(source, "services.alerts", is_package=True, file="")
    assert text.count("\n") == source.count("\n")
    assert _kept(ast.parse(text)) == _kept(ast.parse(source))
    remaining = [
        ast.unparse(d).partition("(")[0]
        for node in ast.walk(ast.parse(text))
        for d in getattr(node, "decorator_list", [])
    ]
    assert set(remaining) <= {"cached"}


@given(_block)
def test_no_host_code_remains(block: Block) -> None:
    text, _ = bind(_source(block), "services.alerts", is_package=True, file="")
    assert not any(_goes(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt))
