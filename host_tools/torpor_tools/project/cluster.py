"""``cluster.toml`` into a ``Cluster``."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from ..errors import UserError, Where
from ..model.cluster import (
    HEAP_RESERVE,
    LONGEST_MS,
    WATCHDOG_S,
    BoardEntry,
    Cluster,
    ServiceEntry,
)
from ..suggest import did_you_mean, free_port, listing, nearest
from .devices import read_devices
from .document import Document, as_toml
from .libraries import read_libraries
from .mailbox import read_mailbox, takes_requests
from .observe import read_observe
from .partitions import flash_sizes
from .power import read_power

_FILE = "cluster.toml"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_TABLES = ["cluster", "boards", "services", "mailbox", "libraries", "log", "metrics", "traces"]
_BOARD_KEYS = [
    "type",
    "services",
    "host",
    "power",
    "mailbox",
    "devices",
    "update",
    "watchdog_s",
    "heap_reserve",
    "flash_mb",
    "firmware_slots",
]
# Names that services must not have -> what they would conflict with.
RESERVED = {
    "kernel": "torpor's own lines in the log have this name",
    "state": "the file /data/state of a board holds self.state of all services",
    "tests": "pytest would treat its modules as the tests of a service",
    "conftest": "pytest would load it as its own services/conftest.py",
    **dict.fromkeys(
        ("build", "dist", "venv", "node_modules"),
        "pytest skips folders of that name, so its tests would not run",
    ),
}


def load_cluster(root: Path) -> Cluster:
    """Read ``root/cluster.toml``. Raises ``UserError`` with all its mistakes."""
    document = Document(root / _FILE, _FILE)
    document.only((), document.data, _TABLES)
    top = document.take((), document.data, "cluster", dict, ...)
    document.only(("cluster",), top, ["name", "deadline_ms", "timezone"])
    name = document.take(("cluster",), top, "name", str, ...) if "cluster" in document.data else ""
    boards = _known_boards(document, document.take((), document.data, "boards", dict, {}))
    services = document.take((), document.data, "services", dict, {})
    services = _known_services(document, services, boards, root)
    if not boards:
        document.report(("boards",), "the cluster has no board", "add a table [boards.<name>]")
    cluster = Cluster(
        name,
        root,
        tuple(_board(document, key, value) for key, value in boards.items()),
        tuple(_service(document, key, value) for key, value in services.items()),
        _deadline(document, ("cluster",), top, Cluster.deadline_ms),
        read_mailbox(document),
        _timezone(document, top),
        libraries=read_libraries(document),
        observe=read_observe(document),
    )
    if document.problems:
        raise UserError(document.problems)
    return cluster


def _known_boards(document: Document, boards: dict[str, Any]) -> dict[str, Any]:
    """The boards, without tables whose name is a misspelling of another: ``[boards.shd.power]``."""
    whole = [
        n for n, t in boards.items() if isinstance(t, dict) and t.keys() & {"type", "services"}
    ]
    spare = [n for n, t in boards.items() if isinstance(t, dict) and n not in whole]
    return _respelt(document, "boards", boards, spare, whole)


def _known_services(
    document: Document, services: dict[str, Any], boards: dict[str, Any], root: Path
) -> dict[str, Any]:
    """The services, without tables whose name is a misspelling of another: ``[services.vavle]``."""
    lists = [t.get("services") for t in boards.values() if isinstance(t, dict)]
    placed = [n for names in lists if isinstance(names, list) for n in names if type(n) is str]
    spare = [n for n in services if n not in placed and not (root / "services" / n).exists()]
    joined = _respelt(document, "services", services, spare, placed)
    missing = list(dict.fromkeys(n for n in placed if n not in joined))
    return _unknown_services(document, joined, [n for n in spare if n in joined], missing)


def _unknown_services(
    document: Document, tables: dict[str, Any], spare: list[str], missing: list[str]
) -> dict[str, Any]:
    """Report ``spare`` tables while services in use have none; return the other tables.

    Such a table is probably the one that is missing, under a name that is not even similar.
    """
    unknown = [name for name in spare if missing and not _wrong_name("services", name)]
    for name in unknown:
        what = f"unknown table [services.{name}]: no board runs {name}"
        remedy = f"without a table: {listing(missing)}; rename this table, or remove it"
        document.report(("services", name), what, remedy)
    return {name: table for name, table in tables.items() if name not in unknown}


def _respelt(
    document: Document, kind: str, tables: dict[str, Any], spare: list[str], known: list[str]
) -> dict[str, Any]:
    """Report the ``spare`` tables that are near a known name, and join them to its table.

    A key that is only in the wrong table is then not reported as missing.
    """
    joined = dict(tables)
    for name in spare:
        near = nearest(name, known)
        if near and isinstance(tables[name], dict) and isinstance(joined.get(near, {}), dict):
            remedy = f'did you mean "{near}"?'
            document.report((kind, name), f"unknown table [{kind}.{name}]", remedy)
            joined[near] = {**joined.pop(name), **joined.get(near, {})}
    return joined


def _timezone(document: Document, top: dict[str, Any]) -> str:
    name: str = document.take(("cluster",), top, "timezone", str, Cluster.timezone)
    if name not in available_timezones():
        remedy = did_you_mean(name, available_timezones()) or 'write for example "Europe/Berlin"'
        document.report(("cluster", "timezone"), f'there is no time zone "{name}"', remedy)
    return name


def _deadline(
    document: Document, path: tuple[str, ...], table: dict[str, Any], default: int
) -> int:
    value = document.take(path, table, "deadline_ms", int, default)
    if not 0 < value <= LONGEST_MS:
        what = f"deadline_ms: expected 1 to {LONGEST_MS}, got {value}"
        document.report((*path, "deadline_ms"), what, f"without it, it is {default}")
    return int(value)


def _table(document: Document, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    name = path[-1]
    if not isinstance(value, dict):
        what = f"{'.'.join(path)}: expected a table, got {value!r}"
        document.report(path, what, f"write [{'.'.join(path)}] and its keys below it")
        return {}
    if wrong := _wrong_name(path[0], name):
        document.report(path, *wrong)
    return value


def _wrong_name(kind: str, name: str) -> tuple[str, str] | None:
    """Return what is wrong with the name of a board or a service, and the remedy."""
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        what = f'"{name}" cannot be the name of a board or a service'
        return what, "use letters, digits and _, as for a Python module"
    if kind == "boards":
        return None
    what = f'a service cannot be called "{name}"'
    if name in RESERVED:
        return what, f"choose another name: {RESERVED[name]}"
    if name.startswith("_"):
        return what, "begin with a letter: torpor's own names begin with _"
    return None


def _board(document: Document, name: str, value: Any) -> BoardEntry:
    path = ("boards", name)
    table = _table(document, path, value)
    if not isinstance(value, dict):
        return BoardEntry(name, "", (), document.where(*path))
    document.only(path, table, _BOARD_KEYS)
    kind = document.take(path, table, "type", str, ...)
    wheres = _names(document, path, table, "services", ..., "write them in quotes")
    host = document.take(path, table, "host", str, f"{name}.local")
    if not _HOST.fullmatch(host):
        what = f'host: "{host}" is not a name or an address'
        document.report((*path, "host"), what, 'write host = "shed.local" or host = "192.168.1.7"')
    power = read_power(document, path, table)
    mailbox = takes_requests(document, path, table, power is not None and power.policy == "deep")
    return BoardEntry(
        name,
        kind,
        tuple(wheres),
        document.where(*path),
        wheres,
        host,
        power,
        mailbox,
        document.where(*path, "host"),
        read_devices(document, path, table),
        document.take(path, table, "update", bool, True),
        _watchdog(document, path, table),
        _heap_reserve(document, path, table),
        document.where(*path, "heap_reserve"),
        _choice(document, path, table, "flash_mb", flash_sizes()),
        _choice(document, path, table, "firmware_slots", [1, 2]),
        document.where(*path, "flash_mb" if "flash_mb" in table else "firmware_slots"),
    )


def _choice(
    document: Document, path: tuple[str, ...], table: dict[str, Any], key: str, known: list[int]
) -> int | None:
    """The value of a key that has one of a few numbers; None without it."""
    value = document.take(path, table, key, int, None)
    if value is not None and value not in known:
        what = f"{key}: expected {listing(map(str, known), 'or')}, got {value}"
        document.report((*path, key), what, "see docs/partitions.md")
        return None
    return None if value is None else int(value)


def _watchdog(document: Document, path: tuple[str, ...], table: dict[str, Any]) -> int:
    value = document.take(path, table, "watchdog_s", int, WATCHDOG_S)
    if not 0 <= value <= WATCHDOG_S:
        what = f"watchdog_s: expected 0 to {WATCHDOG_S}, got {value}"
        remedy = "0 switches it off; the watchdog of an RP2040 has at most 8.388 s"
        document.report((*path, "watchdog_s"), what, remedy)
    return int(value)


def _heap_reserve(document: Document, path: tuple[str, ...], table: dict[str, Any]) -> int:
    value = document.take(path, table, "heap_reserve", int, HEAP_RESERVE)
    if not 0 <= value <= 90:
        what = f"heap_reserve: expected 0 to 90 percent of the heap, got {value}"
        remedy = f"without it, an image must leave {HEAP_RESERVE} % of the heap"
        document.report((*path, "heap_reserve"), what, remedy)
    return int(value)


def _service(document: Document, name: str, value: Any) -> ServiceEntry:
    path = ("services", name)
    table = _table(document, path, value)
    if not isinstance(value, dict):
        return ServiceEntry(name, None, document.where(*path))
    document.only(path, table, ["port", "start", "log", "deadline_ms", "events", "config"])
    config = document.take(path, table, "config", dict, {})
    for at, odd in _odd_values(config, (*path, "config")):
        what = f"{'.'.join(map(str, at[2:]))} = {odd}: this cannot be passed to a service"
        document.report(at, what, "use text, a number, true or false, a list or a table")
    port = _port(document, path, table)
    starts = _starts_on_request(document, path, table, port)
    example = 'write for example events = ["DoorOpened"]'
    events = _names(document, path, table, "events", [], example)
    return ServiceEntry(
        name,
        port,
        document.where(*path),
        config,
        starts,
        document.where(*path, "port"),
        _deadline(document, path, table, ServiceEntry.deadline_ms),
        {key: document.where(*path, "config", key) for key in config},
        tuple(events),
        events,
    )


def _names(
    document: Document,
    path: tuple[str, ...],
    table: dict[str, Any],
    key: str,
    default: Any,
    remedy: str,
) -> dict[str, Where]:
    """Return the names that a list holds, with their places; report what is not a name."""
    names = document.take(path, table, key, list, default)
    at = (*path, key)
    for index, name in enumerate(names):
        if not isinstance(name, str):
            what = f"{key}: expected the names of {key}, got {as_toml(name)}"
            document.report((*at, index), what, remedy)
        elif name in names[:index]:
            document.report((*at, index), f"{name} is listed twice", "remove one of them")
    return {n: document.where(*at, i) for i, n in enumerate(names) if isinstance(n, str)}


def _starts_on_request(
    document: Document, path: tuple[str, ...], table: dict[str, Any], port: int | None
) -> bool:
    start = table.get("start", "boot")
    at = (*path, "start")
    if start not in ("boot", "on-request"):
        what = f'{path[-1]}: start: expected "boot" or "on-request", got {as_toml(start)}'
        document.report(at, what, 'without it, a service starts at "boot", with its board')
    elif start == "on-request" and table.get("port") is False:
        what = f'{path[-1]} has `start = "on-request"`, but no port for requests'
        document.report(at, what, 'give it a port, or let it start at "boot"')
    return bool(start == "on-request" and port)


def _port(document: Document, path: tuple[str, ...], table: dict[str, Any]) -> int | None:
    port = table.get("port")
    if type(port) is int and 0 < port < 65536:
        return port
    if port is not False:
        what = f"{path[-1]}: port: expected 1 to 65535 or false, got {as_toml(port)}"
        if "port" not in table:
            what = f"{path[-1]}: it has no port"
        tables = document.data["services"].values()
        ports = (t.get("port") for t in tables if isinstance(t, dict))
        free = free_port(port for port in ports if isinstance(port, int))
        remedy = f"write `port = {free}`, or `port = false` for a service that only peers call"
        document.report((*path, "port"), what, remedy)
    return None


def _odd_values(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[Any, Any]]:
    """Yield values without a counterpart in MicroPython: dates and times."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _odd_values(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _odd_values(item, (*path, index))
    elif not isinstance(value, str | int | float):
        yield path, value
