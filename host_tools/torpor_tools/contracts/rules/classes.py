"""Rules for how a service class is written, so that the contract as read is the one that runs.

The build reads a contract without running anything. Any way to give a class a method other than a
``def`` in its body is refused here, and not at the first request.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...errors import Problem
from ...python_names import is_foreign
from ..lineage import SERVICE, Class, base_of
from ..read import LIFECYCLE
from ..source import Source, decorator
from ..source_module import Module

_READ_ONLY = "the build reads the class without running it"
_Function = ast.FunctionDef | ast.AsyncFunctionDef
# Statements of a class body that are what they look like.
_PLAIN = (*_Function.__args__, ast.Assign, ast.AnnAssign, ast.ClassDef, ast.Pass)
HEAP_MARKS = ("torpor.cold.cold", "torpor.cold.startup")
_WRAPPERS = ("classmethod", "partial", "property", "staticmethod")


def bases_can_be_read(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """A service derives from ``Service`` and from classes of its own folder."""
    for part in source.lineage:
        for base in part.node.bases:
            text, origin = ast.unparse(base), part.module.origin(base)
            if is_foreign(origin, source.service) and origin.count(".") >= 2:
                what = f"{part.node.name} derives from {text}, the class of a service"
                remedy = "derive from Service; share code in a plain module or call a peer"
                yield part.module.problem(base, what, remedy)
            elif origin not in (SERVICE, "object") and not base_of(source.modules, part, base):
                what = f"{part.node.name} derives from {text}, whose methods the build cannot see"
                remedy = f"define the class {text} in this service, at the top level of a module"
                yield part.module.problem(base, what, remedy)


def classes_are_plain(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """No metaclass, no class decorator, no ``__getattr__``."""
    for part in source.lineage:
        name = part.node.name
        for keyword in part.node.keywords:
            text = f"{keyword.arg or '**'}="
            what = f"class {name}(..., {text}): MicroPython's classes take no keyword arguments"
            yield part.module.problem(part.node, what, "leave it out")
        for item in part.node.decorator_list:
            what = f"@{ast.unparse(item)} on {name} may change its methods: {_READ_ONLY}"
            yield part.module.problem(item, what, "leave it out; do its work in start")
        for node in part.node.body:
            if isinstance(node, _Function) and node.name in ("__getattr__", "__getattribute__"):
                what = f"{name}.{node.name} responds to names that are in no contract"
                remedy = "write a method for each name that others may call"
                yield part.module.problem(node, what, remedy)


def bodies_are_plain(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """A class body has methods and attributes, and no conditions, loops or other statements."""
    for part in source.lineage:
        for node in part.node.body:
            is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if not is_text and not isinstance(node, _PLAIN):
                kind = _keyword(node)
                what = f"`{kind}` in the body of {part.node.name}: {_READ_ONLY}"
                remedy = f"move it out of the class body{_instead(node)}"
                yield part.module.problem(node, what, remedy)


def _keyword(node: ast.stmt) -> str:
    words = {"Delete": "del", "AugAssign": "+=", "Expr": "a call", "ImportFrom": "import"}
    name = type(node).__name__
    return words.get(name, name.removeprefix("Async").lower())


def _instead(node: ast.stmt) -> str:
    if any(isinstance(inner, _Function) for inner in ast.walk(node)):
        return "; decide inside the method what it does"
    return "; set attributes in start"


def methods_are_defined(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """A public attribute becomes a function only through ``def``."""
    for part in source.lineage:
        functions = _functions(source, part.module) | _functions_of(part.node)
        for node in part.node.body:
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            if not _is_function(node.value, functions, part.module):
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                name = ast.unparse(target)
                if not name.startswith("_") and name != "app":
                    what = f"{part.node.name}.{name} is a function, but no contract has it"
                    remedy = f"write async def {name}(self, ...) in the class, which calls it"
                    yield part.module.problem(node, what, remedy)


def _functions(source: Source, module: Module) -> set[str]:
    """The names of functions that a module defines or imports from its service."""
    names = {node.name for node in module.tree.body if isinstance(node, _Function)}
    for other in source.modules:
        inside = {node.name for node in other.tree.body if isinstance(node, _Function)}
        names |= {n for n, origin in module.names.items() if origin in _dotted(other, inside)}
    return names


def _dotted(module: Module, names: set[str]) -> set[str]:
    return {f"{module.name}.{name}" for name in names}


def _functions_of(cls: ast.ClassDef) -> set[str]:
    return {node.name for node in cls.body if isinstance(node, _Function)}


def _is_function(value: ast.expr, functions: set[str], module: Module) -> bool:
    if isinstance(value, ast.Lambda):
        return True
    if isinstance(value, ast.Name | ast.Attribute):
        last = value.attr if isinstance(value, ast.Attribute) else value.id
        return last in functions
    if isinstance(value, ast.Call):
        called = module.origin(value.func).rpartition(".")[2]
        return called in _WRAPPERS or any(_is_function(a, functions, module) for a in value.args)
    return False


def contract_is_not_decorated(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """A method gets what its caller passes: no other decorator is in between."""
    for node in cls.body:
        if not isinstance(node, _Function) or (node.name[:1] == "_" and node.name != "__init__"):
            continue
        if isinstance(node, ast.FunctionDef) and node.name not in LIFECYCLE:
            continue  # public and not async, which another rule refuses
        for item in node.decorator_list:
            if source.owner(item).origin(item) in HEAP_MARKS:
                continue  # the build moves the method, and it stays what it is
            if decorator(source.owner(item), item) is None:
                text = ast.unparse(item)
                what = f"@{text} on {cls.name}.{node.name} may change the contract"
                called = item.func if isinstance(item, ast.Call) else item
                remedy = f"call what {ast.unparse(called)} does inside the method"
                yield source.problem(item, what, remedy)


def decorators_are_in_the_class(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """Torpor's decorators are read in the service class only."""
    methods = {node for part in source.lineage for node in _methods(part.node)}
    for module in source.modules:
        for node in ast.walk(module.tree):
            if isinstance(node, _Function) and node not in methods:
                for item in node.decorator_list:
                    if found := decorator(module, item):
                        what = f"@{found[0]} on {node.name}, which is not a method of {cls.name}"
                        remedy = f"move {node.name} into the class {cls.name}, or derive from it"
                        yield module.problem(item, what, remedy)


def _methods(node: ast.AST) -> Iterator[ast.AST]:
    """The functions of a class, those under a condition too, which are refused for that."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function):
            yield child
        elif not isinstance(child, ast.ClassDef):
            yield from _methods(child)


def classes_stay(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """A class is not changed, deleted or defined again after its definition."""
    for part in source.lineage:
        for node in ast.walk(part.module.tree):
            yield from _again(source, part, node)
    names = {part.node.name for part in source.lineage}
    methods = {node.name for node in cls.body if isinstance(node, _Function)}
    for module in source.modules:
        functions = _functions(source, module)
        for node in ast.walk(module.tree):
            if name := _set_later(node, names, methods, functions, module):
                what = f"{name} is set after the class is defined: {_READ_ONLY}"
                attribute = name.rpartition(".")[2]
                remedy = f"write def {attribute} in the class body"
                yield module.problem(node, what, remedy)


def _again(source: Source, part: Class, node: ast.AST) -> Iterator[Problem]:
    name = part.node.name
    stored = isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
    twice = isinstance(node, ast.ClassDef) and node.name == name and node is not part.node
    if stored or (twice and not any(node is each for each in source.classes)):
        what = f"{name} is defined or deleted again: {_READ_ONLY}"
        yield part.module.problem(node, what, "give the class one definition")


def _set_later(
    node: ast.AST, classes: set[str], methods: set[str], functions: set[str], module: Module
) -> str:
    """``Class.name`` if the statement gives a class of the service a method."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
        value = getattr(node, "value", None)
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        for target in targets:
            if isinstance(target, ast.Attribute) and _last(target.value) in classes:
                is_function = value is not None and _is_function(value, functions, module)
                if target.attr in methods or (is_function and target.attr[:1] != "_"):
                    return f"{_last(target.value)}.{target.attr}"
    if isinstance(node, ast.Call) and _last(node.func) in ("setattr", "delattr"):
        return _set_by_call(node, classes, methods)
    return ""


def _set_by_call(call: ast.Call, classes: set[str], methods: set[str]) -> str:
    """``Class.name`` if ``setattr(Class, name, value)`` may give it a method."""
    if not call.args or _last(call.args[0]) not in classes:
        return ""
    owner, *more = call.args
    name = more[0] if more else None
    if not isinstance(name, ast.Constant):
        return f"{_last(owner)}.<any name>"
    is_value = len(more) > 1 and isinstance(more[1], ast.Constant)
    return "" if is_value and name.value not in methods else f"{_last(owner)}.{name.value!s}"


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
