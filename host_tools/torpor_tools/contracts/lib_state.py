"""The rule against state that services share through a module of ``lib/``.

On one board they would see each other's values; after one of them moves to another board, they
would not. A value at the top level of a module is state if the program changes it afterwards: a
name that a function sets with ``global``, a list, dict, set or bytearray that is written to, or an
object whose methods set its attributes. The default of an argument that a function writes to is
also state, because all calls share it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..errors import Problem
from ..suggest import listing
from .lib import reached
from .source import Source
from .source_module import Module

_CHANGES = (
    *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem"),
    *("popleft", "remove", "reverse", "setdefault", "sort", "update"),
)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def lib_shares_no_state(lib: Iterable[Module], sources: Mapping[str, Source]) -> Iterator[Problem]:
    """No module of ``lib`` that two services use has state at its top level."""
    modules = list(lib)
    users: dict[str, list[str]] = {}
    for service, source in sources.items():
        for module in reached(source.modules, modules):
            users.setdefault(module.name, []).append(service)
    for module in modules:
        services = users.get(module.name, [])
        if len(services) > 1:
            others = [m for s in services for m in sources[s].modules] + modules
            for name, node in _state(module, others).items():
                what = f"{name} of {module.name} changes while the program runs, and "
                what += f"{listing(services)} share it: on different boards they would not"
                remedy = "keep it in one service that the others call, or in an object that each "
                yield module.problem(node, what, remedy + "service creates for itself")


def _state(module: Module, others: list[Module]) -> dict[str, ast.stmt]:
    """Return the names of a module that hold state, with the statements that create them."""
    margin = {name: node for node in module.tree.body for name in _names(node)}
    values = {name: getattr(node, "value", None) for name, node in margin.items()}
    classes = [node for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]
    changing = {cls.name for cls in classes if _changes_itself(cls)}
    changed = _rebound(module) | _written(module, others)
    found = {}
    for name, node in margin.items():
        value = values[name]
        is_object = isinstance(value, ast.Call) and ast.unparse(value.func) in changing
        if (name in changed) or is_object:
            found[name] = node
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and (name := node.name) in changed:
            found[name] = node
    return found | dict(_defaults(module))


def _defaults(module: Module) -> Iterator[tuple[str, ast.stmt]]:
    """The arguments whose default the function itself changes: ``def note(value, seen=[])``."""
    for function in (n for n in ast.walk(module.tree) if isinstance(n, _Function)):
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        usual = positional[len(positional) - len(arguments.defaults) :]
        pairs = [*zip(usual, arguments.defaults, strict=True)]
        pairs += [
            (argument, default)
            for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        ]
        inside = [target for node in ast.walk(function) for target in _targets(node)]
        changed = {target.id for target in inside if isinstance(target, ast.Name)}
        for argument, default in pairs:
            if argument.arg in changed and not isinstance(default, ast.Constant):
                yield f"the default of {argument.arg} in {function.name}()", function


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Assign):
        targets = [t for target in node.targets for t in ast.walk(target)]
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = [node.target]
    else:
        return []
    return [t.id for t in targets if isinstance(t, ast.Name)]


def _rebound(module: Module) -> set[str]:
    """The names that a function sets with ``global``."""
    return {
        name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Global)
        for name in node.names
    }


@dataclass(frozen=True)
class _Names:
    """The names under which a module uses the names of ``home``."""

    home: Module
    module: Module

    def local(self, node: ast.AST) -> str:
        """The name in ``home`` that an expression stands for; empty if there is none."""
        if self.module is self.home:
            return node.id if isinstance(node, ast.Name) else ""
        owner, _, name = self.module.origin(node).rpartition(".")
        return name if owner == self.home.name else ""


def _written(home: Module, others: list[Module]) -> set[str]:
    """The names of ``home`` whose value some module changes: ``x[k] = v``, ``x.append(v)``."""
    written: set[str] = set()
    for module in {home.name: home, **{m.name: m for m in others}}.values():
        names = _Names(home, module)
        hidden = _local_names(module) if module is home else {}
        for node in ast.walk(module.tree):
            for target in _targets(node):
                name = names.local(target)
                if name and name not in hidden.get(node, ()):
                    written.add(name)
    return written


def _targets(node: ast.AST) -> Iterator[ast.AST]:
    """The expressions whose value a node changes."""
    if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
        yield node.value
        if isinstance(node, ast.Attribute):
            yield node  # `config.limit = 3` of another module sets a name there
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in _CHANGES:
        assert isinstance(node.func, ast.Attribute)
        yield node.func.value


def _local_names(module: Module) -> dict[ast.AST, set[str]]:
    """For each node in a function, the function's local names."""
    found: dict[ast.AST, set[str]] = {}
    for function in (n for n in ast.walk(module.tree) if isinstance(n, _Function)):
        arguments = function.args
        own = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        own |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a}
        inside = list(ast.walk(function))
        stored = {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        shared = {name for n in inside if isinstance(n, ast.Global) for name in n.names}
        for node in inside:
            found.setdefault(node, set()).update(own | (stored - shared))
    return found


def _changes_itself(node: ast.ClassDef) -> bool:
    """Return whether a class has a method, other than its constructor, that sets attributes."""
    methods = [n for n in node.body if isinstance(n, _Function) and n.name != "__init__"]
    for inner in (n for method in methods for n in ast.walk(method)):
        for target in _targets(inner):
            if ast.unparse(target).startswith("self"):
                return True
    return False
