"""Finds the fields of records that services use; they decide the form of the called methods."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from ..model.contract import Contract
from .lib import lib_modules
from .source import modules_of


def used_fields(root: Path, callers: Iterable[Contract]) -> frozenset[str]:
    """Return the names of the fields that the services use, and perhaps a few more.

    A field is read by a string in the code (mypy accepts nothing else for a record), or passed on
    in a record of the service's own contract.
    """
    modules = lib_modules(root)[0]
    names: set[str] = set()
    for contract in callers:
        modules += modules_of(root, contract.service)
        for record in contract.records.values():
            names |= {field.name for field in record.fields or ()}
    for module in modules:
        names |= {
            node.value
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    return frozenset(names)
