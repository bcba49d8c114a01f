"""The modules that an image takes from the project's libraries: ``lib/`` and added packages."""

from __future__ import annotations

import ast
import re
from functools import cached_property
from pathlib import Path

from ..contracts.aliases import host_only
from ..contracts.lib import FOLDER, lib_modules
from ..contracts.source import import_types, modules_of
from ..contracts.source_module import Module as Parsed
from ..errors import Problem
from ..files import NOT_SHIPPED, is_file, project_files
from ..libraries.vendor import vendored
from ..model.cluster import Cluster
from ..model.library import Locked
from ..project.libraries import VENDOR
from ..text import read_text
from .module import Module, shown

_NATIVE = re.compile(r"^[ \t]*@micropython\.native[ \t]*(?=#|$)", re.M)


class Shelf:
    """The libraries of a project."""

    def __init__(self, cluster: Cluster) -> None:
        self._root = cluster.root
        self._vendored = [locked for _, locked in vendored(cluster)]

    def module(self, name: str) -> Module | None:
        """Return the module of that name as it stands in its file, or None if there is none.

        Raises:
            SyntaxError: CPython cannot read it; the check of ``lib/`` reports it.
            UserError: The same, of an added package.
        """
        if set(name.split(".")) & set(NOT_SHIPPED):
            return None
        if found := find(self._root / FOLDER, name):
            return self._own(name, found)
        for locked in self._vendored:
            if name in locked.modules:
                return self._added(name, locked)
            if any(each.startswith(name + ".") for each in locked.modules):
                return None  # a folder without an __init__.py, which MicroPython imports too
        return None

    @cached_property
    def names(self) -> list[str]:
        """The names of all modules that can be imported from a library."""
        own = [module.name for module in lib_modules(self._root)[0]]
        return [*own, *(name for locked in self._vendored for name in locked.modules)]

    def is_folder(self, name: str) -> bool:
        """Return whether a name is a folder of a library without a module of its own."""
        return any(each.startswith(name + ".") for each in self.names)

    def _own(self, name: str, path: Path) -> Module:
        file = shown(path, self._root)
        source = portable(read_text(path, file))
        top = name.partition(".")[0]
        return Module(name, path.name == "__init__.py", source, file, "library", top)

    def _added(self, name: str, locked: Locked) -> Module:
        path = self._root / VENDOR / locked.name / locked.modules[name]
        file = shown(path, self._root)
        # A missing file is reported by the check of vendor/.
        source = portable(read_text(path, file)) if path.is_file() else ""
        return Module(name, path.name == "__init__.py", source, file, "dependency", locked.name)

    @cached_property
    def erased(self) -> frozenset[str]:
        """The types of other modules, dotted, that exist in annotations only.

        No device has them: aliases, records and events of ``lib/`` and of the services.
        """
        return frozenset(_erased(lib_modules(self._root)[0], _services(self._root)))


def portable(source: str) -> str:
    """Return the source without ``@micropython.native``: as bytecode it does the same, slower.

    Native code runs on one kind of chip only, and not in the simulator.
    """
    return _NATIVE.sub("", source)


def unfit(problem: Problem, library: str) -> Problem:
    """A problem in a package that somebody else wrote, with a remedy for its user."""
    what = f"{library} cannot run on MicroPython: {problem.what}"
    remedy = f"use another version of it, or another library: torpor remove {library}"
    return Problem(problem.where, what, remedy)


def find(folder: Path, name: str) -> Path | None:
    """Return the file of a module below ``folder``."""
    path = folder.joinpath(*name.split("."))
    for file in (path / "__init__.py", path.with_name(path.name + ".py")):
        if is_file(file, folder):
            return file
    return None


def _services(root: Path) -> list[Parsed]:
    folder = root / "services"
    places = [path.relative_to(folder).parts for path in project_files(folder, "*.py")]
    names = sorted({parts[0] for parts in places if len(parts) > 1})
    return [module for name in names for module in modules_of(root, name)]


def _erased(lib: list[Parsed], services: list[Parsed]) -> set[str]:
    modules = [*lib, *services]
    import_types(modules)
    found = {f"{m.name}.{name}" for m in modules for name in host_only(m.tree)}
    found |= {f"{m.name}.{name}" for m in modules for name in (*m.records, *m.events)}
    # A module passes on what it imports from another one.
    passed = {
        f"{m.name}.{alias.asname or alias.name}": f"{m.imported_from(node)}.{alias.name}"
        for m in modules
        for node in ast.walk(m.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    while new := {name for name, origin in passed.items() if origin in found} - found:
        found |= new
    return found
