"""Finds the modules that are in the heap only while a service that starts on request runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..model.plan import BoardPlan, PlacedService
from .imports import imports
from .module import Module
from .wiring import module_of


def with_modules(
    board: BoardPlan, modules: Sequence[Module], start: Iterable[Module]
) -> list[Module]:
    """The image's modules; in the wiring each such service has the names of those it may give back.

    These are the modules that no service that starts with the board, and nothing of the runtime
    that such a board loads, imports anywhere. ``start``: what starts the chip.
    """
    if not board.on_request:
        return list(modules)
    every = {module.name: module for module in modules}
    late = [name for s in board.on_request for name in _roots(s, every)]
    resident = _reached(every, [*start, *(m for n, m in every.items() if _is_root(m, late))])
    found = dict(every)
    for service in board.on_request:
        roots = _roots(service, every)
        needed = _reached(every, [every[name] for name in roots]) | set(roots)
        names = [*roots[:1], *sorted(needed - resident - set(roots[:1]))]
        wiring = found["cluster"]
        text = wiring.source.replace(_entry(service), _entry(service, names))
        assert text != wiring.source
        found["cluster"] = replace(wiring, source=text)
    return list(found.values())


def _entry(service: PlacedService, more: Sequence[str] = ()) -> str:
    return f'"{service.name}": "{" ".join(more or [module_of(service.name)])}"'


def _roots(service: PlacedService, every: Mapping[str, Module]) -> list[str]:
    """What a service brings into the image, its wiring first."""
    home = f"services.{service.name}"
    own = [name for name in every if name == home or name.startswith(home + ".")]
    return [module_of(service.name), *own]


def _is_root(module: Module, late: Iterable[str]) -> bool:
    return module.part in ("service", "wiring", "test") and module.name not in late


def _reached(every: Mapping[str, Module], roots: Iterable[Module]) -> set[str]:
    """The names of all that ``roots`` import, directly or not, with their packages."""
    reached: set[str] = set()
    todo = list(roots)
    while todo:
        for item in imports(todo.pop()):
            parts = item.name.split(".")
            for name in (".".join(parts[: n + 1]) for n in range(len(parts))):
                if name in every and name not in reached:
                    reached.add(name)
                    todo.append(every[name])
    return reached
