"""Calls to boards that sleep: they go through the broker, and wait until the board wakes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..errors import Problem
from ..model.cluster import Cluster
from ..model.contract import Peer
from ..model.plan import BoardPlan
from .read import constant
from .source import Source


def with_mail(boards: Sequence[BoardPlan]) -> tuple[BoardPlan, ...]:
    """Return the boards with the calls that they send and receive through the broker."""
    found = [(caller.name, home.name) for caller, home, _ in _calls(boards) if home.mailbox]
    return tuple(
        replace(
            board,
            mails=any(board.name == caller for caller, _ in found),
            mailed=any(board.name == home for _, home in found),
        )
        for board in boards
    )


def _calls(boards: Sequence[BoardPlan]) -> Iterator[tuple[BoardPlan, BoardPlan, Peer]]:
    """Yield each peer on a board that sleeps, with the caller's board and its own."""
    for caller in boards:
        peers = [peer for service in caller.services for peer in service.contract.peers]
        for peer in peers:
            if not caller.has(peer.service):
                for home in boards:
                    if home.sleeps and home.has(peer.service):
                        yield caller, home, peer


def sleepers_have_mailboxes(boards: Sequence[BoardPlan]) -> Iterator[Problem]:
    """A call to a sleeping board needs a broker, which keeps it until the board wakes."""
    for caller, home, peer in _calls(boards):
        if not home.mailbox:
            what = f"{caller.name} calls {peer.service} on {home.name}, which sleeps"
            remedy = (
                f"add a [mailbox] to cluster.toml (docs/gateway.md), or move {peer.service} to a "
                "board that is awake"
            )
            yield Problem(peer.where, what, remedy)


def notes(
    cluster: Cluster, boards: Sequence[BoardPlan], sources: Mapping[str, Source]
) -> Iterator[str]:
    """Yield notes about waiting for boards that sleep, and about work that a sleep cuts off."""
    for caller, home, peer in _calls(boards):
        every = home.power.wake_every_ms if home.power else None
        if not home.mailbox or not every:
            continue
        text = (
            f"{peer.where}: a call of {peer.service} from {caller.name} waits until {home.name} "
            f"wakes: {_span(every // 2)} in the median, {_span(every)} at most"
        )
        short = [ms for ms in _deadlines(sources, caller) if ms < every]
        if cluster.deadline_ms < every:
            text += f"; [cluster] deadline_ms = {cluster.deadline_ms} is shorter than that"
        for ms in sorted(set(short)):
            text += f"; deadline({ms}) is shorter than that"
        yield text
    for board in boards:
        if board.sleeps:
            yield from _cut_off(board, sources)


def _span(ms: int) -> str:
    for size, unit in ((3_600_000, "h"), (60_000, "min"), (1000, "s")):
        if ms >= size:
            return f"{ms / size:g} {unit}"
    return f"{ms} ms"


def _deadlines(sources: Mapping[str, Source], board: BoardPlan) -> Iterator[int]:
    """Yield the constant deadlines (ms) that the services of a board set."""
    for service in board.services:
        for module in sources[service.name].modules:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Call) and module.origin(node.func) in _DEADLINE:
                    value = constant(node.args[0]) if node.args else None
                    if isinstance(value, int):
                        yield value


_DEADLINE = ("torpor.deadline", "torpor.deadline.deadline")


def _cut_off(board: BoardPlan, sources: Mapping[str, Source]) -> Iterator[str]:
    """Yield the services whose tasks a deep sleep ends while they hold a pin."""
    for service in board.services:
        modules = sources[service.name].modules
        spawns = service.contract.spawns
        nodes = [node for module in modules for node in ast.walk(module.tree)]
        names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        pins = any("machine" in module.names.values() for module in modules) or any(
            name.startswith("machine.") for module in modules for name in module.names.values()
        )
        if spawns and pins and "awake" not in names:
            yield (
                f"{spawns}: {board.name} sleeps deep, which ends the task that {service.name} "
                "starts here; if it must finish, put its work into `async with self.awake():`"
            )
