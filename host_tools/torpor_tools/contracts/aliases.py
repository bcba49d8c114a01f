"""Type aliases: ``Rows = list[int]`` at the top level of a module.

MicroPython cannot evaluate such an expression. The linker removes it, and contracts contain the
type instead of the alias.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

GENERICS = ("dict", "frozenset", "list", "set", "tuple", "type")
_TYPES = (*GENERICS, "bool", "bytearray", "bytes", "complex", "float", "int", "object", "str")
HOST_ONLY = ("typing", "collections.abc", "typing_extensions")


def aliases(tree: ast.Module) -> dict[str, ast.expr]:
    """The aliases of a module, with the types that they stand for: ``X = int`` too."""
    candidates = [pair for node in statements(tree.body) if (pair := _candidate(node))]
    if not candidates:  # in most modules; the code below reads the tree three times
        return {}
    hosts, stored = set(host_names(tree)), _stored(tree)
    found: dict[str, ast.expr] = {}
    for name, value in candidates:
        if not _builtins_in(value) & stored and _is_type(value, {*found}, hosts):
            found[name] = value
    return {name: value for name, value in found.items() if _count(tree, name) == 1}


def host_only(tree: ast.Module) -> dict[str, ast.stmt]:
    """The aliases that a device cannot evaluate, with their statements at the top level."""
    known = aliases(tree)
    hosts = set(host_names(tree)) if known else set()
    found: dict[str, ast.stmt] = {}
    for node in tree.body if known else ():
        name, value = _assigned(node)
        if name in known and value is not None and not runs(value, {*found}, hosts):
            found[name] = node
    return found


def runs(value: ast.expr, gone: set[str], hosts: set[str]) -> bool:
    """Return whether a device can evaluate a type: it is a name that exists there."""
    return isinstance(value, ast.Name) and value.id not in gone and value.id not in hosts


def run_time_types(tree: ast.Module, skip: set[ast.AST]) -> Iterator[ast.expr]:
    """Expressions such as ``list[int]`` and ``int | None`` that a device would evaluate."""
    stored = _stored(tree)
    return (node for node in _computed(tree, skip) if not _builtins_in(node) & stored)


def _computed(tree: ast.AST, skip: set[ast.AST]) -> Iterator[ast.expr]:
    if tree in skip:
        return
    if isinstance(tree, ast.Subscript | ast.BinOp) and _is_type(tree, set(), set()):
        yield tree
        return
    for name, value in ast.iter_fields(tree):
        if name not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _computed(child, skip)


def host_blocks(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements under ``if TYPE_CHECKING:``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and _asks_type_checking(node):
            yield from node.body


def _asks_type_checking(node: ast.If) -> bool:
    test = node.test
    return getattr(test, "attr", getattr(test, "id", "")) == "TYPE_CHECKING"


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements at the top level, and those under ``if TYPE_CHECKING:``."""
    for node in body:
        if isinstance(node, ast.If) and _asks_type_checking(node):
            yield from node.body
        else:
            yield node


def _candidate(node: ast.stmt) -> tuple[str, ast.expr] | None:
    """The name and the value of an assignment whose value has the form of an alias."""
    name, value = _assigned(node)
    form = ast.Name | ast.Attribute | ast.Subscript | ast.BinOp
    return (name, value) if isinstance(value, form) else None


def _assigned(node: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        return (target.id, node.value) if isinstance(target, ast.Name) else ("", None)
    if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
        return "", None
    says_so = ast.unparse(node.annotation).endswith("TypeAlias")
    return (node.target.id, node.value) if says_so else ("", None)


def host_names(tree: ast.Module) -> dict[str, str]:
    """The names imported from modules that only the host has, with their full names there."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in HOST_ONLY and not node.level:
            found.update({alias.asname or alias.name: alias.name for alias in node.names})
        elif isinstance(node, ast.Import):
            names = [alias for alias in node.names if alias.name in HOST_ONLY]
            found.update({a.asname or a.name.partition(".")[0]: a.name for a in names})
    return found


def _is_type(node: ast.expr, known: set[str], hosts: set[str]) -> bool:
    if isinstance(node, ast.Constant):
        return node.value is None
    if isinstance(node, ast.Name):
        return node.id in _TYPES or node.id in known or node.id in hosts
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id in hosts
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _is_type(node.left, known, hosts) and _is_type(node.right, known, hosts)
    if isinstance(node, ast.Subscript):
        outer = node.value
        of_host = _is_type(outer, set(), hosts) and not isinstance(outer, ast.Constant)
        return of_host and (not isinstance(outer, ast.Name) or outer.id in {*GENERICS, *hosts})
    return False


def _stored(tree: ast.Module) -> set[str]:
    """The names that a module gives a value anywhere."""
    nodes = (n for n in ast.walk(tree) if isinstance(n, ast.Name))
    return {node.id for node in nodes if not isinstance(node.ctx, ast.Load)}


def _builtins_in(value: ast.expr) -> set[str]:
    return {n.id for n in ast.walk(value) if isinstance(n, ast.Name)} & {*_TYPES}


def _count(tree: ast.Module, name: str) -> int:
    """The number of times a module assigns a name."""
    nodes = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name)
    return sum(not isinstance(node.ctx, ast.Load) for node in nodes)
