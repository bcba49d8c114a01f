"""Finds the modules of libraries that a service uses, and the services that use a library."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.cluster import Cluster
from ..model.plan import BoardPlan, PlacedService, Plan
from .imports import imports
from .libraries import Shelf
from .sources import dependency_module, service_modules


def users(plan: Plan, board: BoardPlan, modules: Iterable[str]) -> list[str]:
    """Return the services of a board that import one of the modules, in any number of steps."""
    wanted = set(modules)
    return [s.name for s in board.services if wanted & imported(plan.cluster, s)]


def imported(cluster: Cluster, service: PlacedService) -> set[str]:
    """Return the names of all modules that a service imports, itself or through libraries."""
    shelf = Shelf(cluster)
    todo, seen = service_modules(service, cluster.root)[0], set[str]()
    while todo:
        for item in imports(todo.pop()):
            parts = item.name.split(".")
            for name in (".".join(parts[: n + 1]) for n in range(len(parts))):
                if name not in seen:
                    seen.add(name)
                    module = shelf.module(name) or dependency_module(name)
                    todo += [module] if module else []
    return seen
