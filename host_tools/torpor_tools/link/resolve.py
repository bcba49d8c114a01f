"""Adds the modules of the runtime and of packages that a program imports, directly or not.

The search starts from the files that start the chip, the wiring and all modules of the services.
It includes imports inside functions. A part of the runtime that not every board needs is imported
by the wiring only, if a service needs it. ``shake`` then removes the code that nothing names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata

from ..errors import Problem, UserError, Where
from ..model.plan import BoardPlan, Plan
from ..python_names import is_foreign
from ..python_text import syntax_problem
from . import bind, builtin, collect, templates
from .flags import switched
from .imports import Import, imports
from .libraries import Shelf, unfit
from .missing import missing_module, needs_of_library, needs_of_microdot, not_simulated
from .module import Module
from .program import Program
from .runtime import DEPENDENCIES, OPTIONAL, PACKAGES
from .sources import dependency_module, runtime_module
from .start import start_modules
from .stub import API, SIGNATURES, STUBS
from .wire import with_keys

_OURS = ("service", "library")  # the parts that the project's authors write


def run(program: Program) -> None:
    """Follow every import of the program."""
    work = _Search(with_keys(program), program.shelf, program.modules)
    for module in list(program.modules.values()):
        work.follow(module, None)
    for module in start_modules(program.board.board.port, updated=program.updated):
        work.follow(module, None)
    program.modules = dict(sorted(work.found.items()))
    program.problems += work.problems
    templates.run(program)


def resolved(
    plan: Plan, board: BoardPlan, generated: Mapping[str, str], extra: Iterable[Module] = ()
) -> Program:
    """Return the program of a board whose wiring is given.

    Args:
        plan: The cluster.
        board: The board.
        generated: Name -> source of ``cluster`` and of other generated modules.
        extra: Modules that go with the services.
    """
    program = Program(plan, board)
    collect.run(program)
    bind.run(program)
    program.modules |= {module.name: module for module in extra}
    for name, source in generated.items():
        program.generate(name, source)
    run(program)
    return program


@dataclass(frozen=True)
class _Origin:
    """The import in a service that brought a package from PyPI into the image."""

    name: str
    where: Where


@dataclass
class _Search:
    board: BoardPlan
    shelf: Shelf
    found: dict[str, Module] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def follow(self, module: Module, origin: _Origin | None) -> None:
        """Add all that ``module`` imports."""
        for item in imports(module):
            where = Where(module.file, item.line)
            if module.part != "dependency":
                origin = _Origin(item.name, where)
            if module.part == "service" and _leaves_its_service(item.name, module):
                if item.required or item.name.count(".") == 1:  # `from services import readings`
                    what = f"{item.name} belongs to another service: that is hidden coupling"
                    remedy = "import a peer's class, from services.<name>, and call its methods; "
                    remedy += "what both need goes into lib/"
                    self.problems.append(Problem(where, what, remedy))
            elif not self.add(item.name, module, origin):
                if item.required and not item.guarded:
                    self.missing(item, module, where, origin)
            elif module.part in _OURS and not item.guarded and self.only_on_chips(item):
                self.problems.append(not_simulated(item.name, where))

    def only_on_chips(self, item: Import) -> bool:
        """Return whether only the chip has a module or what is in it, and not the simulator."""
        board = self.board.board
        if item.name in self.found or not builtin.has(board.port, item.name, board.chip):
            return False
        is_module = builtin.simulated(item.name.partition(".")[0])
        return (item.required or is_module) and not builtin.simulated(item.name)

    def add(self, name: str, importer: Module, origin: _Origin | None) -> bool:
        """Add the module of that name, its packages first. False if there is none."""
        top = name.partition(".")[0]
        if name in self.found or builtin.has(self.board.board.port, top, self.board.board.chip):
            return True
        if top in ("services", "cluster", STUBS, API, SIGNATURES):
            # The rules of lib/ have reported an import of a service there.
            return top == name or (top == "services" and importer.part == "library")
        if name in OPTIONAL and not OPTIONAL[name](self.board):
            return False
        try:
            module = self.load(name)
        except metadata.PackageNotFoundError:
            return False
        if module is None:
            return self.shelf.is_folder(name)
        self.found[name] = module  # first: its package may import it
        if "." in name:
            self.add(name.rpartition(".")[0], importer, origin)
        self.follow(module, origin)
        return True

    def load(self, name: str) -> Module | None:
        if name.partition(".")[0] in PACKAGES:
            module = runtime_module(name, self.board.board.port)
            return module and switched(module, self.board)
        try:
            taken = self.shelf.module(name)
        except UserError:
            return None  # the check of lib/ reports it
        if taken is None:
            return dependency_module(name)
        module, problems = self.bound(taken)
        added = taken.part == "dependency"
        self.problems += [unfit(p, taken.library) for p in problems] if added else problems
        return module

    def bound(self, module: Module) -> tuple[Module, list[Problem]]:
        """Bind a module of a library; one that CPython cannot read is empty and has a problem."""
        try:
            return bind.bound(module, self.shelf.erased)
        except SyntaxError as error:
            problem = syntax_problem(error, module.source, module.file)
            # The check of lib/ reports those of lib/.
            return replace(module, source=""), [problem] if module.part == "dependency" else []

    def missing(self, item: Import, module: Module, where: Where, origin: _Origin | None) -> None:
        """Note an import that leads nowhere."""
        top = item.name.partition(".")[0]
        if module.part == "dependency":
            if not item.lazy and origin is not None:
                needs = needs_of_library if module.library else needs_of_microdot
                self.problems.append(needs(item, module, origin.name, origin.where))
        elif top in DEPENDENCIES and not _installed(DEPENDENCIES[top]):
            what = f"{top} is not installed here, so it cannot be put into the image"
            self.problems.append(Problem(where, what, f"pip install {DEPENDENCIES[top]}"))
        elif module.part in _OURS or top == "torpor":
            near = [name for name in self.found if name.startswith(_home(module))]
            near += [*DEPENDENCIES, *self.shelf.names]
            self.problems.append(missing_module(item.name, where, self.board.board.port, near))


def _leaves_its_service(name: str, module: Module) -> bool:
    """Return whether a module of a service imports from another service."""
    return name.count(".") > 0 and is_foreign(name, module.name.split(".")[1])


def _home(module: Module) -> str:
    """The package that a module belongs to: ``services.alerts`` or ``torpor``."""
    parts = module.name.split(".")
    return ".".join(parts[: 2 if module.part == "service" else 1])


def _installed(project: str) -> bool:
    try:
        metadata.distribution(project)
    except metadata.PackageNotFoundError:
        return False
    return True
