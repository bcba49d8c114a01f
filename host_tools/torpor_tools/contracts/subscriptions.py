"""Rules and notes for events that need all services of a cluster."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from ..errors import Problem
from ..model.cluster import BoardEntry, Cluster
from ..model.contract import Contract, Event
from .source import Module, Source


def events_have_names_of_their_own(sources: dict[str, Source]) -> Iterator[Problem]:
    """A cluster has one event of each name, which is also its topic at the broker."""
    seen: dict[str, tuple[int, str]] = {}
    for source in sources.values():
        for module in source.modules:
            for cls, home in module.events.values():
                other = seen.setdefault(cls.name, (cls.lineno, home.file))
                if other != (cls.lineno, home.file):
                    what = f"the event {cls.name} is defined in {other[1]} too"
                    yield Problem(home.where(cls), what, "give one of them another name")
            yield from _renamed(module)


def _renamed(module: Module) -> Iterator[Problem]:
    """The linker knows an event by its name, in every module."""
    for node in ast.walk(module.tree):
        for alias in node.names if isinstance(node, ast.ImportFrom) else ():
            if alias.asname not in (None, alias.name) and alias.asname in module.events:
                what = f"the event {alias.name} is imported as {alias.asname}"
                yield module.problem(node, what, "import it under its own name")


def subscribing_boards_have_ports(
    cluster: Cluster, contracts: dict[str, Contract]
) -> Iterator[Problem]:
    """A board that subscribes to events of other boards has a port, which receives them."""
    ports = {s.name: s.port for s in cluster.services}
    for board in cluster.boards:
        if any(ports.get(name) for name in board.services):
            continue
        elsewhere = {
            event
            for other in cluster.boards
            if other is not board
            for name in other.services
            if name in contracts
            for event in contracts[name].published
        }
        for name in board.services:
            for handler in contracts[name].handlers if name in contracts else ():
                if handler.event in elsewhere and not handler.durable:
                    what = f"{name} subscribes to {handler.event} of another board, and "
                    what += f"{board.name} has no port"
                    remedy = f"give a service of {board.name} a port: it receives events for all"
                    yield Problem(handler.where, what, remedy)


def durable_events_have_mailboxes(
    cluster: Cluster, contracts: dict[str, Contract]
) -> Iterator[Problem]:
    """A durable event goes through the mailboxes of the publisher's board and the subscriber's."""
    for board in cluster.boards:
        for name in board.services:
            for handler in contracts[name].handlers if name in contracts else ():
                if handler.durable:
                    publishers = [
                        other
                        for other in cluster.boards
                        if other is not board and _publishes(other, handler.event, contracts)
                    ]
                    for lacking in [b for b in [*publishers, board] if not b.mailbox]:
                        if publishers:
                            what = f"{name} subscribes to {handler.event} durably, and "
                            what += f"{lacking.name} has no mailbox"
                            remedy = f"add `mailbox = true` to [boards.{lacking.name}]"
                            yield Problem(handler.where, what, remedy)


def _publishes(board: BoardEntry, event: str, contracts: dict[str, Contract]) -> bool:
    return any(n in contracts and event in contracts[n].published for n in board.services)


def notes(cluster: Cluster, contracts: Iterable[Contract]) -> Iterator[str]:
    """Report events without a subscriber, and subscriptions to events that nothing publishes."""
    every = list(contracts)
    published = {event for contract in every for event in contract.published}
    used = {handler.event for contract in every for handler in contract.handlers}
    used |= {event for service in cluster.services for event in service.events}
    for contract in every:
        for event in sorted(contract.published.keys() - used):
            where = next(p.where for p in contract.publishes if p.event == event)
            yield f"{where}: {contract.service} publishes {event}, and nothing subscribes to it"
        for handler in contract.handlers:
            if handler.event not in published:
                what = f"{contract.service}.{handler.method} subscribes to {handler.event}"
                yield f"{handler.where}: {what}, and nothing publishes it"


def defined(contracts: Iterable[Contract]) -> dict[str, Event]:
    """Return the events of all contracts by name."""
    return {event.name: event for contract in contracts for event in contract.events}
