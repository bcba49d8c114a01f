"""The sources of builds, kept by build id, so that a crash is shown with the code that ran."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import compress, decompress

from ..image.tree import LISTING
from ..model.plan import BoardPlan, Plan
from ..paths import firmware_dir
from .crumbs import APPLICATION

if TYPE_CHECKING:
    from ..link.module import Module

_FOLDER = Path(".cache") / "builds"
_MOST = 64  # builds that are kept, of all boards
_COROUTINE = re.compile(r"^ *async def (\w+)", re.MULTILINE)  # what a service may spawn


@dataclass(frozen=True)
class Build:
    """The facts that are kept about a build.

    Attributes:
        board: The board that it was made for.
        files: The name of a file in tracebacks -> the key of its source.
        methods: Service and method of everything that leaves a breadcrumb.
        routes: Service, verb, path and method of every route.
        unnumbered: Names of files in tracebacks whose line numbers are not in the image.
    """

    folder: Path
    board: str
    files: Mapping[str, str]
    methods: tuple[tuple[str, str], ...]
    routes: tuple[tuple[str, str, str, str], ...]
    unnumbered: frozenset[str] = field(default=frozenset())

    def line(self, file: str, number: int) -> str:
        """A line of the source that ran, without its indentation; empty if it is not known."""
        key = self.files.get(file)
        path = self.folder / key if key else None
        if path is None or not path.is_file():
            return ""
        lines = decompress(path.read_bytes()).decode().splitlines()
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def keep_build(
    out: Path, plan: Plan, board: BoardPlan, files: Mapping[str, bytes], modules: Iterable[Module]
) -> None:
    """Keep the sources of an image below ``out``; the oldest builds are removed.

    Args:
        out: The folder that builds go to.
        plan: The cluster.
        board: The board.
        files: The files of the image.
        modules: The modules that it was made of.
    """
    folder = out / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    sources: dict[str, str] = {}
    unnumbered = []
    tasks: set[tuple[str, str]] = set()
    for module in modules:
        if module.name.startswith("services."):
            service = module.name.split(".")[1]
            tasks.update((service, name) for name in _COROUTINE.findall(module.source))
        if module.part == "dependency":
            unnumbered.append(_py(module.trace_name))
        elif (name := _py(module.trace_name)) not in sources:
            source = _original(module, plan.cluster.root).encode()
            sources[name] = sha256(source).hexdigest()[:32]
            if not (folder / sources[name]).exists():
                _write(folder / sources[name], compress(source))
    facts = {
        "board": board.name,
        "files": sources,
        "methods": list(dict.fromkeys([*_methods(board), *sorted(tasks)])),
        "routes": [
            (s.name, route.verb, route.path, method.name)
            for s in board.services
            for method in s.contract.methods
            for route in method.routes
        ],
        "unnumbered": unnumbered,
    }
    _write(folder / f"{id_of(files)}.json", json.dumps(facts).encode())
    _forget_old(folder)


def id_of(files: Mapping[str, bytes]) -> str:
    """The id of an image: a hash of its list of checksums, as ``update.manifest`` has it."""
    return sha256(files[LISTING]).hexdigest()[:16]


def read_build(root: Path, build: str) -> Build | None:
    """Return the build of the project in ``root`` with that id; None if it is not kept."""
    folder = root / "build" / _FOLDER
    try:
        facts = json.loads((folder / f"{build}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Build(
        folder,
        facts["board"],
        facts["files"],
        tuple((service, method) for service, method in facts["methods"]),
        tuple((s, verb, path, method) for s, verb, path, method in facts["routes"]),
        frozenset(facts["unnumbered"]),
    )


def _methods(board: BoardPlan) -> Iterator[tuple[str, str]]:
    for service in board.services:
        names = [method.name for method in service.contract.methods]
        for name in [*names, "start", "load", APPLICATION]:
            yield service.name, name


def _original(module: Module, root: Path) -> str:
    """The source as it was written: the linker keeps the numbers of its lines."""
    for folder in (root, firmware_dir().parent):
        path = folder / module.file
        if path.suffix == ".py" and path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
    return module.source


def _py(trace_name: str) -> str:
    return trace_name.removesuffix(".mpy").removesuffix(".py") + ".py"


def _write(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(name, path)


def _forget_old(folder: Path) -> None:
    """Remove the oldest builds, and sources that no other build has."""
    builds = sorted(folder.glob("*.json"), key=lambda p: -p.stat().st_mtime)
    if len(builds) <= _MOST:
        return
    for path in builds[_MOST * 3 // 4 :]:
        path.unlink(missing_ok=True)
    used = set()
    for path in builds[: _MOST * 3 // 4]:
        used.update(json.loads(path.read_text(encoding="utf-8"))["files"].values())
    for path in folder.iterdir():
        if path.suffix != ".json" and path.name not in used:
            path.unlink(missing_ok=True)
