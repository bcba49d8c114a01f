"""A plan: a cluster with its contracts read, its boards known and its start order decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import Where
from .board import Board
from .cluster import HEAP_RESERVE, WATCHDOG_S, Cluster, Mailbox, Power, ServiceEntry
from .contract import Contract, Event
from .device import Device
from .observe import LISTENER, Observe


@dataclass(frozen=True)
class SafeOutput:
    """``self.output(pin, safe=0)``: a pin, and its value while the service cannot run."""

    pin: int | str
    value: int
    where: Where


@dataclass(frozen=True)
class PlacedService:
    """A service on a board."""

    entry: ServiceEntry
    contract: Contract
    folder: Path
    outputs: tuple[SafeOutput, ...] = ()

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def port(self) -> int | None:
        return self.entry.port


@dataclass(frozen=True)
class BoardPlan:
    """A board of the cluster with its services in start order."""

    name: str
    board: Board
    services: tuple[PlacedService, ...]
    host: str = ""  # where other boards find it
    called: bool = False  # it has the cluster's key: other boards and the host's tools may call it
    update: bool = True  # `update = false` in cluster.toml keeps a board from signed updates
    watchdog_s: int = WATCHDOG_S  # the watchdog's time
    heap_reserve: int = HEAP_RESERVE  # percent of the heap that the image must leave
    heap_where: Where | None = None  # the line of cluster.toml that says so
    updated: bool = False  # it takes them: the project has a signing key
    power: Power | None = None  # the policy of cluster.toml, as far as the board supports it
    mailbox: Mailbox | None = None  # the broker from which it takes requests
    mailed: bool = False  # boards call it through the broker, because it sleeps
    mails: bool = False  # it calls such boards
    devices: tuple[Device, ...] = ()  # what the simulator wires to it
    incoming: tuple[str, ...] = ()  # the events that it receives from other boards over the link
    durable: bool = False  # it publishes or receives events that go through the mailbox
    sends_durably: bool = False  # it publishes some
    observe: Observe = field(default_factory=Observe)  # what it reports while it runs

    @property
    def port(self) -> int | None:
        """The port at which it takes calls of other boards: the first that it listens on."""
        return next((s.port for s in self.services if s.port), None)

    @property
    def can_update(self) -> bool:
        """Whether it takes signed updates once the project has the keys."""
        is_reached = self.port is not None and (not self.sleeps or self.mailbox is not None)
        return self.update and is_reached and self.board.port != "unix"

    @property
    def mailed_updates(self) -> bool:
        """Whether its updates go through its mailbox, because it sleeps."""
        return self.updated and self.sleeps

    @property
    def listeners(self) -> dict[str, int]:
        """Name -> port of all that it listens on: its services, and its figures."""
        ports = {s.name: s.port for s in self.services if s.port}
        metrics = self.observe.metrics
        return {**ports, LISTENER: metrics.port} if metrics and metrics.port else ports

    @property
    def metrics(self) -> str | None:
        """The name of the listener that serves its figures, if one does."""
        metrics = self.observe.metrics
        return metrics.listener if metrics and metrics.listener in self.listeners else None

    @property
    def outputs(self) -> tuple[SafeOutput, ...]:
        """The safe outputs of all its services."""
        return tuple(output for service in self.services for output in service.outputs)

    @property
    def sleeps(self) -> bool:
        """Whether no other board can reach it most of the time."""
        return self.power is not None and self.power.policy == "deep"

    @property
    def resident(self) -> tuple[PlacedService, ...]:
        """The services that start with the board."""
        return tuple(s for s in self.services if not s.entry.on_request)

    @property
    def on_request(self) -> tuple[PlacedService, ...]:
        """The services that start when a client connects to their port."""
        return tuple(s for s in self.services if s.entry.on_request)

    def needs(self) -> list[str]:
        """The services of other boards that services of this board call, in order."""
        here = {service.name for service in self.services}
        peers = [peer.service for service in self.services for peer in service.contract.peers]
        return [name for name in dict.fromkeys(peers) if name not in here]

    @property
    def published(self) -> list[str]:
        """The events that its services publish, in order of their names."""
        return sorted({name for s in self.services for name in s.contract.published})

    @property
    def offered(self) -> dict[str, tuple[str, ...]]:
        """Service -> the events that it offers to other programs."""
        return {s.name: s.entry.events for s in self.services if s.entry.events}

    def subscribes(self, event: str, *, durable: bool = False) -> bool:
        """Whether a service of the board subscribes to an event: durably, or not."""
        handlers = (h for s in self.services for h in s.contract.handlers)
        return any(h.event == event and h.durable == durable for h in handlers)

    def service(self, name: str) -> PlacedService:
        """The service of that name. Raises ``KeyError`` if this board does not run it."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def has(self, name: str) -> bool:
        """Whether it runs the service of that name."""
        return any(service.name == name for service in self.services)


@dataclass(frozen=True)
class Plan:
    """The whole cluster, placed."""

    cluster: Cluster
    boards: tuple[BoardPlan, ...]
    notes: tuple[str, ...] = ()  # what the build should report, such as rings of peers

    def homes(self, service: str) -> list[BoardPlan]:
        """The boards that run a service."""
        return [board for board in self.boards if board.has(service)]

    @property
    def events(self) -> dict[str, Event]:
        """The events of the cluster, by name."""
        services = (s for board in self.boards for s in board.services)
        return {event.name: event for s in services for event in s.contract.events}

    def subscribers(
        self, board: BoardPlan, event: str, *, durable: bool = False
    ) -> list[BoardPlan]:
        """The boards other than ``board`` with a subscriber of an event."""
        others = (b for b in self.boards if b.name != board.name)
        return [b for b in others if b.subscribes(event, durable=durable)]

    def linked(self, board: BoardPlan) -> list[BoardPlan]:
        """The boards that ``board`` connects to: it calls their services or sends them events."""
        names = {b.name for need in board.needs() for b in self.homes(need)}
        names |= {b.name for event in board.published for b in self.subscribers(board, event)}
        return [b for b in self.boards if b.name in names]

    def incoming(self, board: BoardPlan, *, durable: bool = False) -> list[str]:
        """The events that a board receives from other boards."""
        others = {e for b in self.boards if b.name != board.name for e in b.published}
        return sorted(event for event in others if board.subscribes(event, durable=durable))

    def sends_durably(self, board: BoardPlan) -> bool:
        """Whether a board publishes events that go through the mailbox."""
        return any(self.subscribers(board, event, durable=True) for event in board.published)

    def board(self, name: str) -> BoardPlan:
        """The board of that name. Raises ``KeyError``."""
        for board in self.boards:
            if board.name == name:
                return board
        raise KeyError(name)
