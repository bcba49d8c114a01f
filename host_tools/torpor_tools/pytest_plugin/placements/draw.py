"""Placements of a cluster's services: all on one board, each on its own, and random ones."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...model.cluster import BoardEntry, Cluster, ServiceEntry
from ...project import load_board

_TRIES = 200  # draws in a row that give nothing new, before we say that there is no more


@dataclass(frozen=True)
class Placement:
    """The services of each board: ``((a, b), (c,))``."""

    groups: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        return "|".join("+".join(group) for group in self.groups)


def draw(cluster: Cluster, count: int, seed: int) -> list[Placement]:
    """At most ``count`` different placements that the boards can hold.

    The first has all services on one board, the second each on a board of its own, the others are
    random; the same ``seed`` gives the same. Fewer if there are no more.
    """
    found: dict[Placement, None] = {}
    misses = 0
    for placement in _candidates([s.name for s in _services(cluster)], random.Random(seed)):
        if len(found) == count or misses == _TRIES:
            break
        if placement in found or not _fits(cluster, placement):
            misses += 1
            continue
        found[placement] = None
        misses = 0
    return list(found)


def placed(cluster: Cluster, placement: Placement) -> Cluster:
    """The cluster with that placement on boards called ``board1``, ``board2`` and so on.

    A board is of the type of that which carries the first of its services in ``cluster.toml``.
    """
    homes = _homes(cluster)
    boards = []
    for number, group in enumerate(placement.groups, 1):
        name = f"board{number}"
        home = homes[group[0]]
        boards.append(replace(home, name=name, services=group, host=f"{name}.local"))
    return replace(cluster, boards=tuple(boards))


def _services(cluster: Cluster) -> list[ServiceEntry]:
    homes = _homes(cluster)
    return [s for s in cluster.services if s.name in homes]


def _homes(cluster: Cluster) -> dict[str, BoardEntry]:
    return {name: board for board in reversed(cluster.boards) for name in board.services}


def _candidates(names: Sequence[str], chance: random.Random) -> Iterator[Placement]:
    yield Placement((tuple(names),))
    yield Placement(tuple((name,) for name in names))
    while True:
        boards = chance.randint(1, len(names))
        groups: dict[int, list[str]] = {}
        for name in names:
            groups.setdefault(chance.randrange(boards), []).append(name)
        yield Placement(tuple(sorted(map(tuple, groups.values()), key=lambda g: names.index(g[0]))))


def _fits(cluster: Cluster, placement: Placement) -> bool:
    """Whether each board has listeners enough, and one if others call it."""
    ports = {s.name: s.port for s in cluster.services}
    homes = _homes(cluster)
    for group in placement.groups:
        listening = sum(ports[name] is not None for name in group)
        if listening > load_board(homes[group[0]].type).listeners:
            return False
        if not listening and len(placement.groups) > 1:
            return False
    return True
