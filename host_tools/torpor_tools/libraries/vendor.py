"""The folder ``vendor/``: written by ``torpor add``, compared with the lock by every build."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..errors import Problem, Where
from ..files import project_files
from ..model.cluster import Cluster
from ..model.library import LIB, LibraryEntry, Locked
from ..project.libraries import LOCK, VENDOR, read_library_lock
from .package import Package, sha256


def write(root: Path, package: Package) -> Path:
    """Write a library's files into ``vendor/<name>/``, all or none; return the folder."""
    folder = root / VENDOR / package.name
    folder.parent.mkdir(exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        for name, data in package.files.items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        shutil.rmtree(folder, ignore_errors=True)
        aside.chmod(0o755)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def remove(root: Path, name: str) -> None:
    """Remove a library's files."""
    shutil.rmtree(root / VENDOR / name, ignore_errors=True)
    with suppress(OSError):  # there are others
        (root / VENDOR).rmdir()


def vendored(cluster: Cluster) -> list[tuple[LibraryEntry, Locked]]:
    """Return the libraries of ``[libraries]`` that were added, with their entries in the lock.

    Raises:
        UserError: The lock cannot be read.
    """
    locked = read_library_lock(cluster.root)
    taken = [entry for entry in cluster.libraries if entry.source != LIB]
    return [(entry, locked[entry.name]) for entry in taken if entry.name in locked]


def libraries_are_as_added(cluster: Cluster) -> Iterator[Problem]:
    """Check that each entry of ``[libraries]`` is in ``vendor/``, in its version and unchanged.

    Raises:
        UserError: The lock cannot be read.
    """
    known = dict(vendored(cluster))
    for entry in cluster.libraries:
        locked = known.get(entry)
        if entry.source == LIB:
            continue
        if locked is None:
            what = f"{entry.name} is named here and was never added"
            yield Problem(entry.where, what, "fetch it with: torpor add")
        elif (locked.version, locked.source) != (entry.version, entry.source):
            what = f"{entry.name}: the lock has {_said(locked)}, and this says {_said(entry)}"
            yield Problem(entry.where, what, "fetch it with: torpor add; or correct this line")
        else:
            yield from _changed(cluster.root, locked)


def libraries_do_not_collide(cluster: Cluster) -> Iterator[Problem]:
    """No two libraries have a module of the same name, and none has one of ``lib/``."""
    owners: dict[str, str] = {}
    folder = cluster.root / "lib"
    for path in project_files(folder, "*.py"):
        top = path.relative_to(folder).parts[0]
        owners[top.removesuffix(".py")] = f"lib/{top}"
    for entry, locked in vendored(cluster):
        for module in locked.packages:
            if module in owners:
                what = f"{entry.name} has a module {module}, and so has {owners[module]}"
                remedy = f"keep one: torpor remove {entry.name}, or rename the other"
                yield Problem(entry.where, what, remedy)
            owners.setdefault(module, entry.name)


def _said(library: LibraryEntry | Locked) -> str:
    return f"{library.version} of {library.source}"


def _changed(root: Path, locked: Locked) -> Iterator[Problem]:
    """Report the files of ``vendor/`` that have changed since they were added."""
    for name, known in locked.files.items():
        path = root / VENDOR / locked.name / name
        where = Where(f"{VENDOR}/{locked.name}/{name}")
        if not path.is_file():
            what = f"the file is missing: {locked.name} was added with it"
            yield Problem(where, what, "fetch it again with: torpor add")
        elif sha256(path.read_bytes()) != known:
            what = f"the file is not what was added: {LOCK} has another SHA-256 for it"
            remedy = "fetch it again with: torpor add; to change a library, move it into lib/"
            yield Problem(where, what, remedy)
