"""Sources of modules: services, the runtime, and packages from PyPI."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from .. import paths
from ..errors import Problem, UserError
from ..files import is_file, is_shipped, project_files
from ..model.plan import PlacedService
from ..python_names import parsed
from ..python_text import syntax_problem
from ..text import read_text
from .bind import bound
from .module import Module, shown
from .runtime import DEPENDENCIES, PORT_MODULES


def service_modules(service: PlacedService, root: Path) -> tuple[list[Module], list[Problem]]:
    """Return the modules in a service's files, and the problems of those that cannot be read."""
    modules, problems = [], []
    for path in service_files(service.folder, "*.py"):
        inside = path.relative_to(service.folder).with_suffix("").parts
        file = shown(path, root)
        try:
            module = _read(path, ["services", service.name, *inside], file, "service")
            parsed(module.source, file)
        except SyntaxError as error:
            problems.append(syntax_problem(error, module.source, file))
        except UserError as error:
            problems += error.problems
        else:
            modules.append(module)
    return modules, problems


def service_files(folder: Path, pattern: str) -> Iterator[Path]:
    """The files of a service that may be shipped: no tests."""
    for path in project_files(folder, pattern):
        if is_shipped(path, folder):
            yield path


def runtime_module(name: str, port: str) -> Module | None:
    """The module of that name of the runtime, bound to a board, or None if there is none.

    ``PORT_MODULES`` are files of the board's port. Raises ``SyntaxError``, which is a bug.
    """
    folder = paths.firmware_dir()
    if name in PORT_MODULES:
        file = f"ports/{port}{PORT_MODULES[name]}.py"
        path, parts = folder / file, name.split(".")
    elif found := _find(folder, name):
        path, parts = found
        file = _tail(parts, path)
    else:
        return None
    return bound(_read(path, parts, f"firmware/{file}", "runtime"))[0]


def dependency_module(name: str) -> Module | None:
    """The module of that name of a package from PyPI, as it is, or None.

    Raises ``metadata.PackageNotFoundError`` if the package is one we know but is not installed.
    """
    package = name.partition(".")[0]
    if package not in DEPENDENCIES:
        return None
    folder = Path(str(metadata.distribution(DEPENDENCIES[package]).locate_file("")))
    found = _find(folder, name)
    if found is None:
        return None
    path, parts = found
    source = path.read_text(encoding="utf-8")
    return Module(name, parts[-1] == "__init__", source, _tail(parts, path), "dependency")


def _find(folder: Path, name: str) -> tuple[Path, list[str]] | None:
    """The file of a module below ``folder``, with the parts of its name."""
    parts = name.split(".")
    for found in ([*parts, "__init__"], parts):
        path = folder.joinpath(*found).with_suffix(".py")
        if is_file(path, folder):
            return path, found
    return None


def _read(path: Path, parts: list[str], file: str, part: str) -> Module:
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    return Module(name, is_package, read_text(path, file), file, part)


def _tail(parts: list[str], path: Path) -> str:
    return "/".join([*parts[:-1], path.name])
