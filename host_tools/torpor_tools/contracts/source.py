"""A service's source: its parsed modules, with the names that they import."""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import Problem, UserError, Where
from ..files import NOT_SHIPPED, is_file, is_shipped, project_files
from ..python_names import is_foreign, parsed
from ..python_text import syntax_problem
from ..text import read_text
from .aliases import aliases
from .events import events
from .lineage import Class, lineage, merged, services_of
from .records import records
from .source_module import Module

__all__ = ["Module", "Source", "decorator", "parse_module", "read_source"]

VERBS = ("get", "post", "put", "delete")
TRIGGERS = ("every", "daily", "on_wake")  # by which the runtime calls a method
# Folders of a service without modules of its contract; an image contains the migrations.
ASIDE = (*NOT_SHIPPED, "migrations")


@dataclass(frozen=True)
class Import:
    """``from services.<service> import <name>``, bound to ``alias`` in the module."""

    service: str
    name: str
    alias: str
    where: Where


@dataclass(frozen=True)
class Source:
    """A service's modules; the first is ``services/<service>/__init__.py`` with its class."""

    service: str
    modules: tuple[Module, ...]
    migrations: tuple[Module, ...] = ()  # the files of its folder migrations/

    @property
    def main(self) -> Module:
        return self.modules[0]

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        """The service classes; a service must have exactly one.

        A class that derives from others of the service also has their members, so those do not
        count as service classes themselves.
        """
        found = services_of(self.modules, self.main)
        return [merged(lineage(self.modules, cls)) for cls in found]

    @cached_property
    def lineage(self) -> list[Class]:
        """The service class and its bases, in the order in which MicroPython looks names up."""
        found = services_of(self.modules, self.main)
        return lineage(self.modules, found[0]) if found else []

    def owner(self, node: ast.AST) -> Module:
        """The module that contains a node of the service class."""
        return self._owners.get(node, self.main)

    @cached_property
    def _owners(self) -> dict[ast.AST, Module]:
        others = [cls for cls in self.lineage if cls.module is not self.main]
        return {node: cls.module for cls in others for node in ast.walk(cls.node)}

    def where(self, node: ast.AST) -> Where:
        """The place of a node of the service class or the main module."""
        return self.owner(node).where(node)

    def problem(self, node: ast.AST, what: str, remedy: str = "") -> Problem:
        """A problem at a node of the service class or the main module."""
        return self.owner(node).problem(node, what, remedy)

    def imports(self) -> Iterator[Import]:
        """Yield the imports from the packages of other services."""
        for module in self.modules:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.ImportFrom):
                    parts = module.imported_from(node).split(".")
                    if len(parts) == 2 and is_foreign(".".join(parts), self.service):
                        for name in node.names:
                            alias = name.asname or name.name
                            yield Import(parts[1], name.name, alias, module.where(node))


def read_source(root: Path, service: str) -> Source:
    """Parse the modules of a service.

    Raises:
        UserError: The service is missing, is a link, or has a module that is not Python.
    """
    folder = root / "services" / service
    if folder.is_symlink():
        raise UserError(_linked(folder, service))
    if not is_file(folder / "__init__.py", root):
        raise UserError(_absent(folder, service))
    files = sorted(project_files(folder, "*.py"), key=lambda f: (f != folder / "__init__.py", f))
    shipped = [file for file in files if is_shipped(file, folder, ASIDE)]
    parsed = [parse_module(file, root) for file in shipped]
    files = project_files(folder / "migrations", "*.py", deep=False, within=folder)
    migrations = [parse_module(file, root) for file in files if file.name != "__init__.py"]
    if problems := [p for p in [*parsed, *migrations] if isinstance(p, Problem)]:
        raise UserError(problems)
    from .lib import lib_modules  # which imports this module

    own = [m for m in parsed if isinstance(m, Module)]
    import_types([*lib_modules(root)[0], *own, *_peers(root, service, own)])
    return Source(
        service,
        tuple(m for m in parsed if isinstance(m, Module)),
        tuple(m for m in migrations if isinstance(m, Module)),
    )


def import_types(modules: list[Module]) -> None:
    """Add to each module the aliases, records and events that it imports, also indirectly.

    A record that derives from an imported one can be read only after that.
    """
    for _ in modules:
        known = _count_types(modules)
        for kind in ("aliases", "records", "events"):
            offered = {
                f"{module.name}.{name}": item
                for module in modules
                for name, item in getattr(module, kind).items()
            }
            for module in modules:
                for name, origin in module.names.items():
                    if origin in offered:
                        item = offered[origin]
                        getattr(module, kind)[name] = offered[f"{module.name}.{name}"] = item
        for module in modules:
            imported = [name for name in module.records if name in module.names]
            if imported:
                for name, cls in records(module.tree, imported).items():
                    module.records.setdefault(name, (cls, module))
        if _count_types(modules) == known:
            break


def _count_types(modules: list[Module]) -> int:
    return sum(len(m.aliases) + len(m.records) + len(m.events) for m in modules)


def _peers(root: Path, service: str, own: list[Module]) -> list[Module]:
    """The modules of the services that a service imports from, for their types."""
    found: list[Module] = []
    known, todo = {service}, own
    while todo:
        origins = [name.split(".") for module in todo for name in module.names.values()]
        names = {parts[1] for parts in origins if parts[0] == "services" and len(parts) > 2}
        todo = [m for name in sorted(names - known) for m in modules_of(root, name)]
        known |= names
        found += todo
    return found


def modules_of(root: Path, service: str) -> list[Module]:
    """The modules of a service that can be read; the check of the service reports the others."""
    folder = root / "services" / service
    if folder.is_symlink() or not folder.is_dir():
        return []
    files = [file for file in project_files(folder, "*.py") if is_shipped(file, folder, ASIDE)]
    return [m for file in files if isinstance(m := parse_module(file, root), Module)]


def _linked(folder: Path, service: str) -> Problem:
    """Return the problem of a linked folder, which torpor would not check, watch or ship."""
    target = os.readlink(folder)
    what = f"services/{service} is a symbolic link to {target}, and a service must be a folder"
    remedy = f"replace the link with a copy of {target}, or run torpor in the project it belongs to"
    return Problem(None, what, remedy)


def _absent(folder: Path, service: str) -> Problem:
    file = f"services/{service}/__init__.py"
    remedy = f"create it with: torpor new service {service}"
    if folder.is_dir():
        remedy = "write the service's class into it"
    elif folder.with_suffix(".py").is_file():
        remedy = f"a service is a folder: move services/{service}.py to {file}"
    return Problem(None, f"the service {service} has no {file}", remedy)


def parse_module(path: Path, root: Path) -> Module | Problem:
    """Return the module in a file below ``root``, or the reason why it cannot be read."""
    file = path.relative_to(root).as_posix()
    is_package = path.name == "__init__.py"
    name = file.removesuffix("/__init__.py" if is_package else ".py").replace("/", ".")
    try:
        text = read_text(path, file)
        tree = parsed(text, file)
    except UserError as error:
        return error.problems[0]
    except SyntaxError as error:
        return syntax_problem(error, text, file)
    except (RecursionError, MemoryError):
        return Problem(Where(file), "an expression is nested too deeply", "take it apart")
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    module = Module(name, file, is_package, tree, digest=digest)
    module.names.update(_imported_names(module))
    module.aliases.update({name: (type_, module) for name, type_ in aliases(tree).items()})
    module.records.update({name: (cls, module) for name, cls in records(tree).items()})
    module.events.update({name: (cls, module) for name, cls in events(tree).items()})
    return module


def _imported_names(module: Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom):
            source = module.imported_from(node)
            for alias in node.names:
                yield alias.asname or alias.name, f"{source}.{alias.name}"


def decorator(module: Module, node: ast.expr) -> tuple[str, ast.Call | None] | None:
    """The torpor name of a decorator and its call (None: written without parentheses)."""
    call = node if isinstance(node, ast.Call) else None
    owner, _, name = module.origin(call.func if call else node).rpartition(".")
    return (name, call) if owner == "torpor" else None
