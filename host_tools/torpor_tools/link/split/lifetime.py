"""Finds objects that code leaves behind when it is released, and that would keep it loaded."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from ...errors import Problem, Where
from ...python_names import imported_from, parsed
from ..module import Module
from ..scope import Function

# Functions that call a function argument and do not keep it.
_USES = {
    "all",
    "any",
    "dict",
    "enumerate",
    "filter",
    "iter",
    "list",
    "map",
    "max",
    "min",
    "next",
    "set",
    "sort",
    "sorted",
    "sum",
    "tuple",
    "zip",
    "join",
    "getattr",
    "isinstance",
    "extend",
    "run",
}
_CONTAINERS = (ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Starred, ast.IfExp, ast.BoolOp)

Escape = tuple[ast.AST, str, str]  # where, what and the remedy


def escapes(node: ast.stmt, moving: Mapping[str, ast.stmt]) -> Iterator[Escape]:
    """Report what a piece of code defines that would outlive it.

    Args:
        node: A function, a class or a constant that moves.
        moving: What is released together with it, by name.

    Yields:
        The place, what is wrong, and the remedy.
    """
    if isinstance(node, ast.ClassDef):
        for method in node.body:
            if isinstance(method, Function):
                yield from _Body(method, moving).escapes()
    elif isinstance(node, Function):
        yield from _Body(node, moving).escapes()


class _Body:
    """The body of one function."""

    def __init__(self, node: ast.stmt, moving: Mapping[str, ast.stmt]) -> None:
        self.node = node
        self.moving = moving
        self.name: str = getattr(node, "name", "this")
        self.parents = {c: p for p in ast.walk(node) for c in ast.iter_child_nodes(p)}
        self.inside = {
            each.name: each
            for each in ast.walk(node)
            if isinstance(each, (*Function, ast.ClassDef)) and each is not node
        }
        self.outside = {
            n for each in ast.walk(node) if isinstance(each, ast.Global) for n in each.names
        }

    def escapes(self) -> Iterator[Escape]:
        for name, definition in self.inside.items():
            if name in self.outside:
                way = "becomes a variable of the module"
                yield self._kept(definition, _kind(definition), way)
        for each in ast.walk(self.node):
            if (kind := self._defined(each)) and (way := self._way_out(each)):
                yield self._kept(each, kind, way)

    def _kept(self, node: ast.AST, kind: str, way: str) -> Escape:
        what = f"{kind} of {self.name}, which is loaded only while it runs, {way}"
        return node, what, "define it outside marked code, or remove the mark"

    def _defined(self, node: ast.AST) -> str:
        """Return the kind of object that an expression makes and that holds the code, or ""."""
        if isinstance(node, ast.Lambda):
            return "a lambda"
        if isinstance(node, ast.GeneratorExp):
            return "a generator"
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found = self.inside.get(node.id) or self.moving.get(node.id)
            parent = self.parents.get(node)
            called = isinstance(parent, ast.Call) and parent.func is node
            if found and not called and not isinstance(parent, ast.ExceptHandler):
                return f"{_kind(found)} {node.id}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found = self.inside.get(node.func.id) or self.moving.get(node.func.id)
            if isinstance(found, ast.ClassDef):
                return f"an object of the class {found.name}"
            if isinstance(found, ast.FunctionDef) and _is_generator(found):
                return f"the generator {found.name}"
        return ""

    def _way_out(self, node: ast.AST) -> str:
        """Return how a value outlives the call, or ""."""
        child, parent = node, self.parents[node]
        while isinstance(parent, (*_CONTAINERS, ast.keyword)):
            child, parent = parent, self.parents[parent]
        if isinstance(parent, ast.Return):
            generator = isinstance(node, ast.Call) and "generator" in self._defined(node)
            return "" if generator else "is returned"
        if isinstance(parent, ast.Yield):
            return "is yielded"
        if isinstance(parent, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
            for target in targets:
                if isinstance(target, ast.Attribute | ast.Subscript):
                    return f"is stored in {ast.unparse(target)}"
                if isinstance(target, ast.Name) and target.id in self.outside:
                    return f"is stored in {target.id}"
        if isinstance(parent, ast.Call) and child is not parent.func:
            return self._given(node, parent)
        return ""

    def _given(self, node: ast.AST, call: ast.Call) -> str:
        """Return how a call that gets the value may keep it, or ""."""
        called = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
        ours = called in self.moving or called in self.inside
        if called in ("append", "add", "insert", "setdefault", "put", "register", "setattr"):
            return "" if self._is_local(call.func) else f"is given to {ast.unparse(call.func)}"
        if isinstance(node, ast.GeneratorExp | ast.Call) or ours or called in _USES:
            return ""  # the call consumes it
        return f"is given to {ast.unparse(call.func)}, which may keep it"

    def _is_local(self, function: ast.expr) -> bool:
        """Return whether a method belongs to a local variable, which ends with the call."""
        if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
            return False
        name = function.value.id
        return any(
            isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Store)
            for each in ast.walk(self.node)
        )


def _kind(node: ast.AST) -> str:
    return "the class" if isinstance(node, ast.ClassDef) else "the function"


def _is_generator(node: ast.FunctionDef) -> bool:
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node))


def held(module: Module, whole: dict[str, str]) -> Iterator[Problem]:
    """Report imports at the top of a module that keep a released module in the heap.

    Args:
        module: The module.
        whole: The modules that are released as a whole, by name, with their marks.
    """
    if module.name in whole or module.traced_as:
        return
    if not any(name.rpartition(".")[2] in module.source for name in whole):
        return
    for node in parsed(module.source).body:
        if isinstance(node, ast.ImportFrom):
            base = imported_from(node, module.package)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name in whole:
                where = Where(module.file, node.lineno, node.col_offset + 1)
                what = f"{name} is marked @{whole[name]}, and this import keeps it loaded"
                yield Problem(where, what, "import it in the function that uses it")
