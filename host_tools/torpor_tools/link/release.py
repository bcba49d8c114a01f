"""Lists in the wiring the modules that only a service that starts on request needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..model.plan import PlacedService
from . import wire
from .imports import reached
from .module import Module
from .program import Program
from .wiring import module_of


def run(program: Program) -> None:
    """Give each service that starts on request the names of the modules that it may unload.

    These are the modules that no service that starts with the board, and nothing of the runtime
    that such a board loads, imports anywhere.
    """
    services = program.board.on_request
    if not services or not program.wired or not program.generated["cluster"]:
        return
    every = program.modules
    on_request = [name for s in services for name in _roots(s, every)]
    roots = [m for name, m in every.items() if _is_root(m, on_request)]
    resident = reached(every, [*program.start, *roots])
    names: dict[str, str] = {}
    for service in services:
        first, *own = _roots(service, every)
        needed = reached(every, [every[name] for name in (first, *own)]) | {first, *own}
        names[service.name] = " ".join([first, *sorted(needed - resident - {first})])
        program.on_request |= needed - resident
    wire.cluster(program, names)


def _roots(service: PlacedService, every: Mapping[str, Module]) -> list[str]:
    """Return the modules that a service brings into the image, its wiring first."""
    home = f"services.{service.name}"
    own = [name for name in every if name == home or name.startswith(home + ".")]
    return [module_of(service.name), *own]


def _is_root(module: Module, on_request: Iterable[str]) -> bool:
    return module.part in ("service", "wiring", "test") and module.name not in on_request
