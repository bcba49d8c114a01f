"""Writes a project and services from the files in ``templates/``."""

from __future__ import annotations

import keyword
import re
import tomllib
from pathlib import Path
from typing import Any

import tomlkit

from .. import suggest
from ..errors import Where, fail
from ..files import project_files
from ..model.cluster import Cluster
from ..paths import templates_dir
from ..project import load_cluster
from ..project.cluster import RESERVED
from ..text import read_text


def write_project(folder: Path, name: str, board_type: str) -> list[Path]:
    """Write the files of an empty cluster below ``folder`` and return them.

    Raises ``UserError`` if one of them exists or cannot be written.
    """
    name = re.sub(r"[^\w-]+", "-", name).strip("-") or "cluster"
    return _write(templates_dir() / "project", folder, {"mycluster": name, "MYBOARD": board_type})


def write_service(root: Path, name: str, board: str | None = None) -> list[Path]:
    """Write the service ``name`` and place it on ``board`` (default: the first) of the cluster.

    Returns the files written or changed. Raises ``UserError`` if the name cannot be used, the
    service exists, the board does not, or ``cluster.toml`` has mistakes.
    """
    _check_name(name)
    cluster_file = root / "cluster.toml"
    placed = place(load_cluster(root), read_text(cluster_file, "cluster.toml"), name, board)
    words = {"MyService": class_name(name), "myservice": name}
    written = _write(templates_dir() / "service", root / "services" / name, words)
    cluster_file.write_text(placed, "utf-8", newline="\n")
    return [*written, cluster_file]


def class_name(service: str) -> str:
    """The name of a service's class: ``DoorLock`` for ``door_lock``."""
    return "".join(word.capitalize() for word in service.split("_"))


def place(cluster: Cluster, text: str, name: str, board: str | None) -> str:
    """``text``, the ``cluster.toml`` of ``cluster``, with the service on ``board`` and a free port.

    Everything else stays, including comments. Raises ``UserError`` for an unknown board, for an
    existing service, and for a text that only a person can change.
    """
    boards = [entry.name for entry in cluster.boards]
    board = board or boards[0]
    if board not in boards:
        what = f"there is no board {board!r}"
        remedy = f"boards: {', '.join(boards)}; for a new one add a table [boards.{board}]"
        raise fail(what, suggest.did_you_mean(board, boards) or remedy, Where("cluster.toml"))
    for entry in cluster.services:
        if entry.name == name:
            raise fail(f"there is a service {name!r} already", "choose another name", entry.where)
    port = free_port(cluster)
    document: Any = tomlkit.parse(text)
    document["boards"][board].setdefault("services", tomlkit.array()).append(name)
    changed = f"{tomlkit.dumps(document).rstrip()}\n\n[services.{name}]\nport = {port}\n"
    try:
        tomllib.loads(changed)
    except tomllib.TOMLDecodeError:
        raise fail(
            "[services] is written in a form that torpor cannot extend",
            f"write [services.<name>] for each, or add {name!r} with port {port} by hand",
            Where("cluster.toml"),
        ) from None
    return changed


def free_port(cluster: Cluster) -> int:
    """The lowest port from 8001 that no service has."""
    return suggest.free_port(service.port for service in cluster.services)


def _check_name(name: str) -> None:
    # The class of a service called "service" would hide the one that it derives from.
    reserved = {**RESERVED, "service": "torpor uses the name Service itself"}
    if name in reserved:
        raise fail(f"a service cannot be called {name!r}", f"choose another name: {reserved[name]}")
    if keyword.iskeyword(name) or keyword.iskeyword(class_name(name)):
        what = f"{name!r} cannot be the name of a service: it is a Python keyword"
        raise fail(what, f"choose another name, for example my_{name}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        odd = next((c for c in name if not re.match("[a-z0-9_]", c)), "")
        cause = f"it contains {odd!r}" if odd else "it does not begin with a letter"
        raise fail(
            f"{name!r} cannot be the name of a service: {cause}",
            "use lower-case letters, digits and _, beginning with a letter: door_lock",
        )


def _write(source: Path, target: Path, words: dict[str, str]) -> list[Path]:
    files = {
        target / _filled(_undotted(file.relative_to(source).as_posix()), words): file
        for file in project_files(source)
    }
    taken = [path for path in files if path.exists()]
    if taken:
        raise fail(f"{taken[0]} exists already", "choose another name, or remove it first")
    try:
        for path, file in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_filled(file.read_text("utf-8"), words), "utf-8", newline="\n")
    except OSError as error:
        raise fail(f"cannot write {error.filename}: {error.strerror}") from None
    return list(files)


def _undotted(name: str) -> str:
    # A file named .gitignore would hide the templates from this repository's git.
    return ".gitignore" if name == "gitignore" else name


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text
