"""Rules for calls of str, int and the like that mypy accepts and MicroPython does not."""

from __future__ import annotations

import ast
import codecs
import re
from collections.abc import Iterator
from string import Formatter

from ...errors import Problem
from ..read import Function
from ..source import Source
from ..source_module import Module

_BINARY = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "matmul": "@",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "lshift": "<<",
    "rshift": ">>",
    "and": "&",
    "or": "|",
    "xor": "^",
}
_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_FUNCTIONS = {
    **{n: n for n in ("abs", "bool", "bytes", "complex", "divmod", "float", "hash", "int", "iter")},
    **{n: n for n in ("len", "repr", "reversed", "round", "str")},
    "ceil": "math.ceil",
    "floor": "math.floor",
    "index": "int",
    "trunc": "int",
}
# A special method -> what to write instead. Those that MicroPython's dict, set or object has
# too, such as __getitem__ and __contains__, are not here: the type of the object is not known.
_INSTEAD = {
    **{f"__{name}__": f"x {sign} y" for name, sign in (_BINARY | _COMPARISONS).items()},
    **{f"__r{name}__": f"y {sign} x" for name, sign in _BINARY.items()},
    **{f"__i{name}__": f"x {sign}= y" for name, sign in _BINARY.items()},
    **{f"__{name}__": f"{function}(x)" for name, function in _FUNCTIONS.items()},
    "__neg__": "-x",
    "__pos__": "+x",
    "__invert__": "~x",
    "__format__": '"{:...}".format(x)',
    "__sizeof__": "len(x), or compare gc.mem_free() before and after",
}
# The methods that only some of these types have on MicroPython: literals of the others lack them.
_ITEMS = {
    "__contains__": "y in x",
    "__getitem__": "x[y]",
    "__setitem__": "x[y] = z",
    "__delitem__": "del x[y]",
}
_OF_DICTS = {name: _ITEMS[name] for name in ("__contains__",)}
_OF_SETS = {name: _ITEMS[name] for name in _ITEMS if name not in _OF_DICTS}
_LITERALS: dict[type[ast.expr], dict[str, str]] = {
    **dict.fromkeys((ast.List, ast.ListComp, ast.Tuple, ast.Constant, ast.JoinedStr), _ITEMS),
    **dict.fromkeys((ast.Dict, ast.DictComp), _OF_DICTS),
    **dict.fromkeys((ast.Set, ast.SetComp), _OF_SETS),
}
_CODECS = ("utf-8", "ascii")
# One conversion of a %-format: its length modifier and its letter.
_CONVERSION = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(?:\*|\d+)?(?:\.(?:\*|\d+))?([hlL]?)(.)", re.S)


def special_methods_are_not_called(source: Source) -> Iterator[Problem]:
    """``n.__add__(1)``: MicroPython's own types have operators and no methods for them."""
    defined = {
        node.name
        for module in source.modules
        for node in ast.walk(module.tree)
        if isinstance(node, Function)
    }
    for module in source.modules:
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
                continue
            is_super = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "super"
            lacking = _LITERALS.get(type(node.value), {}).get(node.attr)
            if lacking:
                what = f"{ast.unparse(node)}: MicroPython's own types have no {node.attr}"
                yield module.problem(node, what, f"write {lacking}")
            elif node.attr in _INSTEAD and node.attr not in defined and not is_super:
                what = f"{ast.unparse(node)}: MicroPython's own types have no {node.attr}"
                yield module.problem(node, what, f"write {_INSTEAD[node.attr]}")


def formats_are_known(source: Source) -> Iterator[Problem]:
    """``"{0[a]}".format(x)`` and ``"%a" % x``, which MicroPython cannot format."""
    for module in source.modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr == "format":
                    yield from _braces(module, node, _text(module, node.func.value))
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
                yield from _percents(module, node, _text(module, node.left))


def _text(module: Module, node: ast.expr) -> str:
    """Return the text that an expression stands for: a literal, or a constant of the module."""
    value = _constant_value(node)
    if isinstance(node, ast.Name):
        for statement in module.tree.body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == node.id:
                value = _constant_value(statement.value)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


def _braces(module: Module, node: ast.Call, text: str) -> Iterator[Problem]:
    try:
        fields = list(Formatter().parse(text))
    except ValueError:  # mypy reports it
        return
    for _, name, spec, conversion in fields:
        if name and ("." in name or "[" in name):
            what = f"the format {{{name}}}: MicroPython's format() cannot look into a value"
            yield module.problem(node, what, 'pass the part itself: "{}".format(x["a"])')
        if conversion == "a":
            what = f"the format {{{name}!a}}: MicroPython has no conversion !a"
            yield module.problem(node, what, "write !r")
        if spec:
            yield from _braces(module, node, spec)


def _percents(module: Module, node: ast.BinOp, text: str) -> Iterator[Problem]:
    for match in _CONVERSION.finditer(text):
        length, letter = match.groups()
        if length or letter in "ab":
            what = f"the format {match[0]}: MicroPython has no %{length}{letter}"
            remedy = f"write %{letter}" if length else "write %r" if letter == "a" else "write %s"
            yield module.problem(node, what, remedy)


def text_is_utf8(source: Source) -> Iterator[Problem]:
    """``s.encode("latin-1")``, which encodes to UTF-8 on a board, without an error."""
    for module in source.modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                for codec in _codecs(node):
                    what = f'the encoding "{codec}": MicroPython knows only UTF-8'
                    remedy = "use UTF-8, or take the bytes apart yourself: bytes(ord(c) for c in s)"
                    yield module.problem(node, what, remedy)
                for errors in _error_handlers(node):
                    what = f'the error handler "{errors}": MicroPython ignores it'
                    yield module.problem(node, what, "leave it out and catch UnicodeError")


def _arguments(node: ast.Call) -> list[ast.expr]:
    """Return the encoding and the error handler of a call that converts text, if it has them."""
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("encode", "decode"):
        return node.args[:2]
    if isinstance(node.func, ast.Name) and node.func.id in ("str", "bytes", "bytearray"):
        return node.args[1:3]
    return []


def _codecs(node: ast.Call) -> Iterator[str]:
    named = [k.value for k in node.keywords if k.arg == "encoding"]
    for argument in (*_arguments(node)[:1], *named):
        name = _constant(argument)
        if name and _is_other_codec(name):
            yield name


def _is_other_codec(name: str) -> bool:
    try:
        return codecs.lookup(name).name not in _CODECS and "".encode(name).decode(name) == ""
    except (LookupError, UnicodeError, TypeError):  # no codec, or none of text
        return False


def _error_handlers(node: ast.Call) -> Iterator[str]:
    for argument in _arguments(node)[1:]:
        name = _constant(argument)
        if name and name != "strict":
            yield name


def _constant(node: ast.expr) -> str:
    """Return the text of a literal, or an empty text."""
    value = _constant_value(node)
    return value if isinstance(value, str) else ""


def _constant_value(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None
