"""The cluster's keys in ``secrets.toml``: made, changed, dropped."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tomlkit
from tomlkit.items import Table

from ..errors import fail
from ..project.secrets import MOST_KEYS, NAME, cluster_keys
from ..text import read_text

_COMMENT = "under which boards call each other; the first one signs"


def init(root: Path) -> None:
    """Put a new key into ``root/secrets.toml``. Raises ``UserError`` if there is one."""
    if cluster_keys(root):
        raise fail(f"{NAME} has a key already", "to change it: torpor secrets rotate")
    _write(root, [_new()])


def rotate(root: Path) -> None:
    """Put a new key before the one that is there. Raises ``UserError`` if there are two."""
    keys = [key.hex() for key in cluster_keys(root)]
    if not keys:
        raise fail(f"{NAME} has no key", "make one: torpor secrets init")
    if len(keys) >= MOST_KEYS:
        raise fail(
            "two keys are valid already: a change is under way",
            "when every board is flashed: torpor secrets rotate --finish",
        )
    _write(root, [_new(), *keys])


def finish_rotation(root: Path) -> None:
    """Drop the older of two keys. Raises ``UserError`` if there is only one."""
    keys = [key.hex() for key in cluster_keys(root)]
    if len(keys) < MOST_KEYS:
        raise fail("no change of keys is under way", "begin one: torpor secrets rotate")
    _write(root, keys[:1])


def _new() -> str:
    return secrets.token_hex(32)


def _write(root: Path, keys: Sequence[str]) -> None:
    """Replace the file as a whole, readable by its owner only; what else it holds stays."""
    path = root / NAME
    text = read_text(path, NAME) if path.is_file() else ""
    document = tomlkit.parse(text)
    table = document.setdefault("cluster", tomlkit.table())
    assert isinstance(table, Table)
    array = tomlkit.array()
    array.extend(keys)
    table["keys"] = array.multiline(len(keys) > 1)
    if _COMMENT not in text:
        table["keys"].comment(_COMMENT)
    handle, name = tempfile.mkstemp(prefix=f".{NAME}.", dir=root)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(tomlkit.dumps(document))
    os.replace(name, path)
