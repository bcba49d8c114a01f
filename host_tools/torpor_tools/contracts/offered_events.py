"""Rules and notes for events that services offer to clients: ``events`` in cluster.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..errors import Problem
from ..model.cluster import Cluster
from ..model.contract import Contract
from ..model.plan import BoardPlan
from ..suggest import did_you_mean, listing

_TOPICS = ("answers", "events", "gateways", "keys")  # topics of a cluster besides its boards'


def offered_events_are_published(
    cluster: Cluster, contracts: Mapping[str, Contract]
) -> Iterator[Problem]:
    """A service offers only what it publishes itself, at its own port."""
    for service in cluster.services:
        if service.name not in contracts:
            continue
        published = sorted(contracts[service.name].published)
        for name, where in service.event_wheres.items():
            if name not in published:
                what = f"{service.name} publishes no event {name}, so it cannot offer it"
                all_of = f"it publishes {listing(published)}" if published else "remove it"
                yield Problem(where, what, did_you_mean(name, published) or all_of)
        if service.events and service.port is None:
            where = service.event_wheres[service.events[0]]
            what = f"{service.name} offers events, but has no port, so no program can receive them"
            yield Problem(where, what, "give it a port, or remove `events`")


def boards_have_topics_of_their_own(cluster: Cluster) -> Iterator[Problem]:
    """A board with a mailbox has the topics ``torpor/<cluster>/<board>/...`` at the broker."""
    for board in cluster.boards:
        if board.mailbox and board.name in _TOPICS:
            what = f"a board with a mailbox cannot be called {board.name}: the cluster has such a"
            yield Problem(board.where, f"{what} topic at the broker", "give it another name")


def notes(cluster: Cluster, boards: Sequence[BoardPlan]) -> Iterator[str]:
    """Yield the boards whose events do not reach the broker."""
    for board in boards if cluster.mailbox else ():
        for name in board.offered if board.mailbox is None else ():
            where = board.service(name).entry.event_wheres[board.offered[name][0]]
            yield (
                f"{where}: {board.name} has no mailbox, so the events of {name} are at its port "
                f"only and not at the broker; `mailbox = true` in [boards.{board.name}] adds that"
            )
