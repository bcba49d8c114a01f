"""Compares the settings that a service's class reads with ``[services.<name>.config]``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import Problem, Where
from ..model.cluster import Cluster, ServiceEntry
from ..suggest import did_you_mean
from .source import Source


@dataclass
class Settings:
    """The keys that a service reads."""

    required: dict[str, Where] = field(default_factory=dict)  # with the first place
    optional: set[str] = field(default_factory=set)  # it works without them
    all_known: bool = True  # False: it may also read others


def read_settings(source: Source) -> Settings:
    """Return the keys of ``self.config`` that the service reads by a literal name."""
    found = Settings()
    for module in source.modules:
        parents = {c: node for node in ast.walk(module.tree) for c in ast.iter_child_nodes(node)}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and node.attr == "config":
                if ast.unparse(node.value) != "self" or module is not source.main:
                    found.all_known = False
                else:
                    _read(source, node, parents, found)
    for name in found.optional:
        found.required.pop(name, None)
    return found


def _read(
    source: Source, node: ast.Attribute, parents: dict[ast.AST, ast.AST], found: Settings
) -> None:
    around = parents[node]
    key: ast.AST | None = None
    if isinstance(around, ast.Subscript) and isinstance(around.ctx, ast.Load):
        key = around.slice
    elif isinstance(around, ast.Attribute) and around.attr == "get":
        call = parents[around]
        key = call.args[0] if isinstance(call, ast.Call) and call.args else None
    elif isinstance(around, ast.Compare) and isinstance(around.ops[0], ast.In | ast.NotIn):
        key = around.left
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        found.all_known = False
    elif isinstance(around, ast.Subscript) and not _is_tried(node, parents):
        found.required.setdefault(key.value, source.where(node))
    else:
        found.optional.add(key.value)


def _is_tried(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Return whether it is inside a ``try``, which may handle a missing key."""
    while node in parents:
        node = parents[node]
        if isinstance(node, ast.Try):
            return True
    return False


def settings_are_there(cluster: Cluster, read: dict[str, Settings]) -> Iterator[Problem]:
    """A key that a service requires is in ``cluster.toml``."""
    for entry, found in _placed(cluster, read):
        for key, where in found.required.items():
            if key not in entry.config:
                table = f"[services.{entry.name}.config]"
                what = f"{entry.name} reads config {key}, which is not in {table} of cluster.toml"
                remedy = did_you_mean(key, entry.config) or f"add `{key} = ...` there, or use .get"
                yield Problem(where, what, remedy)


def unused(cluster: Cluster, read: dict[str, Settings]) -> Iterator[str]:
    """Notes on keys that no service reads: most are misspelt."""
    for entry, found in _placed(cluster, read):
        known = {*found.required, *found.optional}
        for key in entry.config if found.all_known else ():
            if key not in known:
                remedy = did_you_mean(key, known - set(entry.config))
                where = entry.config_wheres.get(key, entry.where)
                text = f"{where}: {entry.name} does not read config {key}"
                yield f"{text}; {remedy}" if remedy else text


def _placed(cluster: Cluster, read: dict[str, Settings]) -> Iterator[tuple[ServiceEntry, Settings]]:
    return ((s, read[s.name]) for s in cluster.services if s.name in read)
