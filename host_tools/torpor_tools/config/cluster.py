"""``cluster.toml`` into a ``Cluster``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import UserError
from ..model.cluster import BoardEntry, Cluster, ServiceEntry
from .document import Document
from .suggest import listing

_FILE = "cluster.toml"


def load_cluster(root: Path) -> Cluster:
    """Read ``root/cluster.toml``. Raises ``UserError`` with all its mistakes."""
    document = Document(root / _FILE, _FILE)
    document.only((), document.data, ["cluster", "boards", "services"])
    top = document.take((), document.data, "cluster", dict, ...)
    document.only(("cluster",), top, ["name"])
    name = document.take(("cluster",), top, "name", str, ...) if top else ""
    boards = document.take((), document.data, "boards", dict, ...)
    services = document.take((), document.data, "services", dict, {})
    if not boards and "boards" in document.data:
        document.report(("boards",), "the cluster has no board", "add a table [boards.<name>]")
    cluster = Cluster(
        name,
        root,
        tuple(_board(document, key, value) for key, value in boards.items()),
        tuple(_service(document, key, value) for key, value in services.items()),
    )
    if document.problems:
        raise UserError(document.problems)
    return cluster


def _table(document: Document, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        document.report(path, f"{'.'.join(path)}: expected a table, got {value!r}")
        return {}
    if not path[-1].isidentifier():
        document.report(
            path,
            f'"{path[-1]}" cannot be a name',
            "use letters, digits and underscores; it becomes a folder and a Python module",
        )
    return value


def _board(document: Document, name: str, value: Any) -> BoardEntry:
    path = ("boards", name)
    table = _table(document, path, value)
    document.only(path, table, ["type", "services"])
    services = document.take(path, table, "services", list, ...)
    for index, service in enumerate(services):
        if not isinstance(service, str):
            document.report(
                (*path, "services", index), f"services: expected names, got {service!r}"
            )
        elif service in services[:index]:
            document.report((*path, "services", index), f"{service} is listed twice")
    kind = document.take(path, table, "type", str, ...)
    names = tuple(s for s in services if isinstance(s, str))
    return BoardEntry(name, kind, names, document.where(*path))


def _service(document: Document, name: str, value: Any) -> ServiceEntry:
    path = ("services", name)
    table = _table(document, path, value)
    known = ["port", "config"]
    document.only(path, table, known)
    port = table.get("port")
    if port is False:
        port = None
    elif type(port) is not int or not 0 < port < 65536:
        what = (
            f"port: expected 1 to 65535 or false, got {port!r}"
            if "port" in table
            else "it has no port"
        )
        document.report(
            (*path, "port"),
            f"{name}: {what}",
            f"add {listing(['port = 8001', 'port = false (no listener, peers only)'], 'or')}",
        )
        port = None
    config = document.take(path, table, "config", dict, {})
    return ServiceEntry(name, port, document.where(*path), config)
