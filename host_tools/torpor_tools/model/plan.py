"""A plan: a cluster with its contracts read, its boards known and its start order decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .board import Board
from .cluster import Cluster, Mailbox, Power, ServiceEntry
from .contract import Contract
from .device import Device
from .observe import LISTENER, Observe


@dataclass(frozen=True)
class PlacedService:
    """A service on a board."""

    entry: ServiceEntry
    contract: Contract
    folder: Path

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
    updated: bool = False  # it takes them: the project has a signing key
    power: Power | None = None  # what the board can do of what cluster.toml asks for
    mailbox: Mailbox | None = None  # the broker from which it takes requests
    devices: tuple[Device, ...] = ()  # what the simulator wires to it
    observe: Observe = field(default_factory=Observe)  # what it reports while it runs

    @property
    def port(self) -> int | None:
        """The port at which it takes calls of other boards: the first that it listens on."""
        return next((s.port for s in self.services if s.port), None)

    @property
    def can_update(self) -> bool:
        """Whether it takes signed updates once the project has the keys."""
        deep = self.power is not None and self.power.policy == "deep"
        return self.update and self.port is not None and self.board.port != "unix" and not deep

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
    def resident(self) -> tuple[PlacedService, ...]:
        """The services that start with the board."""
        return tuple(s for s in self.services if not s.entry.on_request)

    @property
    def on_request(self) -> tuple[PlacedService, ...]:
        """The services that start when a client comes to their port."""
        return tuple(s for s in self.services if s.entry.on_request)

    def needs(self) -> list[str]:
        """The services of other boards that services of this board call, in order."""
        here = {service.name for service in self.services}
        peers = [peer.service for service in self.services for peer in service.contract.peers]
        return [name for name in dict.fromkeys(peers) if name not in here]

    def service(self, name: str) -> PlacedService:
        """The service of that name. Raises ``KeyError`` if this board does not carry it."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def has(self, name: str) -> bool:
        """Whether it carries the service of that name."""
        return any(service.name == name for service in self.services)


@dataclass(frozen=True)
class Plan:
    """The whole cluster, placed."""

    cluster: Cluster
    boards: tuple[BoardPlan, ...]
    notes: tuple[str, ...] = ()  # what the build should report, such as rings of peers

    def homes(self, service: str) -> list[BoardPlan]:
        """The boards that carry a service."""
        return [board for board in self.boards if board.has(service)]

    def board(self, name: str) -> BoardPlan:
        """The board of that name. Raises ``KeyError``."""
        for board in self.boards:
            if board.name == name:
                return board
        raise KeyError(name)
