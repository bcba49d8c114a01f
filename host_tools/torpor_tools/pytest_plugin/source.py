"""The fixtures of a test file and the arguments of its tests, read on the host."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import Where, fail
from ..python_names import parsed
from ..text import read_text
from .rewrite import is_pytest

BUILT_IN = ("start", "client", "socket_client", "clock", "board", "store", "events")
OF_LIB = ("clock", "board")  # there is no service to start

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Fixture:
    """A fixture of the test file; ``function`` is its name in the module, None if built in."""

    name: str
    function: str | None
    kind: str = ""  # "", "async", "yields" or "async yields"
    needs: tuple[str, ...] = ()
    autouse: bool = False


def arguments(node: Function) -> tuple[str, ...]:
    """The names of a function's arguments, without ``self``."""
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return tuple(name for name in names if name != "self")


def fixtures(
    path: Path, tree: ast.Module, built_in: Sequence[str] = BUILT_IN
) -> dict[str, Fixture]:
    """The fixtures that tests of the file at ``path`` can ask for.

    Those of torpor (``built_in``), the file's own, and those it imports from a module next to it.
    Raises ``UserError`` for an option of ``@pytest.fixture`` that the device does not know.
    """
    found = {name: Fixture(name, None) for name in built_in}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            found.update(_imported(path, node))
    found.update(_own(path, tree))
    return found


def closure(
    wanted: Iterator[str] | tuple[str, ...], known: Mapping[str, Fixture], given: set[str]
) -> list[Fixture]:
    """The fixtures that ``wanted`` names need, each after those it needs itself.

    Names in ``given`` are arguments that the parameters bring. Raises ``UserError`` for a name that
    is unknown and for fixtures that need each other.
    """
    ordered: dict[str, Fixture] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in given or name in ordered:
            return
        if name in above:
            raise fail(f"fixtures need each other: {' -> '.join([*above, name])}")
        fixture = known.get(name)
        if fixture is None:
            raise fail(
                f"fixture {name!r} not found",
                f"fixtures on the device: {', '.join(sorted(known))}",
            )
        for need in fixture.needs:
            add(need, (*above, name))
        ordered[name] = fixture

    for name in [f.name for f in known.values() if f.autouse] + list(wanted):
        add(name, ())
    return list(ordered.values())


def _imported(path: Path, node: ast.ImportFrom) -> dict[str, Fixture]:
    module = node.module or ""
    own = f"services.{path.parents[1].name}.tests."
    if node.level != 1:
        if not module.startswith(own):
            return {}
        module = module.removeprefix(own)
    file = path.parent.joinpath(*module.split(".")).with_suffix(".py")
    if not module or not file.is_file():
        return {}
    there = _own(file, parsed(read_text(file, file.name)))
    return {a.asname or a.name: there[a.name] for a in node.names if a.name in there}


def _own(path: Path, tree: ast.Module) -> dict[str, Fixture]:
    found = {}
    for node in tree.body:
        if isinstance(node, Function):
            for decorator in node.decorator_list:
                if is_pytest(decorator, ("fixture",)):
                    fixture = _fixture(path, node, decorator)
                    found[fixture.name] = fixture
    return found


def _fixture(path: Path, node: Function, decorator: ast.expr) -> Fixture:
    name, autouse = node.name, False
    for keyword in decorator.keywords if isinstance(decorator, ast.Call) else []:
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if keyword.arg == "autouse":
            autouse = bool(value)
        elif keyword.arg == "name":
            name = str(value)
        elif keyword.arg != "scope" or value != "function":
            raise fail(
                f"the fixture {node.name} has {keyword.arg}={ast.unparse(keyword.value)}",
                "fixtures of device tests are made for each test: use autouse and name only",
                Where(str(path), decorator.lineno),
            )
    yields = any(isinstance(n, ast.Yield) for n in ast.walk(node))
    words = ["async"] * isinstance(node, ast.AsyncFunctionDef) + ["yields"] * yields
    return Fixture(name, node.name, " ".join(words), arguments(node), autouse)
