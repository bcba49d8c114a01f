"""Rules for a board's power policy: what it requires from the board and its services."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..errors import Problem
from ..model.board import Board
from ..model.cluster import BoardEntry, Cluster, Power
from ..model.contract import Contract, Wake
from ..suggest import ranges


def something_wakes(board: BoardEntry, contracts: dict[str, Contract]) -> Iterator[Problem]:
    """A board with the policy ``deep`` has a time, a schedule or a pin that wakes it."""
    power = board.power
    if power is None or power.policy != "deep" or power.wake_every_ms:
        return
    methods = [m for name in board.services if name in contracts for m in contracts[name].methods]
    if not any(m.every_ms or m.daily_s is not None or m.wake for m in methods):
        what = f"{board.name} would never wake: it has no schedule and no @on_wake"
        yield Problem(power.where, what, 'add `wake_every = "5m"`')


def something_listens(board: BoardEntry, cluster: Cluster) -> Iterator[Problem]:
    """A board that dozes has a port, because a packet wakes it."""
    power = board.power
    if power is None or power.policy != "doze":
        return
    if not _listens(board, cluster):
        what = f"{board.name} dozes until a packet arrives, but none of its services has a port"
        yield Problem(power.where, what, 'choose the policy "deep", or give a service a port')


def requests_arrive(board: BoardEntry, cluster: Cluster) -> Iterator[str]:
    """Yield a note about a board that is asleep whenever a request arrives."""
    deep = board.power is not None and board.power.policy == "deep"
    if deep and _listens(board, cluster) and not board.mailbox:
        yield (
            f"{board.where}: {board.name} sleeps deep and has no mailbox: its ports answer only "
            "while something else keeps it awake; requests that wait for it need a [mailbox], "
            "docs/gateway.md"
        )


def mailbox_fits(board: BoardEntry, kind: Board, cluster: Cluster) -> Iterator[Problem]:
    """A board with a mailbox can use it."""
    if not board.mailbox:
        return
    if kind.port == "unix":
        what = f"{board.name} is a Linux process, which does not sleep: it cannot have a mailbox"
        if board.power and board.power.policy == "deep":
            yield Problem(board.power.where, what, f"remove [boards.{board.name}.power]")
        else:
            yield Problem(board.where, what, "remove `mailbox = true`")
    elif board.power and board.power.policy == "doze":
        what = f"{board.name} dozes: its connection to the broker would keep it awake"
        yield Problem(board.where, what, 'choose the policy "deep", or no mailbox')
    elif not _listens(board, cluster):
        what = f"{board.name} has a mailbox, but none of its services has a port"
        yield Problem(board.where, what, "give a service a port: requests are for ports")


def pins_can_wake(
    board: BoardEntry, kind: Board, contracts: dict[str, Contract]
) -> Iterator[Problem]:
    """Each wake pin exists, is one that wakes the chip, and belongs to one method."""
    wakes = [
        (f"{name}.{method.name}", method.wake)
        for name in board.services
        if name in contracts
        for method in contracts[name].methods
        if method.wake
    ]
    owners: dict[int, str] = {}
    for owner, wake in wakes:
        if wake.pin not in kind.wake_pins:
            what = f"pin {wake.pin} cannot wake {board.name}, a {kind.name}"
            remedy = f"use one of {ranges(kind.wake_pins)}" if kind.wake_pins else "it has no pins"
            yield Problem(wake.where, what, remedy)
        elif wake.pin in owners:
            what = f"pin {wake.pin} wakes {owners[wake.pin]} already"
            yield Problem(wake.where, what, "call both from one method")
        owners.setdefault(wake.pin, owner)
    if board.power and board.power.policy == "deep":
        yield from _levels_fit(board, kind, [wake for _, wake in wakes])


def _listens(board: BoardEntry, cluster: Cluster) -> bool:
    """Whether a service of the board has a port."""
    return any(s.port and s.name in board.services for s in cluster.services)


def _levels_fit(board: BoardEntry, kind: Board, wakes: list[Wake]) -> Iterator[Problem]:
    """ESP32 chips can wait for some combinations of levels only (firmware/ports/esp32_sleep.py)."""
    if kind.port != "esp32":
        return
    low = [wake for wake in wakes if wake.level == 0]
    high = [wake for wake in wakes if wake.level == 1]
    if "ext0" in kind.wake_sources and len(low) > 1:
        what = f"{board.name}, a {kind.name}, can wait for one pin that goes low, not {len(low)}"
        yield Problem(low[1].where, what, "wire the others so that they go high: level=1")
    elif "ext0" not in kind.wake_sources and low and high:
        what = f"{board.name}, a {kind.name}, wakes by pins of one level, and this one differs"
        yield Problem(high[0].where, what, "wire all of them for the same level")


def effective(board: BoardEntry, kind: Board, notes: list[str]) -> Power | None:
    """Return the policy that the board can follow; a fallback adds a note."""
    power = board.power
    if power and not kind.wake_sources:
        what = f"a {kind.title} does not sleep, so its power policy is left out"
        notes.append(f"{power.where}: {board.name}: {what}")
        return None
    if power and power.policy == "doze" and "wifi" not in kind.wake_sources:
        notes.append(
            f"{power.where}: {board.name} gets the policy idle: a {kind.title} cannot doze, "
            "because light sleep cuts its Wi-Fi on stock firmware"
        )
        return replace(power, policy="idle")
    return power
