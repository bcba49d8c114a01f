"""Records: the classes that derive from ``TypedDict``.

A record exists in annotations only. The linker takes the class out, and a device sees a dict.
"""

from __future__ import annotations

import ast

from .aliases import host_names, statements


def records(tree: ast.Module) -> dict[str, ast.ClassDef]:
    """Return the records that a module defines at its left margin, by name."""
    classes = [node for node in statements(tree.body) if isinstance(node, ast.ClassDef)]
    if not any(node.bases for node in classes):
        return {}
    hosts = host_names(tree)
    found: dict[str, ast.ClassDef] = {}
    for node in classes:
        if node.bases and all(_is_record(base, found, hosts) for base in node.bases):
            found[node.name] = node
    return found


def _is_record(base: ast.expr, known: dict[str, ast.ClassDef], hosts: dict[str, str]) -> bool:
    if isinstance(base, ast.Name):
        return base.id in known or hosts.get(base.id) == "TypedDict"
    text = ast.unparse(base)
    return text.partition(".")[0] in hosts and text.endswith(".TypedDict")


def is_total(node: ast.ClassDef) -> bool:
    """Return whether the fields of a record are required unless they say otherwise."""
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
