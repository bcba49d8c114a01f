"""The services that the gateway serves, and the boards that they are on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..model.plan import Plan


@dataclass(frozen=True)
class Home:
    """A service on a board. ``host`` is the board's name or address in cluster.toml."""

    board: str
    service: str
    port: int
    host: str
    mailbox: bool
    events: tuple[str, ...] = ()  # that the service offers


Resolve = Callable[[Home, str], tuple[str, int]]


def homes(plan: Plan) -> dict[int, Sequence[Home]]:
    """Return the services at each port, with their boards."""
    by_port: dict[int, list[Home]] = {}
    for board in plan.boards:
        for service in board.services:
            if service.port:
                home = Home(
                    board.name,
                    service.name,
                    service.port,
                    board.host,
                    board.mailbox is not None,
                    service.entry.events,
                )
                by_port.setdefault(service.port, []).append(home)
    return dict(by_port)
