"""Faults that another process injects into a running simulator: ``torpor fault``.

The process writes a file into the simulator's storage: the boards without power, and the faults of
the links between boards. The simulator reads it ten times a second and answers in another file.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torpor_tools.errors import UserError, fail
from torpor_tools.locks import locked

from .flash import is_running, write_json

_FILE = "faults.json"
_DONE = "faults-done.json"
_LOOK_S = 0.1
_TIMEOUT_S = 60.0  # a board that gets its power back has half of this to become ready


@dataclass
class LinkFault:
    """The faults of a link: cut, ms added each way, share (0 to 1) of packets lost."""

    cut: bool = False
    delay_ms: float = 0.0
    lose: float = 0.0


@dataclass
class Faults:
    """All faults; the key of a link is the sorted names of its boards, with a space between.

    ``number`` counts the requests.
    """

    off: list[str] = field(default_factory=list)
    links: dict[str, LinkFault] = field(default_factory=dict)
    number: int = 0

    def link(self, a: str, b: str) -> LinkFault:
        return self.links.setdefault(" ".join(sorted((a, b))), LinkFault())


class _Simulator(Protocol):
    def kill(self, board: str) -> None: ...
    def revive(self, board: str) -> Awaitable[None]: ...
    def partition(self, a: str, b: str) -> None: ...
    def heal(self, a: str, b: str) -> None: ...
    def delay(self, a: str, b: str, ms: float) -> None: ...
    def lose(self, a: str, b: str, share: float) -> None: ...


def simulated_boards(storage: Path) -> list[str]:
    """Return the names of the boards that are simulated in ``storage``."""
    return sorted(path.parent.parent.name for path in storage.glob("*/run/inputs.json"))


def change_faults(storage: Path, boards: tuple[str, ...], change: Callable[[Faults], None]) -> None:
    """Change the faults of the simulator that runs in ``storage``; ``boards`` must be its own.

    Returns when the simulator has done so. Raises ``UserError`` for a board that does not exist,
    and if the simulator fails.
    """
    known = simulated_boards(storage)
    for board in boards:
        if board not in known:
            there = f"boards there: {', '.join(known)}" if known else "start it with torpor sim"
            raise fail(f"no board {board} is simulated in {storage}", there)
    if len(set(boards)) < len(boards):
        raise fail("a link joins two boards", "name another board")
    with _locked(storage):
        faults = _read(storage)
        change(faults)
        faults.number += 1
        write_json(storage / _FILE, asdict(faults))
    _await(storage, faults.number)


def _await(storage: Path, number: int) -> None:
    """Wait until the simulator has handled the request with this number. Raises ``UserError``."""
    end = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < end and is_running(storage):
        time.sleep(_LOOK_S / 2)
        with contextlib.suppress(FileNotFoundError):
            answer = json.loads((storage / _DONE).read_text(encoding="utf-8"))
            if answer["number"] >= number:
                if answer["failed"]:
                    raise fail(answer["failed"], "see the log of torpor sim")
                return
    raise fail("the simulator did not answer", "is torpor sim still running in its terminal?")


def forget(storage: Path) -> None:
    """Forget the faults of an earlier simulator."""
    for name in (_FILE, _DONE):
        (storage / name).unlink(missing_ok=True)


async def follow(storage: Path, sim: _Simulator, failed: Callable[[str], None]) -> None:
    """Carry out the requests on ``sim``. Never returns; reports failures to ``failed``."""
    done = Faults()
    while True:
        await asyncio.sleep(_LOOK_S)
        wanted = _read(storage)
        if wanted != done:
            problem = ""
            try:
                await _apply(sim, done, wanted)
            except (KeyError, TimeoutError, UserError) as error:
                problem = f"a fault could not be injected: {error}"
                failed(problem)
            done = wanted
            write_json(storage / _DONE, {"number": done.number, "failed": problem})


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
        request: dict[str, Any] = json.loads((storage / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Faults()
    links = {name: LinkFault(**link) for name, link in request["links"].items()}
    return Faults(request["off"], links, request["number"])


@contextlib.contextmanager
def _locked(storage: Path) -> Iterator[None]:
    with locked(storage / f"{_FILE}.lock"):
        yield
