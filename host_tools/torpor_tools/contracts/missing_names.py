"""Explains mypy's messages about names that CPython has and the firmware lacks.

The stubs omit such names (``trim_stubs.py``), so mypy reports "has no attribute", as for a misspelt
name.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import re
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from .firmware import ALIKE, PORTABLE, Firmware
from .replacements import INSTEAD
from .rules.run_time import has_step
from .source import Module

Explanation = tuple[str, str]  # what, remedy

_ATTRIBUTE = re.compile(
    r'^"(?:type\[)?(?P<cls>\w+)(?:\[.*\])?\]?" has no attribute "(?P<name>\w+)"'
)
_NAME = re.compile(r'^Name "(?P<name>\w+)" is not defined')
_IN_MODULE = re.compile(r'^Module (?:"(?P<module>[\w.]+)" )?has no attribute "(?P<name>\w+)"')
# mypy's message about an import that may fail, and its messages about the replacement.
_OF_GUARDED = (
    "Cannot find implementation or library stub",
    "Incompatible types in assignment",
    "Cannot assign to a type",
    "Incompatible import of",
    "Name ",  # "x" already defined
    "Function ",  # "x" could always be true in boolean context
)
_ALWAYS_TRUE = re.compile(r'Function "(?:\w+\.)*(\w+)" could always be true')
_SLICE = re.compile(r'slice\[[^"]*" for "(?P<cls>\w+)')
_SLICE_OF = re.compile(r'"__(?:set|del)item__" of "(?P<cls>\w+)".*"slice\[')
_OPERATOR = re.compile(r'^Unsupported left operand type for (?P<sign>\S+) \("(?P<cls>dict_\w+)\[')
_OF_FUNCTION = re.compile(r'^"(?:Callable|def)\b.*" has no attribute "(?P<name>__\w+__)"')
# ``trim_stubs.py`` replaces methods that only an abstract class of the stubs has with these.
_INHERITED = re.compile(r'^"_(?P<cls>\w+)_has_no_(?P<name>\w+)" not callable')
_CALL = re.compile(r'"(?P<function>\w+)"(?: of "(?P<cls>\w+)(?:\[.*\])?")?')
_CALL_CODES = ("call-arg", "call-overload")
# Where CPython has the classes that the stubs name.
_HOMES = ("builtins", "asyncio", "collections", "re", "array", "io", "socket", "ssl", "struct")


def explain(
    code: str, text: str, module: Module | None, place: tuple[int, int], has: Firmware
) -> Explanation | None:
    """Return what the firmware lacks and what to write instead; None for another mistake.

    ``place`` is line and column (from 0) in ``module``.
    """
    if code == "name-defined" and (match := _NAME.match(text)):
        return _builtin(match["name"])
    if (match := _OF_FUNCTION.match(text)) and hasattr(FunctionType, match["name"]):
        remedy = INSTEAD.get(f"function.{match['name']}", "keep it in a variable of your own")
        return f"MicroPython's functions have no {match['name']}", remedy
    if match := _ATTRIBUTE.match(text) or _INHERITED.match(text):
        return _member(match["cls"], match["name"])
    if match := _IN_MODULE.match(text):
        return _function(match["module"] or module_at(module, place, text), match["name"])
    if "slice[" in text and (match := _SLICE.search(text) or _SLICE_OF.search(text)):
        return _slice(match["cls"], assigned=_is_assigned(module, place))
    if match := _OPERATOR.match(text):
        remedy = INSTEAD.get(f"dict_keys.{match['sign']}", "make sets of both first")
        what = f"MicroPython's {match['cls']} is not a set: it has no {match['sign']}"
        return what, remedy
    if code in _CALL_CODES and module is not None:
        return next(_calls(text, module, place, has), None)
    return None


def is_false_alarm(text: str, module: Module | None, place: tuple[int, int]) -> bool:
    """Return whether mypy refuses code that MicroPython accepts.

    That is a slice with the step 1, and an import that may fail (``except ImportError``), with the
    replacement for it.
    """
    if module and text.startswith(_OF_GUARDED) and _is_guarded(module, place[0], text):
        return True
    if module is None or not ("slice[" in text and (_SLICE.search(text) or _SLICE_OF.search(text))):
        return False
    column = place[1]
    slices = [n for n in _nodes(module, place, ast.Slice) if n.col_offset == column]
    return bool(slices) and not has_step(slices[0])


def _is_guarded(module: Module, line: int, text: str) -> bool:
    """Return whether mypy means an import whose failure is caught, or its replacement."""
    always = _ALWAYS_TRUE.match(text)
    for node in ast.walk(module.tree):
        caught = [h for h in node.handlers if _is_import(h)] if isinstance(node, ast.Try) else []
        if not caught:
            continue
        assert isinstance(node, ast.Try)
        imports = [s for s in node.body if isinstance(s, ast.Import | ast.ImportFrom)]
        names = {alias.asname or alias.name for each in imports for alias in each.names}
        if always:
            if always[1] in names:
                return True
        elif text.startswith(_OF_GUARDED[0]):
            if any(each.lineno <= line <= (each.end_lineno or line) for each in imports):
                return True
        elif any(s.lineno == line and names & set(_bound(s)) for h in caught for s in h.body):
            return True
    return False


def _bound(node: ast.stmt) -> list[str]:
    """Return the names that a statement of a handler sets."""
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    return []


def _is_import(handler: ast.ExceptHandler) -> bool:
    """Return whether a handler catches the failure of an import."""
    names = {ast.unparse(n) for n in ast.walk(handler.type)} if handler.type else {"ImportError"}
    return bool(names & {"ImportError", "Exception"})


def _builtin(name: str) -> Explanation | None:
    if not hasattr(builtins, name):
        return None
    kind = getattr(builtins, name)
    is_error = isinstance(kind, type) and issubclass(kind, BaseException)
    remedy = INSTEAD.get(name) or ("catch Exception" if is_error else "write it out")
    return f"MicroPython has no {name}", remedy


def _member(cls: str, name: str) -> Explanation | None:
    key = f"{cls}.{name}"
    if key not in INSTEAD and not any(hasattr(kind, name) for kind in _classes(cls)):
        return None
    if cls == "bytes" or cls == "bytearray":
        remedy = INSTEAD.get(key) or INSTEAD.get(f"bytes.{name}") or INSTEAD.get(f"str.{name}")
    else:
        remedy = INSTEAD.get(key)
    for kind in _classes(cls):
        if not remedy and issubclass(kind, BaseException):
            remedy = INSTEAD.get(f"Exception.{name}")
    return f"MicroPython's {cls} has no {name}", remedy or "write it out"


def _classes(name: str) -> Iterator[type]:
    """Yield CPython's classes of that name from all modules that the stubs cover."""
    for home in _HOMES:
        kind = getattr(importlib.import_module(home), name, None)
        if isinstance(kind, type):
            yield kind


def _function(module: str, name: str) -> Explanation | None:
    """Explain a function or constant that CPython's module has."""
    top = module.removeprefix("u")
    for known in (module, top):
        if f"{known}.{name}" in INSTEAD or (known in _STANDARD and _is_there(known, name)):
            remedy = INSTEAD.get(f"{known}.{name}") or "write it out"
            return f"MicroPython has no {known}.{name}", remedy
    return None


# Modules of CPython that boards have too.
_STANDARD = f"{PORTABLE} {ALIKE}".split()


def _is_there(module: str, name: str) -> bool:
    try:
        return hasattr(importlib.import_module(module), name)
    except ImportError:  # micropython, deflate
        return False


def _slice(cls: str, assigned: bool) -> Explanation:
    kind = "takes no values for" if assigned else "has no"
    remedy = INSTEAD.get(f"{cls}[::]", "write a loop over range(0, len(x), step)")
    return f"MicroPython's {cls} {kind} slices with a step", remedy


def _is_assigned(module: Module | None, place: tuple[int, int]) -> bool:
    """Return whether a line assigns to a slice or deletes one."""
    nodes = _nodes(module, place, ast.Subscript) if module else []
    slices = [node for node in nodes if isinstance(node.slice, ast.Slice)]
    return any(not isinstance(node.ctx, ast.Load) for node in slices)


# -- calls


def _calls(
    text: str, module: Module, place: tuple[int, int], has: Firmware
) -> Iterator[Explanation]:
    match = _CALL.search(text.partition(" for ")[2] or text)
    if not match:
        return
    function = match["function"]
    name = f"{match['cls']}.{function}" if match["cls"] else function
    for call in _nodes(module, place, ast.Call):
        called = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
        if called != function:
            continue
        origin = module.origin(call.func)
        for keyword in call.keywords:
            for key in (f"{name}({keyword.arg})", f"{origin}({keyword.arg})"):
                if _is_refused(key, has) or key in INSTEAD:
                    shown = key.partition("(")[0]
                    remedy = _of(key) or f"pass {keyword.arg} by position, without its name"
                    yield f"MicroPython's {shown} takes no {keyword.arg}=", remedy
        for count in range(1, len(call.args) + 1):
            for known in (name, origin):
                if _is_refused(f"{known}/{count}", has):
                    what = f"MicroPython's {known} takes fewer than {count} argument"
                    remedy = _of(f"{known}/{count}") or "leave out the last one"
                    yield what + "s" * (count > 1), remedy


def _is_refused(key: str, has: Firmware) -> bool:
    return key in has.refused or key.replace("bytearray", "bytes", 1) in has.refused


def _of(key: str) -> str | None:
    """Return the remedy for a key; remedies that bytes, bytearray and str share are listed once."""
    name, dot, rest = key.partition(".")
    names = (key, f"bytes.{rest}", f"str.{rest}") if name in ("bytes", "bytearray") else (key,)
    return next((INSTEAD[n] for n in names if n in INSTEAD), None) if dot else INSTEAD.get(key)


def module_at(module: Module | None, place: tuple[int, int], text: str) -> str:
    """Return the dotted name of the module that lacks something according to mypy's message.

    ``place`` is line and column (from 0) in ``module``.
    """
    match = _IN_MODULE.match(text)
    if not match or match["module"] or module is None:
        return (match["module"] or "") if match else ""
    for node in _nodes(module, place, ast.Attribute):
        if node.attr == match["name"]:
            return module.origin(node.value)
    return ""


def _nodes(module: Module, place: tuple[int, int], kind: type[Any]) -> list[Any]:
    """Return the nodes of a kind in a line, those at the column first."""
    line, column = place
    nodes = [n for n in ast.walk(module.tree) if isinstance(n, kind) and n.lineno == line]
    return sorted(nodes, key=lambda node: node.col_offset != column)
