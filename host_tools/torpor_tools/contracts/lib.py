"""The project's own ``lib/``: modules that any service imports by their plain name.

``lib/bme280.py`` is ``import bme280``, as MicroPython's own ``/lib`` works. A module of ``lib``
knows no service.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import Problem, UserError
from ..files import is_shipped, project_files
from ..libraries.vendor import vendored
from ..model.board import Board
from ..model.cluster import Cluster
from .source import parse_module, read_source
from .source_module import Module

FOLDER = "lib"
# The build, the runtime and the chip have modules, folders and files of these names.
RESERVED = (
    *("torpor", "torpor_test", "services", "cluster", "swap", "boot", "main", "data", "t"),
    "templates",
)


def lib_files(root: Path) -> list[Path]:
    """Return the files of ``lib/`` that may go to a chip: no tests."""
    folder = root / FOLDER
    return [file for file in project_files(folder, "*.py") if is_shipped(file, folder)]


def lib_modules(root: Path) -> tuple[list[Module], list[Problem]]:
    """Parse the modules of ``lib/``; also return a problem for each that cannot be parsed."""
    parsed = [parse_module(file, root) for file in lib_files(root)]
    modules = [
        replace(item, name=item.name.partition(".")[2])
        for item in parsed
        if isinstance(item, Module) and item.name != FOLDER
    ]
    return modules, [item for item in parsed if isinstance(item, Problem)]


def imported(module: Module) -> Iterator[tuple[str, ast.stmt]]:
    """Yield the dotted names that a module imports, at any depth, with the statements.

    ``from a import b`` gives ``a`` and ``a.b``, which may be a module.
    """
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            origin = module.imported_from(node)
            yield origin, node
            for alias in node.names:
                yield f"{origin}.{alias.name}", node


def reached(modules: Iterable[Module], lib: Iterable[Module]) -> list[Module]:
    """Return the modules of ``lib`` that ``modules`` import, directly or through ``lib``."""
    known = {module.name: module for module in lib}
    found: dict[str, Module] = {}
    todo = list(modules)
    while todo:
        for name, _ in imported(todo.pop()):
            parts = name.split(".")
            for each in (".".join(parts[: n + 1]) for n in range(len(parts))):
                if each in known and each not in found:
                    found[each] = known[each]
                    todo.append(known[each])
    return list(found.values())


class Libraries:
    """The modules of ``lib/`` that mypy checks, and those that it treats as ``Any``.

    ``checked`` are the files that the ``services`` import, directly or indirectly; ``untyped`` are
    the names of modules without annotations and of added packages.
    """

    def __init__(self, cluster: Cluster, services: Iterable[str]) -> None:
        root = cluster.root
        modules, _ = lib_modules(root)
        used = reached(_service_modules(root, services), modules)
        self.untyped = sorted(m.name for m in modules if is_untyped(m) and not _has_stub(root, m))
        added = {name for _, locked in vendored(cluster) for name in locked.packages}
        self.untyped = sorted({*self.untyped, *added, *(f"{name}.*" for name in added)})
        self.checked = [root / m.file for m in used if m.name not in self.untyped]


def _service_modules(root: Path, services: Iterable[str]) -> Iterator[Module]:
    for service in services:
        try:
            yield from read_source(root, service).modules
        except UserError:  # it is reported where the service is read
            continue


def _has_stub(root: Path, module: Module) -> bool:
    return (root / module.file).with_suffix(".pyi").is_file()


def is_untyped(module: Module) -> bool:
    """Return whether a module has functions without any annotation: mypy sees it as ``Any``."""
    functions = [
        node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return bool(functions) and not any(map(_is_annotated, functions))


def _is_annotated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return node.returns is not None or any(a.annotation for a in arguments)


# -- rules


def lib_knows_no_service(lib: Iterable[Module]) -> Iterator[Problem]:
    """No module of ``lib`` imports from ``services``."""
    for module in lib:
        for node in {node: name for name, node in imported(module) if _is_service(name)}:
            what = f"{ast.unparse(node)}: a module of lib/ cannot import from a service"
            remedy = "move what both need into lib/, or pass it to the function as an argument"
            yield module.problem(node, what, remedy)


def _is_service(name: str) -> bool:
    return name.partition(".")[0] == "services"


def lib_names_are_free(lib: Iterable[Module], boards: Iterable[Board]) -> Iterator[Problem]:
    """No module of ``lib`` has a name that the runtime or a board's firmware has already."""
    from ..link import builtin

    kinds = list(boards)
    for module in lib:
        if "." in module.name:
            continue
        remedy = f"give it another name, for example my_{module.name}"
        if module.name in RESERVED:
            what = f"torpor uses the name {module.name} itself"
            yield module.problem(module.tree, what, remedy)
            continue
        for kind in kinds:
            if builtin.has(kind.port, module.name, kind.chip):
                what = f"the firmware of {kind.name} has a module {module.name} of its own"
                yield module.problem(module.tree, what, remedy)
                break
