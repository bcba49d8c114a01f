"""Explains why mpy-cross refuses a module.

mpy-cross reports "invalid syntax" and a line. This module knows the constructs that CPython accepts
and MicroPython 1.29 does not; a test checks that mpy-cross refuses each of them.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator

from ..errors import Problem, Where
from ..python_names import parsed
from ..python_text import newer_syntax
from .module import Module

Explanation = tuple[str, str]  # what, remedy


def _comprehension(node: ast.AST) -> Explanation | None:
    parts: list[ast.comprehension] = getattr(node, "generators", [])
    if not parts:
        return None
    outside = set(ast.walk(parts[0].iter))  # evaluated before the comprehension begins
    awaits = [n for n in ast.walk(node) if isinstance(n, ast.Await) and n not in outside]
    if awaits or any(part.is_async for part in parts):
        what = "MicroPython has no async comprehensions, and no await inside a comprehension"
        return what, "write a loop that appends to a list"
    return None


def _function(node: ast.AST) -> Explanation | None:
    if isinstance(node, ast.arguments) and node.posonlyargs:
        return "MicroPython has no positional-only arguments", "leave out the `/`"
    return None


def _unpacking(node: ast.AST) -> Explanation | None:
    if isinstance(node, ast.Dict) and None in node.keys:
        return "MicroPython has no ** inside a dict display", "copy the dict and call update()"
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        stored = isinstance(getattr(node, "ctx", None), ast.Store)
        if not stored and any(isinstance(item, ast.Starred) for item in node.elts):
            return "MicroPython has no * inside a list, tuple or set display", "add lists with +"
    return None


def _conversion(node: ast.AST) -> Explanation | None:
    if isinstance(node, ast.FormattedValue) and node.conversion == ord("a"):
        return "MicroPython has no conversion !a", "write !r"
    return None


def _decorator(node: ast.AST) -> Explanation | None:
    for decorator in getattr(node, "decorator_list", []):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not re.fullmatch(r"[\w.]+", ast.unparse(called)):
            return "MicroPython's decorators are names or calls of names", "give it a name first"
    return None


def _statement(node: ast.AST) -> Explanation | None:
    kind = type(node).__name__
    if kind == "Match":
        return "MicroPython has no match statement", "write if and elif"
    if kind == "TryStar":
        return "MicroPython has no except*", "write except"
    if kind == "TypeAlias":
        return (
            "MicroPython has no type statement",
            "write it as `X = ...`",
        )
    if getattr(node, "type_params", None):
        return "MicroPython has no type parameters", "use a TypeVar under `if TYPE_CHECKING:`"
    return None


_RULES: tuple[Callable[[ast.AST], Explanation | None], ...] = (
    _statement,
    _comprehension,
    _function,
    _unpacking,
    _conversion,
    _decorator,
)

# Part of mpy-cross's message -> what finds the place in the source, what, remedy.
_MESSAGES = {
    "unicode name escapes": (
        r"\\N\{",
        r"MicroPython has no \N{...} in strings",
        r"write the character itself or \uXXXX",
    ),
    "invalid arch": (
        r"@micropython\.",
        "native code (@micropython.native, viper, asm) runs on one kind of chip only",
        "leave out the decorator: an image must also run in the simulator",
    ),
}


def explain(module: Module, output: str) -> list[Problem]:
    """The problems of a module that mpy-cross refused with ``output``.

    All constructs that MicroPython lacks are reported, not only the first. If there are none, the
    message of mpy-cross is reported.
    """
    known = sorted(set(_unsupported(module)), key=lambda problem: problem.where or Where(""))
    if known:
        return known
    lines = [int(number) for number in re.findall(r"line (\d+)", output)]
    where = Where(module.file, lines[-1] if lines else 0)
    message = output.strip().rpartition("\n")[2]
    for part, (pattern, what, remedy) in _MESSAGES.items():
        if part in message:
            place = re.search(pattern, module.source)
            line = module.source.count("\n", 0, place.start()) + 1 if place else where.line
            return [Problem(Where(module.file, line), what, remedy)]
    text = module.source.split("\n")
    if newer := newer_syntax(text[where.line - 1] if 0 < where.line <= len(text) else ""):
        return [Problem(where, *newer)]
    what = f"MicroPython does not accept this: {message.removeprefix('SyntaxError: ')}"
    return [Problem(where, what, "write the line in simpler Python; CPython accepts more forms")]


def misread(module: Module) -> Iterator[Problem]:
    """Report code that mpy-cross accepts but misreads: ``with (a, b):`` as one tuple."""
    nodes = [n for n in ast.walk(parsed(module.source)) if isinstance(n, ast.With | ast.AsyncWith)]
    if not nodes:
        return
    tokens = list(tokenize.generate_tokens(io.StringIO(module.source).readline))
    places = {token.start: i for i, token in enumerate(tokens)}
    for node in nodes:
        first = places[node.lineno, node.col_offset] + (2 if isinstance(node, ast.AsyncWith) else 1)
        several = len(node.items) > 1 or node.items[0].optional_vars is not None
        if several and tokens[first].string == "(" and _after(tokens, first) == ":":
            what = "MicroPython has no parentheses around the items of a with statement"
            yield Problem(
                Where(module.file, node.lineno), what, "leave them out, or nest two withs"
            )


def _unsupported(module: Module) -> Iterator[Problem]:
    for node in ast.walk(parsed(module.source)):
        for rule in _RULES:
            found = rule(node)
            if found:
                yield Problem(Where(module.file, _line(node)), *found)
    yield from misread(module)


def _line(node: ast.AST) -> int:
    if isinstance(node, ast.arguments):
        return node.posonlyargs[0].lineno
    return getattr(node, "lineno", 0)


def _after(tokens: list[tokenize.TokenInfo], at: int) -> str:
    """Return the token after the bracket that closes the one at ``at``."""
    depth = 0
    for i in range(at, len(tokens)):
        depth += tokens[i].string in ("(", "[", "{")
        depth -= tokens[i].string in (")", "]", "}")
        if depth == 0:
            return tokens[i + 1].string
    raise AssertionError("ast would not have parsed this")
