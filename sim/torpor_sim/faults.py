"""Faults of a running simulator, asked for from another process: ``torpor fault``.

What is asked for is a file in the simulator's storage, which it looks at ten times a second: the
boards without power, and what is wrong with the links between boards.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torpor_tools.errors import fail

from .flash import write_json

_FILE = "faults.json"
_LOOK_S = 0.1


@dataclass
class LinkFault:
    """What is wrong with a link: cut, ms added each way, share (0 to 1) of packets lost."""

    cut: bool = False
    delay_ms: float = 0.0
    lose: float = 0.0


@dataclass
class Faults:
    """All that is wrong; links by the names of their boards, sorted, with a space between."""

    off: list[str] = field(default_factory=list)
    links: dict[str, LinkFault] = field(default_factory=dict)

    def link(self, a: str, b: str) -> LinkFault:
        return self.links.setdefault(" ".join(sorted((a, b))), LinkFault())


class _Simulator(Protocol):
    def kill(self, board: str) -> None: ...
    def revive(self, board: str) -> Awaitable[None]: ...
    def partition(self, a: str, b: str) -> None: ...
    def heal(self, a: str, b: str) -> None: ...
    def delay(self, a: str, b: str, ms: float) -> None: ...
    def lose(self, a: str, b: str, share: float) -> None: ...


def change_faults(storage: Path, boards: tuple[str, ...], change: Callable[[Faults], None]) -> None:
    """Change the faults of the simulator that runs in ``storage``; ``boards`` must be its own.

    Raises ``UserError`` for a board that is not there.
    """
    known = sorted(path.parent.parent.name for path in storage.glob("*/run/inputs.json"))
    for board in boards:
        if board not in known:
            there = f"boards there: {', '.join(known)}" if known else "start it with torpor sim"
            raise fail(f"no board {board} is simulated in {storage}", there)
    if len(set(boards)) < len(boards):
        raise fail("a link joins two boards", "name another one")
    with _locked(storage):
        faults = _read(storage)
        change(faults)
        write_json(storage / _FILE, asdict(faults))


def forget(storage: Path) -> None:
    """Begin without faults."""
    (storage / _FILE).unlink(missing_ok=True)


async def follow(storage: Path, sim: _Simulator, failed: Callable[[str], None]) -> None:
    """Do to ``sim`` what is asked for. Never returns; says to ``failed`` what could not be done."""
    done = Faults()
    while True:
        await asyncio.sleep(_LOOK_S)
        wanted = _read(storage)
        if wanted != done:
            try:
                await _apply(sim, done, wanted)
            except (KeyError, TimeoutError) as error:
                failed(f"a fault could not be made: {error}")
            done = wanted


async def _apply(sim: _Simulator, done: Faults, wanted: Faults) -> None:
    for board in wanted.off:
        if board not in done.off:
            sim.kill(board)
    for board in done.off:
        if board not in wanted.off:
            await sim.revive(board)
    for name, fault in wanted.links.items():
        a, b = name.split(" ")
        if fault == done.links.get(name):
            continue
        sim.heal(a, b)
        sim.delay(a, b, fault.delay_ms)
        sim.lose(a, b, fault.lose)
        if fault.cut:
            sim.partition(a, b)


def _read(storage: Path) -> Faults:
    try:
        told: dict[str, Any] = json.loads((storage / _FILE).read_text())
    except FileNotFoundError:
        return Faults()
    return Faults(told["off"], {name: LinkFault(**link) for name, link in told["links"].items()})


@contextmanager
def _locked(storage: Path) -> Iterator[None]:
    with (storage / f"{_FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
