"""Placements of a cluster's services: all on one board, each on its own, and random ones."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...model.cluster import BoardEntry, Cluster, ServiceEntry
from ...project import load_board
from ...project.ports import connections_left

_ASLEEP = 0.5  # how many of the boards that may sleep do
_LINGER_MS = 300
_CONNECTIONS = 4  # of a board with a mailbox: a client and the next, another board, the broker
_TRIES = 200  # draws in a row that give nothing new, before we say that there is no more


@dataclass(frozen=True)
class Placement:
    """The services of each board: ``((a, b), (c,))``; ``asleep`` are the boards that sleep deep."""

    groups: tuple[tuple[str, ...], ...]
    asleep: tuple[int, ...] = ()

    def __str__(self) -> str:
        return "|".join(
            "+".join(group) + " (sleeps)" * (number in self.asleep)
            for number, group in enumerate(self.groups)
        )


def draw(cluster: Cluster, count: int, seed: int) -> list[Placement]:
    """At most ``count`` different placements that the boards can hold.

    The first has all services on one board, the second each on a board of its own, the others are
    random; the same ``seed`` gives the same. Fewer if there are no more.

    In a cluster with boards that sleep deep, the services of these are on boards that sleep or on
    boards that do not, as long as they are among themselves. Other services may keep something in
    RAM, so their boards stay awake.
    """
    sleepers = _sleepers(cluster)
    names = [s.name for s in _services(cluster)]
    found: dict[Placement, None] = {}
    misses = 0
    for placement in _candidates(names, sleepers, random.Random(seed)):
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

    A board has the type of the board that runs the first of its services in ``cluster.toml``. It
    has a mailbox if one of its services had one there.
    """
    homes = _homes(cluster)
    boards = []
    for number, group in enumerate(placement.groups, 1):
        name = f"board{number}"
        home = homes[group[0]]
        mailbox = any(homes[service].mailbox for service in group)
        power = home.power
        if power and number - 1 in placement.asleep:
            power = replace(power, linger_ms=min(power.linger_ms, _LINGER_MS))
        elif power and (power.policy == "deep" or mailbox):
            power = None
        host = f"{name}.local"
        boards.append(
            replace(home, name=name, services=group, host=host, power=power, mailbox=mailbox)
        )
    return replace(cluster, boards=tuple(boards))


def _services(cluster: Cluster) -> list[ServiceEntry]:
    homes = _homes(cluster)
    return [s for s in cluster.services if s.name in homes]


def _homes(cluster: Cluster) -> dict[str, BoardEntry]:
    return {name: board for board in reversed(cluster.boards) for name in board.services}


def _sleepers(cluster: Cluster) -> set[str]:
    """Return the services whose board sleeps deep and has a mailbox."""
    boards = [b for b in cluster.boards if b.mailbox and b.power and b.power.policy == "deep"]
    return {name for board in boards for name in board.services}


def _candidates(
    names: Sequence[str], sleepers: set[str], chance: random.Random
) -> Iterator[Placement]:
    yield Placement((tuple(names),))
    alone = tuple((name,) for name in names)
    yield Placement(alone, tuple(n for n, name in enumerate(names) if name in sleepers))
    while True:
        boards = chance.randint(1, len(names))
        groups: dict[int, list[str]] = {}
        for name in names:
            groups.setdefault(chance.randrange(boards), []).append(name)
        ordered = tuple(sorted(map(tuple, groups.values()), key=lambda g: names.index(g[0])))
        may_sleep = [n for n, group in enumerate(ordered) if sleepers.issuperset(group)]
        yield Placement(ordered, tuple(n for n in may_sleep if chance.random() < _ASLEEP))


def _fits(cluster: Cluster, placement: Placement) -> bool:
    """Whether each board has sockets enough, and a listener if others call it."""
    ports = {s.name: s.port for s in cluster.services}
    homes = _homes(cluster)
    for group in placement.groups:
        listening = sum(ports[name] is not None for name in group)
        kind = load_board(homes[group[0]].type)
        if listening > kind.listeners:
            return False
        mailbox = any(homes[name].mailbox for name in group)
        if mailbox and (kind.port == "unix" or connections_left(kind, listening) < _CONNECTIONS):
            return False
        if mailbox and not listening:
            return False
        if not listening and len(placement.groups) > 1:
            return False
    return True
