"""What runs where: a cluster with contracts read, boards known and start order decided."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .board import Board
from .cluster import Cluster, ServiceEntry
from .contract import Contract


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

    def service(self, name: str) -> PlacedService:
        """The service of that name. Raises ``KeyError`` if this board does not carry it."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)


@dataclass(frozen=True)
class Plan:
    """The whole cluster, placed."""

    cluster: Cluster
    boards: tuple[BoardPlan, ...]
    notes: tuple[str, ...] = ()  # what the build should tell the user, such as rings of peers

    def board(self, name: str) -> BoardPlan:
        """The board of that name. Raises ``KeyError``."""
        for board in self.boards:
            if board.name == name:
                return board
        raise KeyError(name)
