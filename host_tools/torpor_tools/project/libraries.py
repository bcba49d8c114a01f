"""``[libraries]`` of ``cluster.toml``, and ``libraries.lock`` with their hashes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomlkit

from ..errors import Where, fail
from ..model.library import LIB, PYPI, LibraryEntry, Locked
from ..text import read_text
from .document import Document, as_toml

LOCK = "libraries.lock"
VENDOR = "vendor"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_HEAD = "# Written by `torpor add`: what each library was when it was added. Do not edit.\n"


def read_libraries(document: Document) -> tuple[LibraryEntry, ...]:
    """Read ``[libraries]`` of ``cluster.toml``."""
    table = document.take((), document.data, "libraries", dict, {})
    return tuple(_entry(document, name, value) for name, value in table.items())


def _entry(document: Document, name: str, value: Any) -> LibraryEntry:
    path = ("libraries", name)
    where = document.where(*path)
    if not _NAME.fullmatch(name):
        document.report(path, f'"{name}" cannot be the name of a library')
    if isinstance(value, str):
        value = {"version": value}
    if not isinstance(value, dict):
        what = f"{name}: expected a version in quotes, got {as_toml(value)}"
        document.report(path, what, f'write for example {name} = "1.0.0"')
        return LibraryEntry(name, "", where)
    document.only(path, value, ["version", "source", "whole"])
    source = document.take(path, value, "source", str, PYPI)
    version = document.take(path, value, "version", str, "" if source == LIB else ...)
    whole = document.take(path, value, "whole", bool, False)
    return LibraryEntry(name, version, where, source, whole)


def read_library_lock(root: Path) -> dict[str, Locked]:
    """Return what ``libraries.lock`` records, by name.

    Raises:
        UserError: It is not what ``torpor add`` writes.
    """
    path = root / LOCK
    if not path.is_file():
        return {}
    try:
        data = tomllib.loads(read_text(path, LOCK))
        return {
            name: Locked(
                name, each["version"], each["source"], each.get("licence", ""), dict(each["files"])
            )
            for name, each in data.items()
        }
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        what = f"it is not what torpor add wrote: {error}"
        raise fail(
            what, "restore it from git, or remove it and run: torpor add", Where(LOCK)
        ) from None


def write_library_lock(root: Path, locked: Iterable[Locked]) -> None:
    """Write ``libraries.lock``; without libraries there is none."""
    entries = sorted(locked, key=lambda each: each.name)
    if not entries:
        (root / LOCK).unlink(missing_ok=True)
        return
    document = tomlkit.document()
    for each in entries:
        table = tomlkit.table()
        table.update({"version": each.version, "source": each.source})
        if each.licence:
            table["licence"] = each.licence
        table["files"] = dict(sorted(each.files.items()))
        document[each.name] = table
    (root / LOCK).write_text(_HEAD + tomlkit.dumps(document), encoding="utf-8", newline="\n")


def with_library(text: str, entry: LibraryEntry) -> str:
    """Return ``text``, a ``cluster.toml``, with an entry in ``[libraries]``."""
    document: Any = tomlkit.parse(text)
    if "libraries" not in document:
        document["libraries"] = tomlkit.table()
    old = document["libraries"].get(entry.name)
    value: Any = entry.version
    if entry.source != PYPI or isinstance(old, dict):
        value = tomlkit.inline_table()
        value.update({"version": entry.version})
        if entry.source != PYPI:
            value.update({"source": entry.source})
        if isinstance(old, dict) and "whole" in old:
            value.update({"whole": bool(old["whole"])})
    document["libraries"][entry.name] = value
    return tomlkit.dumps(document)


def without_library(text: str, name: str) -> str:
    """Return ``text``, a ``cluster.toml``, without an entry of ``[libraries]``."""
    document: Any = tomlkit.parse(text)
    del document["libraries"][name]
    if not document["libraries"]:
        del document["libraries"]
    return tomlkit.dumps(document)
