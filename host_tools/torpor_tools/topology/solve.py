"""The placement with the fewest calls over the network that the boards have room for.

Branch and bound: services are placed one by one, the busiest first, and a branch is left as soon as
it costs as much as the best placement found. The result is the best placement, unless the search
has to be cut short.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MOST_STEPS = 2_000_000  # about ten seconds


@dataclass(frozen=True)
class Load:
    """The needs of a service. ``bytes_`` in the filesystem, ``heap`` in bytes."""

    service: str
    port: int | None
    bytes_: int = 0
    heap: int = 0
    fixed: str | None = None  # the board that it cannot leave


@dataclass(frozen=True)
class Room:
    """The capacity of a board for its services, after the runtime has taken its part."""

    board: str
    listeners: int
    connections: int
    bytes_: int
    heap: int
    shared: int | None = None  # sockets for listeners and connections, if they share them


@dataclass(frozen=True)
class Placement:
    """``homes``: service -> board. ``cost``: calls over the network. ``is_best``: proven."""

    homes: dict[str, str]
    cost: int
    is_best: bool


def solve(
    loads: Sequence[Load],
    rooms: Sequence[Room],
    calls: Mapping[tuple[str, str], int],
    now: Mapping[str, str],
    most_steps: int = MOST_STEPS,
) -> Placement | None:
    """The best placement, or None if the boards cannot carry the services.

    ``calls``: (caller, peer) -> how often. Among placements of the same cost, the one that moves
    the fewest services from where they are ``now`` wins.
    """
    search = _Search(tuple(rooms), dict(calls), dict(now), most_steps)
    weight = {load.service: search.weight(load.service) for load in loads}
    order = sorted(loads, key=lambda load: (load.fixed is None, -weight[load.service]))
    search.place(order, {}, 0, 0)
    if search.best is None:
        return None
    homes, (cost, _) = search.best, search.price
    return Placement(homes, cost, search.steps < most_steps)


@dataclass
class _Search:
    rooms: tuple[Room, ...]
    calls: dict[tuple[str, str], int]
    now: dict[str, str]
    most_steps: int
    steps: int = 0
    best: dict[str, str] | None = None
    price: tuple[int, int] = (sys.maxsize, 0)  # calls over the network, moves
    placed: dict[str, list[Load]] = field(default_factory=dict)

    def weight(self, service: str) -> int:
        return sum(count for pair, count in self.calls.items() if service in pair)

    def place(self, loads: list[Load], homes: dict[str, str], cost: int, moves: int) -> None:
        if (cost, moves) >= self.price or self.steps >= self.most_steps:
            return
        if not loads:
            self.best, self.price = dict(homes), (cost, moves)
            return
        load = loads[0]
        for room in self.choices(load, homes):
            self.steps += 1
            carried = self.placed.setdefault(room.board, [])
            carried.append(load)
            homes[load.service] = room.board
            if _fits(room, carried) and self.connected(homes):
                more = self.added(load.service, homes)
                moved = self.now.get(load.service, room.board) != room.board
                self.place(loads[1:], homes, cost + more, moves + moved)
            del homes[load.service]
            carried.pop()

    def choices(self, load: Load, homes: dict[str, str]) -> list[Room]:
        """The boards to try, the cheapest first."""
        if load.fixed is not None:
            return [room for room in self.rooms if room.board == load.fixed]

        def price(room: Room) -> tuple[int, bool]:
            there = {**homes, load.service: room.board}
            return self.added(load.service, there), self.now.get(load.service) != room.board

        return sorted(self.rooms, key=price)

    def added(self, service: str, homes: dict[str, str]) -> int:
        """The calls over the network between a service and those that are placed."""
        return sum(
            count
            for (caller, peer), count in self.calls.items()
            if service in (caller, peer)
            and caller in homes
            and peer in homes
            and homes[caller] != homes[peer]
        )

    def connected(self, homes: dict[str, str]) -> bool:
        """Whether each board keeps a connection for clients besides those to and from others."""
        links = {
            frozenset((homes[a], homes[b]))
            for a, b in self.calls
            if a in homes and b in homes and homes[a] != homes[b]
        }
        used = {room.board: sum(room.board in link for link in links) for room in self.rooms}
        return all(used[room.board] < self.places(room) for room in self.rooms)

    def places(self, room: Room) -> int:
        """The connections that the listeners on a board leave it, less one that is kept."""
        if room.shared is None:
            return room.connections
        listeners = sum(load.port is not None for load in self.placed.get(room.board, ()))
        return min(room.connections, room.shared - listeners - 1)


def _fits(room: Room, loads: list[Load]) -> bool:
    ports = [load.port for load in loads if load.port is not None]
    return (
        len(ports) <= room.listeners
        and len(set(ports)) == len(ports)
        and sum(load.bytes_ for load in loads) <= room.bytes_
        and sum(load.heap for load in loads) <= room.heap
    )
