"""A test file for the device: assertions that show their values, no marks, a smaller ``pytest``.

Lines keep their numbers. What an assertion becomes is described in ``torpor_test.check``.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from typing import TypeGuard, cast

from ..link.edits import Edits
from ..python_names import parsed

_CHECK = "_torpor_check"
DEVICE_NAMES = ("approx", "fail", "raises", "skip")  # of pytest, what there is on the device
_OPERATORS = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
_SCOPES = ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def for_device(source: str) -> str:
    """The device's text of a test module. Raises ``SyntaxError``."""
    tree = parsed(source)
    edits = Edits(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            edits.replace(*edits.span(node), rewritten(node))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            _import(edits, node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            _decorators(edits, node)
        elif is_marks(node):
            edits.replace(*edits.span(node), "pass")
    return f"{edits.apply()}\nimport torpor_test.check as {_CHECK}\n"


def rewritten(node: ast.Assert) -> str:
    """The statement that stands in for an assertion, on one line."""
    numbering = _Calls()
    test = cast(ast.expr, numbering.visit(copy.deepcopy(node.test)))
    message = "" if node.msg is None else ast.unparse(node.msg)
    return " and ".join(f"({part} or {_CHECK}.fail({message}))" for part in _parts(test))


def calls(node: ast.Assert) -> list[str]:
    """The calls in an assertion by their numbers, as they are written."""
    numbering = _Calls()
    numbering.visit(copy.deepcopy(node.test))
    return numbering.texts


def is_marks(node: ast.AST) -> TypeGuard[ast.Assign]:
    """Whether it is ``pytestmark = ...``, which is for the host."""
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "pytestmark"
    )


def is_pytest(decorator: ast.expr, names: Sequence[str] = ("fixture", "mark")) -> bool:
    """Whether a decorator is pytest's: ``@pytest.mark.skip``, ``@fixture``."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    words = ast.unparse(called).split(".")
    return (words[0] == "pytest" and words[1:2] != [] and words[1] in names) or words[0] in names


def _parts(test: ast.expr) -> Iterator[str]:
    """The comparisons of an assertion; those that ``and`` joins fail on their own."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for value in test.values:
            yield from _parts(value)
    elif isinstance(test, ast.Compare):
        operators = [_OPERATORS[type(op)] for op in test.ops]
        values = ", ".join(ast.unparse(v) for v in [test.left, *test.comparators])
        if len(operators) == 1:
            yield f"{_CHECK}.compare({operators[0]!r}, {values})"
        else:
            yield f"{_CHECK}.chain({tuple(operators)!r}, {values})"
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield f"{_CHECK}.false({ast.unparse(test.operand)})"
    else:
        yield f"{_CHECK}.true({ast.unparse(test)})"


class _Calls(ast.NodeTransformer):
    """Numbers the calls of an assertion and has their results noted."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, _SCOPES):
            return node
        if isinstance(node, ast.Await):
            number = self._number(node)
            if isinstance(node.value, ast.Call):
                self._chain(node.value)
                node.value.args = [self.visit(a) for a in node.value.args]  # type: ignore[misc]
            return _call("seen", ast.Constant(number), node)
        if isinstance(node, ast.Call):
            return self._call(node)
        return cast(ast.AST, super().visit(node))

    def _call(self, node: ast.Call) -> ast.Call:
        plain = not node.keywords and not any(isinstance(a, ast.Starred) for a in node.args)
        number = self._number(node)
        self._chain(node)
        if not plain:
            return _call("seen", ast.Constant(number), node)
        arguments = [self.visit(argument) for argument in node.args]
        return _call("call", ast.Constant(number), node.func, *arguments)

    def _chain(self, node: ast.Call) -> None:
        """Note the calls that lead to the function: ``room()`` in ``room().mean()``."""
        if isinstance(node.func, ast.Attribute):
            node.func.value = cast(ast.expr, self.visit(node.func.value))

    def _number(self, node: ast.expr) -> int:
        self.texts.append(ast.unparse(node))
        return len(self.texts) - 1


def _call(name: str, *arguments: ast.AST) -> ast.Call:
    function = ast.Attribute(ast.Name(_CHECK, ast.Load()), name, ast.Load())
    return ast.Call(function, list(arguments), [])  # type: ignore[arg-type]


def _import(edits: Edits, node: ast.Import | ast.ImportFrom) -> None:
    if isinstance(node, ast.Import):
        if any(alias.name == "pytest" for alias in node.names):
            names = [
                f"torpor_test as {a.asname or 'pytest'}" if a.name == "pytest" else ast.unparse(a)
                for a in node.names
            ]
            edits.replace(*edits.span(node), f"import {', '.join(names)}")
    elif node.module == "pytest" and not node.level:
        kept = [ast.unparse(a) for a in node.names if a.name in DEVICE_NAMES]
        text = f"from torpor_test import {', '.join(kept)}" if kept else "pass"
        edits.replace(*edits.span(node), text)


def _decorators(edits: Edits, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    text = edits.text
    starts = [text.rindex("@", 0, edits.span(d)[0]) for d in node.decorator_list]
    starts.append(edits.span(node)[0])
    for decorator, start, end in zip(node.decorator_list, starts, starts[1:], strict=False):
        if is_pytest(decorator):
            edits.blank(start, text.rindex("\n", start, end))
