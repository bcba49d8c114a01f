"""The kinds of board, one TOML file each."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

from ..errors import UserError, fail
from ..model.board import Board, Filesystem, Firmware
from ..paths import boards_dir
from .document import Document
from .suggest import did_you_mean, listing


def known_boards() -> list[str]:
    """The names of all kinds of board."""
    return sorted(path.stem for path in boards_dir().glob("*.toml"))


def load_board(name: str) -> Board:
    """The kind of board of that name. Raises ``UserError`` if its file is missing or wrong."""
    known = known_boards()
    if name not in known:
        remedy = did_you_mean(name, known) or f"known boards: {listing(known)}"
        raise fail(f'there is no board type "{name}"', remedy)
    document = Document(boards_dir() / f"{name}.toml", f"boards/{name}.toml")
    values = _fields(document, Board, (), document.data, skip=("name",))
    values["wake_sources"] = tuple(values["wake_sources"])
    if document.problems:
        raise UserError(document.problems)
    return Board(name=name, **values)


_TABLES: dict[str, type] = {"filesystem": Filesystem, "firmware": Firmware}


def _fields(
    document: Document,
    cls: Any,
    path: tuple[str, ...],
    table: dict[str, Any],
    skip: tuple[str, ...],
) -> dict[str, Any]:
    hints = get_type_hints(cls)
    fields = [f for f in dataclasses.fields(cls) if f.name not in skip]
    document.only(path, table, [f.name for f in fields])
    values: dict[str, Any] = {}
    for field in fields:
        optional = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        if field.name in _TABLES:
            inner = document.take(
                path, table, field.name, dict, None if field.name == "firmware" else ...
            )
            sub = _TABLES[field.name]
            values[field.name] = (
                None
                if inner is None
                else sub(**_fields(document, sub, (*path, field.name), inner, ()))
            )
            continue
        kind = {"wake_sources": list, "currents_ma": dict}.get(field.name, hints[field.name])
        value = document.take(path, table, field.name, kind, kind() if optional else ...)
        values[field.name] = value
    return values
