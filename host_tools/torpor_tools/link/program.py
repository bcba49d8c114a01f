"""The program of one board, which the passes of the linker turn into the files of an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from ..errors import Problem, UserError
from ..model.plan import BoardPlan, Plan
from .libraries import Shelf
from .module import Module

T = TypeVar("T")


@dataclass
class Program:
    """A board's modules on their way into an image.

    A pass is a function ``run(program)`` in a file of its own: it changes the modules or adds what
    follows from them, and notes mistakes in ``problems`` instead of raising, so that all of them
    come at once.
    """

    plan: Plan
    board: BoardPlan
    keyed: bool = False  # the project has a key, so other boards and the tools can call
    signers: Sequence[bytes] = ()  # the moduli of the keys that sign updates
    versions: Mapping[str, int] = field(default_factory=dict)  # of contracts, by contracts.lock
    strict: bool = False  # calls in memory go through the wire encoding
    frozen: bool = False  # its modules become a part of a firmware that the user builds
    wired: bool = True  # False: the plan has mistakes, so that no wiring can be made of it
    cache: Path | None = None  # a folder that keeps bytecode
    modules: dict[str, Module] = field(default_factory=dict)  # by the name that imports use
    start: list[Module] = field(default_factory=list)  # the files that start the chip
    on_request: set[str] = field(default_factory=set)  # modules of services that start on request
    compiled: dict[str, bytes] = field(default_factory=dict)  # path in the image -> bytecode
    secrets: Mapping[str, bytes] = field(default_factory=dict)  # files made of secrets.toml
    production: bool = False  # without a prompt over USB
    files: dict[str, bytes] = field(default_factory=dict)  # the image, by path on the chip
    problems: list[Problem] = field(default_factory=list)

    @cached_property
    def shelf(self) -> Shelf:
        """The libraries of the project."""
        return Shelf(self.plan.cluster)

    @property
    def updated(self) -> bool:
        """Return whether the board takes signed updates."""
        return bool(self.keyed and self.signers and self.board.can_update)

    @property
    def generated(self) -> dict[str, str]:
        """The sources that the build wrote, by the names of their modules."""
        return {m.name: m.source for m in self.modules.values() if m.part == "wiring"}

    def generate(self, name: str, source: str) -> None:
        """Add, or replace, a module that the build writes."""
        file = f"{self.board.name}/{name}.py"
        self.modules[name] = Module(name, False, source, file, "wiring")

    def attempt(self, work: Callable[[], T]) -> T | None:
        """Return what ``work`` returns; if it raises ``UserError``, note its problems."""
        try:
            return work()
        except UserError as error:
            self.problems += error.problems
            return None
