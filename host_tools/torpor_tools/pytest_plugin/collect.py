"""A test file as pytest sees it: its tests with their marks, read without running the file.

The file is MicroPython and is not imported. A module with the same functions, without bodies,
replaces it, so that pytest handles it like any other: parametrize, marks, classes, selection.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from ..errors import UserError
from ..python_names import parsed
from ..text import read_text
from . import source
from .rewrite import is_marks
from .unawaited import unawaited


class DeviceFile(pytest.Module):
    """``services/<name>/tests/test_*.py``, or a test file below ``lib/``."""

    @cached_property
    def root(self) -> Path:
        """The project's folder."""
        return next(p for p in self.path.parents if (p / "cluster.toml").is_file())

    @property
    def service(self) -> str | None:
        """The service that is tested; None in ``lib/``."""
        parts = self.path.relative_to(self.root).parts
        return parts[1] if parts[0] == "services" else None

    @property
    def module_name(self) -> str:
        """The module's name on the device."""
        return ".".join(self.path.relative_to(self.root).with_suffix("").parts)

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        try:
            text = read_text(self.path, str(self.path))
        except UserError as error:
            raise self.CollectError(str(error)) from None
        try:
            tree = parsed(text, str(self.path))
        except SyntaxError as error:
            raise self.CollectError(f"{self.path}:{error.lineno}: {error.msg}") from None
        if found := sorted(unawaited(tree)):
            lines = [f"{self.path}:{line}: {call}() is not awaited" for line, call in found]
            raise self.CollectError("\n".join([*lines, "    write await before the call"]))
        of_lib = self.service is None
        self.fixtures = source.fixtures(
            self.path, tree, source.OF_LIB if of_lib else source.BUILT_IN
        )
        self.arguments = dict(_arguments(tree))
        self.obj = self._shell(tree)
        yield from super().collect()

    def _shell(self, tree: ast.Module) -> ModuleType:
        """The module that stands in for the file."""
        module = ModuleType(self.module_name)
        module.__file__ = str(self.path)
        names = module.__dict__
        names["pytest"] = pytest
        for node in tree.body:
            if isinstance(node, source.Function) and node.name.startswith("test"):
                self._define(_bare(node), names)
            elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                self._define(_bare_class(node), names)
            elif (isinstance(node, ast.ImportFrom) and node.module == "pytest") or is_marks(node):
                self._define(node, names)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                # Data for parametrize; what only MicroPython can compute is not for the host.
                try:
                    self._run(node, names)
                except Exception:
                    continue
        _hide_arguments(names)
        return module

    def _define(self, node: ast.stmt, names: dict[str, Any]) -> None:
        try:
            self._run(node, names)
        except NameError as error:
            raise self.CollectError(
                f"{self.path}:{node.lineno}: {error}\n"
                "    marks are evaluated on the host: use plain values and names of this file"
            ) from None

    def _run(self, node: ast.stmt, names: dict[str, Any]) -> None:
        code = ast.Module([node], [])
        exec(compile(ast.fix_missing_locations(code), str(self.path), "exec"), names)


def _arguments(tree: ast.Module) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each test's name, with its class, and the names of its arguments."""
    for node in tree.body:
        if isinstance(node, source.Function):
            yield node.name, source.arguments(node)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, source.Function):
                    yield f"{node.name}.{inner.name}", source.arguments(inner)


def _bare(node: source.Function) -> ast.FunctionDef:
    """The function without its body and its annotations."""
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(a.arg) for a in (*node.args.posonlyargs, *node.args.args)],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[],
    )
    bare = ast.FunctionDef(node.name, arguments, [ast.Pass()], node.decorator_list, None)
    return ast.copy_location(bare, node)


def _bare_class(node: ast.ClassDef) -> ast.ClassDef:
    body: list[ast.stmt] = [_bare(n) for n in node.body if isinstance(n, source.Function)]
    bare = ast.ClassDef(node.name, [], [], body or [ast.Pass()], node.decorator_list)
    return ast.copy_location(bare, node)


def _hide_arguments(names: dict[str, Any]) -> None:
    """Leave to pytest only the arguments that parameters fill: the device has the others."""
    outer = _parametrized(names.get("pytestmark"))
    for value in list(names.values()):
        if isinstance(value, FunctionType):
            _sign(value, outer)
        elif isinstance(value, type):
            inner = outer | _parametrized(getattr(value, "pytestmark", None))
            for method in vars(value).values():
                if isinstance(method, FunctionType):
                    _sign(method, inner)


def _sign(function: Callable[..., Any], outer: set[str]) -> None:
    filled = outer | _parametrized(getattr(function, "pytestmark", None))
    signature = inspect.signature(function)
    kept = [p for name, p in signature.parameters.items() if name in filled or name == "self"]
    function.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]


def _parametrized(marks: Any) -> set[str]:
    """The arguments that ``pytest.mark.parametrize`` fills."""
    names: set[str] = set()
    for mark in marks if isinstance(marks, list | tuple) else [marks] if marks else []:
        mark = getattr(mark, "mark", mark)
        assert mark is not None
        if mark.name == "parametrize":
            given = mark.args[0] if mark.args else mark.kwargs["argnames"]
            parts = given.split(",") if isinstance(given, str) else given
            names |= {part.strip() for part in parts}
    return names
