"""Which services use a library."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.plan import BoardPlan, Plan
from .imports import imports
from .libraries import Shelf
from .sources import dependency_module, service_modules


def users(plan: Plan, board: BoardPlan, modules: Iterable[str]) -> list[str]:
    """Return the services of a board that import one of the modules, in any number of steps."""
    shelf, wanted = Shelf(plan.cluster), set(modules)
    found = []
    for service in board.services:
        todo, seen = service_modules(service, plan.cluster.root)[0], set[str]()
        while todo:
            for item in imports(todo.pop()):
                parts = item.name.split(".")
                for name in (".".join(parts[: n + 1]) for n in range(len(parts))):
                    if name not in seen:
                        seen.add(name)
                        module = shelf.module(name) or dependency_module(name)
                        todo += [module] if module else []
        if seen & wanted:
            found.append(service.name)
    return found
