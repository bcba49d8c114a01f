"""How each port of MicroPython behaves, one TOML file each."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

from ..errors import UserError, fail
from ..files import project_files
from ..model.board import Board
from ..model.port import Heap, Hostname, Loop, Names, Port, Resets, Sockets, Time, Wifi
from ..paths import boards_dir
from ..suggest import did_you_mean, listing
from .document import Document, as_toml

_TABLES: dict[str, type] = {
    "hostname": Hostname,
    "wifi": Wifi,
    "sockets": Sockets,
    "heap": Heap,
    "loop": Loop,
    "names": Names,
    "time": Time,
    "resets": Resets,
}
_OPTIONAL = ("hostname", "wifi", "resets")
_UDP_SOCKETS = 1
_TAKEN_AT = ("active", "first address")
_ERRNOS = ("full", "listen_full", "accept_full", "accept_aborted")


def known_ports() -> list[str]:
    """The names of all ports that have a file of facts."""
    return [path.stem for path in project_files(boards_dir() / "ports", "*.toml", deep=False)]


def load_port(name: str) -> Port:
    """The facts of a port.

    Raises:
        UserError: the file is missing or wrong; with all that is wrong in it.
    """
    known = known_ports()
    if name not in known:
        near = did_you_mean(name, known)
        raise fail(f'there is no port "{name}"', f"{near} known: {listing(known)}".lstrip())
    document = Document(boards_dir() / "ports" / f"{name}.toml", f"boards/ports/{name}.toml")
    document.only((), document.data, ["name", "errno", *_TABLES])
    stated = document.take((), document.data, "name", str, ...)
    if "name" in document.data and stated != name:
        what = f'name: "{stated}" is not the file\'s name'
        document.report(("name",), what, f'write name = "{name}"')
    errno = _entries(document, ("errno",), document.take((), document.data, "errno", dict, ...))
    tables = {key: _table(document, key) for key in _TABLES}
    if not document.problems:
        _check(document, tables, errno)
    if document.problems:
        raise UserError(document.problems)
    return Port(name=name, errno=errno, **tables)


def connections_left(board: Board, listeners: int) -> int:
    """Return how many TCP connections a board can have open, given its listeners.

    Where all sockets come from one pool, one of them is left for UDP: the time, and names.
    """
    if not load_port(board.port).sockets.shared:
        return board.connections
    return min(board.connections, board.sockets - listeners - _UDP_SOCKETS)


def _table(document: Document, name: str) -> Any:
    """The dataclass of one table; None if it may be missing and is."""
    if name in _OPTIONAL and name not in document.data:
        return None
    table = document.take((), document.data, name, dict, ...)
    kind: Any = _TABLES[name]
    hints = get_type_hints(kind)
    fields = [field.name for field in dataclasses.fields(kind)]
    document.only((name,), table, fields)
    values: dict[str, Any] = {}
    for field in fields:
        hint = hints[field]
        if hint in (str, int, bool):
            values[field] = document.take((name,), table, field, hint, ...)
        else:
            entries = document.take((name,), table, field, dict, ...)
            of = str if hint == dict[str, str] else int
            values[field] = _entries(document, (name, field), entries, of)
    return kind(**values)


def _entries(
    document: Document, path: tuple[str, ...], table: dict[str, Any], kind: type = int
) -> dict[str, Any]:
    """The entries of a table whose keys are free and whose values have one type."""
    for key, value in table.items():
        if type(value) is not kind:
            expected = "text in quotes" if kind is str else "a whole number"
            document.report((*path, key), f"{key}: expected {expected}, got {as_toml(value)}")
    return table


def _check(document: Document, tables: dict[str, Any], errno: dict[str, int]) -> None:
    """Report values that have the right type but are not valid."""
    hostname, sockets = tables["hostname"], tables["sockets"]
    if hostname and hostname.taken_at not in _TAKEN_AT:
        what = f'taken_at: "{hostname.taken_at}" is not known'
        document.report(("hostname", "taken_at"), what, f"known: {listing(list(_TAKEN_AT))}")
    for field in _ERRNOS:
        value = getattr(sockets, field)
        if value and value not in errno:
            what = f'{field}: [errno] has no "{value}"'
            near = did_you_mean(value, errno) or "add its number to [errno]"
            document.report(("sockets", field), what, near)
    for table in ("loop", "names"):
        for key, value in vars(tables[table]).items():
            if key.endswith("_ms") and value < 0:
                document.report((table, key), f"{key}: {value} is negative")
