"""Decides which modules an image holds: what its services import, directly or not, and no more.

Imports are followed from the files that start the chip, the wiring and all modules of the services,
those inside functions too. A part of the runtime that not every board needs is imported by the
wiring only, where a service of the board needs it, and so are the functions of ``SHAKEN`` modules.
What of all that nobody calls is then taken out by ``unused``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from textwrap import indent

from .. import paths
from ..errors import Problem, UserError, Where
from ..model.plan import BoardPlan, Plan
from . import builtin
from .imports import Import, imports
from .libraries import Shelf
from .missing import missing_module, not_simulated
from .module import Module
from .shake import shake
from .sources import DEPENDENCIES, RUNTIME, dependency_module, runtime_module, service_modules
from .stub import API, SIGNATURES, STUBS
from .wiring import parts

START_FILES = ("boot.py", "main.py")
_BEGIN = "wifi.begin()  # the build adds the host name and the power save\n"
_USUAL = "    ...  # here the build puts boot.py\n"
# Collections of functions: an image holds those that are imported by name, and what they call.
SHAKEN = ("torpor.http.args",)
_OURS = ("service", "library")  # the parts that the project's authors write


def _sleeps_deep(board: BoardPlan) -> bool:
    return board.power is not None and board.power.policy == "deep"


def _runs_daily(board: BoardPlan) -> bool:
    return any(m.daily_s is not None for s in board.services for m in s.contract.methods)


# Modules that the runtime does without where they are missing -> which board has them.
OPTIONAL: dict[str, Callable[[BoardPlan], bool]] = {
    "torpor.power": lambda board: any(
        name.startswith(("power.", "mqtt.")) for name in parts(board)
    ),
    "torpor.power.rejoin": _sleeps_deep,
    "torpor.daily_jobs": _runs_daily,
}


def collect(
    plan: Plan, board: BoardPlan, generated: Mapping[str, str], extra: Iterable[Module] = ()
) -> tuple[list[Module], list[Problem]]:
    """The modules of the board's image by name, and what is wrong with them.

    ``generated``: name -> source of ``cluster`` and the other modules that the build writes.
    ``extra``: modules that go with the services.
    """
    shelf = Shelf(plan.cluster.root)
    work = _Collection(board, shelf, {module.name: module for module in extra})
    for service in board.services:
        modules, problems = service_modules(service, plan.cluster.root, shelf.erased)
        work.problems += problems
        work.found.update({module.name: module for module in modules})
    for name, source in generated.items():
        work.found[name] = Module(name, False, source, f"{board.name}/{name}.py", "wiring")
    for module in list(work.found.values()):
        work.follow(module, None)
    for module in start_modules(board.board.port):
        work.follow(module, None)
    for name in SHAKEN:
        if name in work.found:
            work.found[name] = shake(work.found[name], work.taken_from(name))
    return sorted(work.found.values(), key=lambda module: module.name), work.problems


def start_modules(port: str, production: bool = False, begin: str = "") -> list[Module]:
    """``boot.py`` and ``main.py``, which ship as source: the firmware looks for nothing else.

    Those of a production image let nobody at the prompt. A Linux process has no prompt and no
    radio to begin with: it starts with ``main.py``. ``begin`` is the call that turns the radio on.
    """
    folder = paths.firmware_dir()
    names = [name for name in START_FILES if port != "unix" or name != "boot.py"]
    sources = {name: (folder / name).read_text() for name in names}
    if begin:
        before, call, after = sources["boot.py"].partition(_BEGIN)
        assert call
        sources["boot.py"] = f"{before}{begin}\n{after}"
    if production and port != "unix":
        usual = indent(sources["boot.py"], "    ")
        closed, here, end = (folder / "production/boot.py").read_text().partition(_USUAL)
        assert here
        sources["boot.py"] = closed + usual + end
        sources["main.py"] = (folder / "production/main.py").read_text()
    return [Module(n[:-3], False, text, f"firmware/{n}", "start") for n, text in sources.items()]


@dataclass(frozen=True)
class _Origin:
    """The import in a service that brought a package from PyPI into the image."""

    name: str
    where: Where


@dataclass
class _Collection:
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
            if module.part == "service" and _is_foreign(item.name, module):
                if item.required or item.name.count(".") == 1:  # `from services import readings`
                    what = f"{item.name} belongs to another service: that is hidden coupling"
                    remedy = "import a peer's class, from services.<name>, and call its methods"
                    self.problems.append(Problem(where, what, remedy))
            elif not self.add(item.name, module, origin):
                if item.required and not item.guarded:
                    self.missing(item, module, where, origin)
            elif module.part in _OURS and not item.guarded and self.only_on_chips(item):
                self.problems.append(not_simulated(item.name, where))

    def only_on_chips(self, item: Import) -> bool:
        """Whether an import is of the chip's firmware and the simulator has no such module."""
        board = self.board.board
        is_builtin = item.name not in self.found and builtin.has(board.port, item.name, board.chip)
        return item.required and is_builtin and not builtin.simulated(item.name)

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
            return False
        if "." in name:
            self.add(name.rpartition(".")[0], importer, origin)
        self.found[name] = module
        self.follow(module, origin)
        return True

    def load(self, name: str) -> Module | None:
        if name.partition(".")[0] in RUNTIME:
            return runtime_module(name, self.board.board.port)
        try:
            taken = self.shelf.module(name)
        except (SyntaxError, UserError):
            return None  # the check of lib/ reports it
        if taken is None:
            return dependency_module(name)
        self.problems += taken[1]
        return taken[0]

    def taken_from(self, name: str) -> set[str]:
        """What the image's modules import from the module of that name."""
        every = (item.name for module in self.found.values() for item in imports(module))
        return {item.rpartition(".")[2] for item in every if item.rpartition(".")[0] == name}

    def missing(self, item: Import, module: Module, where: Where, origin: _Origin | None) -> None:
        """Note an import that leads nowhere."""
        top = item.name.partition(".")[0]
        if module.part == "dependency":
            if not item.lazy and origin is not None:
                what = f"{origin.name} needs {item.name}, which MicroPython does not have"
                remedy = f"do without {origin.name}; Microdot's other extensions work"
                self.problems.append(Problem(origin.where, what, remedy))
        elif top in DEPENDENCIES and not _installed(DEPENDENCIES[top]):
            what = f"{top} is not installed here, so it cannot be put into the image"
            self.problems.append(Problem(where, what, f"pip install {DEPENDENCIES[top]}"))
        elif module.part in _OURS or top == "torpor":
            near = [name for name in self.found if name.startswith(_home(module))]
            near += [*DEPENDENCIES, *self.shelf.names]
            self.problems.append(missing_module(item.name, where, self.board.board.port, near))


def _is_foreign(name: str, module: Module) -> bool:
    """Whether a module of a service imports from another service."""
    parts = name.split(".")
    return parts[0] == "services" and len(parts) > 1 and ".".join(parts[:2]) != _home(module)


def _home(module: Module) -> str:
    """The package below which a module finds its own kind: ``services.alerts`` or ``torpor``."""
    parts = module.name.split(".")
    return ".".join(parts[: 2 if module.part == "service" else 1])


def _installed(project: str) -> bool:
    try:
        metadata.distribution(project)
    except metadata.PackageNotFoundError:
        return False
    return True
