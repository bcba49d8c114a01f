"""A library as it was fetched, and the rule for which of its files may go into a project."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ..errors import UserError, fail
from ..model.library import Locked

COMPILED = (".so", ".pyd", ".dylib", ".dll", ".c", ".cc", ".cpp", ".pyx")
# Folders and files of a source distribution that are not part of the library.
_APART = (
    "tests",
    "test",
    "docs",
    "doc",
    "examples",
    "example",
    "build",
    "dist",
    "tools",
    "scripts",
)
_TOOLS = (
    *("setup.py", "conftest.py", "sdist_upip.py", "noxfile.py", "tasks.py", "manifest.py"),
    *("boot.py", "main.py"),
)
_SPDX = re.compile(r"SPDX-License-Identifier:\s*(?P<id>[\w.+() -]+)")


@dataclass(frozen=True)
class Package:
    """The files of a library: path below its folder -> content."""

    name: str
    version: str
    source: str
    files: dict[str, bytes]
    licence: str = ""
    needs: tuple[str, ...] = field(default=())  # further packages, as their source names them

    def locked(self) -> Locked:
        """The library as the lock records it."""
        hashes = {path: sha256(data) for path, data in self.files.items()}
        return Locked(self.name, self.version, self.source, self.licence, hashes)


def sha256(data: bytes) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def chosen(
    name: str, files: dict[str, bytes], packages: list[str] | None = None
) -> dict[str, bytes]:
    """Return the modules among the files of a distribution.

    Args:
        name: The library, for messages.
        files: Path in the distribution -> content.
        packages: The top-level modules, if the distribution says which; others are left out.

    Raises:
        UserError: It has C code, or no module at all.
    """
    refuse_compiled(name, files)
    if any(path.startswith("src/") and path.endswith(".py") for path in files):
        files = {p.removeprefix("src/"): d for p, d in files.items() if p.startswith("src/")}
    modules = {path: data for path, data in files.items() if _is_module(path)}
    if packages:
        named = {
            p: d for p, d in modules.items() if p.split("/")[0].removesuffix(".py") in packages
        }
        modules = named or modules
    if not modules:
        if any(path.endswith(".mpy") for path in files):
            what = f"{name} has compiled modules (.mpy) only, which cannot be checked or linked"
            raise fail(what, "get its source")
        raise fail(f"{name} has no Python module", "check the name of the library")
    return modules


def refuse_compiled(name: str, files: dict[str, bytes]) -> None:
    """Raise ``UserError`` if a library has C code."""
    for path in files:
        if path.endswith(COMPILED):
            raise compiled(name, path)


def compiled(name: str, path: str) -> UserError:
    """The error for a library with C code."""
    what = f"{name} has C code ({path}), which MicroPython cannot load"
    return fail(what, "use a library in plain Python, best one that is written for MicroPython")


def _is_module(path: str) -> bool:
    parts = PurePosixPath(path).parts
    if not path.endswith(".py") or parts[0] in _TOOLS or set(parts[:-1]) & set(_APART):
        return False
    if parts[0].startswith("test_"):
        return False
    names = [*parts[:-1], parts[-1].removesuffix(".py")]
    return ".." not in parts and all(name.isidentifier() for name in names)


def licence_of(files: dict[str, bytes]) -> str:
    """Return the licence that a comment in one of the files names, or an empty text."""
    for data in files.values():
        if match := _SPDX.search(data[:2000].decode(errors="replace")):
            return match["id"].strip()
    return ""
