"""Records: the classes that derive from ``TypedDict``, and ``X = TypedDict("X", {...})``.

A record exists only in annotations. The linker removes it, and a device uses a dict.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from functools import lru_cache

from .aliases import host_names, statements


def records(tree: ast.Module, imported: Collection[str] = ()) -> dict[str, ast.ClassDef]:
    """Return the records that a module defines at its top level, by name.

    A record in the functional form is returned as the equivalent class.

    Args:
        tree: The module.
        imported: The names of records of other modules, from which its own may derive.
    """
    return {name: cls for name, (_, cls) in _records(tree, frozenset(imported)).items()}


def record_statements(tree: ast.Module, imported: Collection[str] = ()) -> dict[ast.stmt, str]:
    """Return the statements that define the records, with the records' names."""
    return {node: name for name, (node, _) in _records(tree, frozenset(imported)).items()}


@lru_cache(maxsize=512)  # so that a record is the same object each time
def _records(
    tree: ast.Module, imported: frozenset[str]
) -> dict[str, tuple[ast.stmt, ast.ClassDef]]:
    found: dict[str, tuple[ast.stmt, ast.ClassDef]] = {}
    nodes = [node for node in statements(tree.body) if _may_be_record(node)]
    hosts = host_names(tree) if nodes else {}
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            if all(_is_record(base, {*found, *imported}, hosts) for base in node.bases):
                found[node.name] = node, node
        elif cls := _from_call(node, hosts):
            found[cls.name] = node, cls
    return found


def _may_be_record(node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        return bool(node.bases)
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)


def _is_record(base: ast.expr, known: set[str], hosts: dict[str, str]) -> bool:
    return (isinstance(base, ast.Name) and base.id in known) or _is_typed_dict(base, hosts)


def _is_typed_dict(node: ast.expr, hosts: dict[str, str]) -> bool:
    if isinstance(node, ast.Name):
        return hosts.get(node.id) == "TypedDict"
    text = ast.unparse(node)
    return text.partition(".")[0] in hosts and text.endswith(".TypedDict")


def _from_call(node: ast.stmt, hosts: dict[str, str]) -> ast.ClassDef | None:
    """The class that ``X = TypedDict("X", {"celsius": float}, total=False)`` stands for."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
        return None
    call, target = node.value, node.targets[0]
    if not _is_typed_dict(call.func, hosts) or not isinstance(target, ast.Name):
        return None
    fields = call.args[1] if len(call.args) == 2 else None
    if not isinstance(fields, ast.Dict):
        return None
    body: list[ast.stmt] = []
    for key, value in zip(fields.keys, fields.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return None
        name = ast.copy_location(ast.Name(key.value, ast.Store()), key)
        body.append(ast.copy_location(ast.AnnAssign(name, value, None, 1), key))
    cls = ast.ClassDef(target.id, [call.func], call.keywords, body, [])
    return ast.copy_location(cls, node)


def is_total(node: ast.ClassDef) -> bool:
    """Return whether the fields of a record are required by default."""
    return not any(
        keyword.arg == "total" and ast.unparse(keyword.value) == "False"
        for keyword in node.keywords
    )


def field_nodes(node: ast.ClassDef) -> list[tuple[str, ast.expr]]:
    """Return the fields that the class of a record itself declares, with their annotations."""
    return [
        (item.target.id, item.annotation)
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]
