"""Rules for a service's migrations, each file of ``migrations/`` by itself, and all in order."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ...errors import Problem, Where
from ...suggest import counted
from ..source import Module, Source

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+")


def _stem(module: Module) -> str:
    return module.file.rpartition("/")[2].removesuffix(".py")


def migrations_are_named(source: Source) -> Iterator[Problem]:
    """A migration's file is called ``0001_create_readings.py``."""
    for module in source.migrations:
        if not _NAME.fullmatch(_stem(module)):
            what = f"{_stem(module)}.py is not a valid name for a migration"
            remedy = "four digits and what it does: 0001_create_readings.py"
            yield Problem(Where(module.file), what, remedy)


def migrations_are_numbered(source: Source) -> Iterator[Problem]:
    """Numbers begin at 0001 and have neither gaps nor duplicates."""
    expected = 1
    before: Module | None = None
    for module in source.migrations:
        match = _NAME.fullmatch(_stem(module))
        if not match:
            continue
        number = int(match[1])
        if before and number == expected - 1:
            what = f"two migrations have the number {match[1]}: {_stem(before)} and {_stem(module)}"
            yield Problem(Where(module.file), what, f"call the later one {expected:04}_...")
        elif number != expected:
            what = f"found migration {match[1]} instead of {expected:04}"
            yield Problem(Where(module.file), what, "number them 0001, 0002, ... without a gap")
            expected = number + 1
        else:
            expected += 1
        before = module


def migrations_have_up(source: Source) -> Iterator[Problem]:
    """Each has a plain ``def up(db)``, which the kernel calls."""
    for module in source.migrations:
        found = [n for n in module.tree.body if getattr(n, "name", "") == "up"]
        remedy = "write `def up(db):`; docs/store.md describes db"
        if not found:
            yield Problem(Where(module.file), "the migration has no function up", remedy)
        for node in found:
            if what := _wrong_up(node):
                yield module.problem(node, f"{what}: the kernel calls up(db)", remedy)


def _wrong_up(node: ast.stmt) -> str:
    if isinstance(node, ast.ClassDef):
        return "up is a class"
    if isinstance(node, ast.AsyncFunctionDef):
        return "up must not be async"
    assert isinstance(node, ast.FunctionDef)
    a = node.args
    required = len(a.posonlyargs) + len(a.args) - len(a.defaults)
    if required > 1:
        return f"up takes {counted(required, 'argument')}"
    if any(default is None for default in a.kw_defaults):
        return "up takes a keyword-only argument"
    if not (a.posonlyargs or a.args or a.vararg):
        return "up takes no argument"
    if any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in ast.walk(node)):
        return "up yields, so none of its code would run"
    return ""


def migrations_stand_alone(source: Source) -> Iterator[Problem]:
    """They import nothing from services: they must do the same after that code has changed."""
    for module in source.migrations:
        for node in ast.walk(module.tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [module.imported_from(node)]
            for name in names:
                if name.partition(".")[0] == "services":
                    what = f"a migration imports {name}, which may change later"
                    yield module.problem(node, what, "copy what it needs into the migration")
