"""Writes a project and services from the files in ``templates/``."""

from __future__ import annotations

import keyword
import re
import tomllib
from pathlib import Path
from typing import Any

import tomlkit

from ..errors import Where, fail
from ..paths import templates_dir

FIRST_PORT = 8001


def write_project(folder: Path, name: str, board_type: str) -> list[Path]:
    """Write the files of an empty cluster below ``folder`` and return them.

    Raises ``UserError`` if one of them exists.
    """
    return _write(templates_dir() / "project", folder, {"mycluster": name, "MYBOARD": board_type})


def write_service(root: Path, name: str, board: str | None = None) -> list[Path]:
    """Write the service ``name`` and place it on ``board`` (default: the first) of the cluster.

    Returns the files written or changed. Raises ``UserError`` if the name cannot be used, the
    service exists, or the board does not.
    """
    _check_name(name)
    cluster_file = root / "cluster.toml"
    placed = place(cluster_file, name, board)
    words = {"MyService": class_name(name), "myservice": name}
    written = _write(templates_dir() / "service", root / "services" / name, words)
    cluster_file.write_text(placed)
    return [*written, cluster_file]


def class_name(service: str) -> str:
    """The class that carries a service: ``door_lock`` is ``DoorLock``."""
    return "".join(word.capitalize() for word in service.split("_"))


def place(cluster_file: Path, name: str, board: str | None) -> str:
    """The text of ``cluster_file`` with ``name`` on ``board`` and the next free port.

    All else in the file stays as it is. Raises ``UserError`` for an unknown board, a service that
    is there already, or a file that cannot be changed without a person.
    """
    where = Where("cluster.toml")
    text = cluster_file.read_text()
    try:
        cluster = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise fail(f"not valid TOML: {error}", where=where) from None
    boards = list(cluster.get("boards", {}))
    board = board or (boards[0] if boards else "")
    if board not in boards:
        raise fail(f"there is no board {board!r}", f"boards: {', '.join(boards) or 'none'}", where)
    if name in cluster.get("services", {}):
        raise fail(f"there is a service {name!r} already", where=where)
    return _placed(text, cluster, name, board)


def _placed(text: str, cluster: dict[str, Any], name: str, board: str) -> str:
    port = free_port(cluster)
    document: Any = tomlkit.parse(text)
    table = document["boards"][board]
    table.setdefault("services", tomlkit.array()).append(name)
    changed = f"{tomlkit.dumps(document).rstrip()}\n\n[services.{name}]\nport = {port}\n"
    try:
        tomllib.loads(changed)
    except tomllib.TOMLDecodeError:
        raise fail(
            "cannot add a [services.<name>] table to the way this file is written",
            f"write it with tables, or add {name!r} with port {port} by hand",
            Where("cluster.toml"),
        ) from None
    return changed


def free_port(cluster: dict[str, Any]) -> int:
    """The lowest port from 8001 that no service of the parsed ``cluster.toml`` has."""
    taken = {service.get("port") for service in cluster.get("services", {}).values()}
    return next(port for port in range(FIRST_PORT, 65536) if port not in taken)


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise fail(
            f"{name!r} cannot be the name of a service",
            "use lower-case letters, digits and _, beginning with a letter: door_lock",
        )


def _write(source: Path, target: Path, words: dict[str, str]) -> list[Path]:
    files = {
        target / _filled(_undotted(file.relative_to(source).as_posix()), words): file
        for file in sorted(source.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }
    taken = [path for path in files if path.exists()]
    if taken:
        raise fail(f"{taken[0]} exists already", "take another name, or remove it first")
    for path, file in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(file.read_text(), words))
    return list(files)


def _undotted(name: str) -> str:
    # A .gitignore of its own would hide the templates from this repository's git.
    return ".gitignore" if name == "gitignore" else name


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text
