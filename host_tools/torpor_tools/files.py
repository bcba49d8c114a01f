"""The files of a folder that belong to a project: one rule for everything that walks folders.

Editors leave lock files, backups and dangling links next to sources, and a link can lead out of the
project. None of that is checked, linked, shipped or watched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

# Folders of a service or a library that never go to a chip.
NOT_SHIPPED = ("tests",)

_CACHES = ("__pycache__",)
# pyproject.toml has the same list.
# Emacs, Vim, Notepad++ and others, nano, JetBrains, patch and git, Python.
_BACKUPS = (
    *("*~", "#*#", "*.sw[a-p]", "*.bak", "*.save", "*.autosave", "*.tmp", "*___jb_???___"),
    *("*.orig", "*.rej", "*.pyc", "*.pyo"),
)
# What file managers leave behind: Windows, and a Mac's zip file (.DS_Store is hidden by its name).
_SYSTEM = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r")


def is_shipped(file: Path, folder: Path, but: tuple[str, ...] = NOT_SHIPPED) -> bool:
    """Return whether a file of a service or a library may go to a chip.

    Args:
        file: The file.
        folder: The folder of the service or the library.
        but: Names of folders, at any depth, whose files do not.
    """
    return not set(but) & set(file.relative_to(folder).parts)


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that does not belong to the project, and why."""

    path: Path
    why: str
    usual: bool = False  # what editors and Python leave behind


def project_files(
    folder: Path, pattern: str = "*", *, deep: bool = True, within: Path | None = None
) -> list[Path]:
    """Return the regular files below ``folder`` that belong to the project, sorted.

    Args:
        folder: Where to look; it need not exist.
        pattern: A shell pattern for the names of the files.
        deep: Whether to look into the folders in it.
        within: The folder that links must not lead out of (default: ``folder``).
    """
    entries = _walk(folder, within or folder, deep)
    return sorted(e for e in entries if isinstance(e, Path) and fnmatch(e.name, pattern))


def left_out(folder: Path, *, within: Path | None = None) -> list[LeftOut]:
    """Return what ``project_files`` passes over below ``folder``, sorted by path."""
    entries = (e for e in _walk(folder, within or folder, True) if isinstance(e, LeftOut))
    return sorted(entries, key=lambda entry: entry.path)


def belongs(path: Path, root: Path) -> bool:
    """Whether the names on the way from ``root`` to ``path`` are those of project files.

    The file may be gone by now, so this is for those who watch folders.
    """
    return not any(_why_not(part) for part in path.relative_to(root).parts)


def _walk(folder: Path, within: Path, deep: bool) -> Iterator[Path | LeftOut]:
    inside = within.resolve()
    if folder.is_symlink() and not folder.resolve().is_relative_to(inside):
        yield LeftOut(folder, _link(folder))
        return
    for place, folders, names in os.walk(folder):
        here = Path(place)
        for name in list(folders):
            path = here / name
            why = _why_not(name) or (_link(path) if path.is_symlink() else "")
            if why or not deep:
                folders.remove(name)
            if why:
                yield LeftOut(path, why, bool(_why_not(name)))
        for name in names:
            path = here / name
            why = _why_not(name)
            if why or (unusual := _odd(path, inside)):
                yield LeftOut(path, why or unusual, bool(why))
            else:
                yield path


def is_file(path: Path, below: Path) -> bool:
    """Return whether there is a file of exactly this name, even if ``A.py`` opens ``a.py``.

    A chip's filesystem is case-sensitive, those of macOS and Windows are not.

    Args:
        path: The file.
        below: A folder above it; the names up to there are compared.
    """
    if not path.is_file():
        return False
    while path != below:
        if path.name not in os.listdir(path.parent):
            return False
        path = path.parent
    return True


def _why_not(name: str) -> str:
    """The reason, if the name alone shows it, or an empty text."""
    if name in _CACHES:
        return "a cache of Python"
    if name.startswith("."):
        return "hidden"
    lower = name.lower()  # some programs write PAGE.BAK
    if lower in _SYSTEM:
        return "left by a file manager"
    return "a backup or a cache" if any(fnmatch(lower, each) for each in _BACKUPS) else ""


def _odd(path: Path, inside: Path) -> str:
    """Why a file is not an ordinary one, or an empty text."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # it leads nowhere, or to itself
        return _link(path) if path.is_symlink() else "it cannot be read"
    if not target.is_file():
        return "not a regular file"
    if not path.is_symlink():
        return ""
    if not target.is_relative_to(inside):
        return _link(path)
    return "" if belongs(target, inside) else f"a link to {target.name}, which is hidden"


def _link(path: Path) -> str:
    try:
        target = os.readlink(path)
    except OSError:
        return "it cannot be read"
    if not path.exists():
        return f"a link to {target}, which leads nowhere"
    return f"a link to {target}" + (", a folder" if path.is_dir() else ", outside")
