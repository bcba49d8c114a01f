"""How a run of a simulated board begins, and the facts that its shims read at that time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torpor_tools.model.image import Image

from . import names
from .clock import Clock
from .facts import facts, heap_bytes
from .flash import BoardFolder
from .ports import Place
from .record import links

_BLOCKED_MS = 100  # how long a service may block the loop before the log notes it
_SIGNERS = "signing.pub"  # is in an image that accepts updates


@dataclass(frozen=True)
class Start:
    """The start of the next run; ``after_s`` None: only when the reset button is pressed."""

    cause: str  # power-on, reset, watchdog, deepsleep or soft
    after_s: float | None = 0.0
    wake_reason: str = ""


def facts_of(
    image: Image,
    place: Place,
    folder: BoardFolder,
    start: Start,
    booted: Mapping[str, Any],
    *,
    clock: Clock,
    lookup_ms: int | None,
    record: bool,
) -> dict[str, Any]:
    """Return the facts of a board for a run.

    Args:
        image: The image that it runs.
        place: Its address and ports.
        folder: Its flash.
        start: How the run begins.
        booted: The result of its boot loader: see ``slots.boot``.
        clock: The simulator's clock.
        lookup_ms: How long a failing look-up blocks, if not as long as on the port.
        record: Whether its calls and its heap are counted.
    """
    board = image.board
    found = facts(
        board.name,
        board.board,
        place,
        folder,
        reset_cause=start.cause,
        wake_reason=start.wake_reason,
        clock=clock,
        lookup_ms=lookup_ms,
        devices=[device.name for device in board.devices],
    )
    found |= folder.room(board.board)
    found |= {key: booted[key] for key in ("slot", "release") if key in booted}
    if _has_slots(image):
        found["slots"] = names.comes_late(image.tree)
    found["blocking"] = _BLOCKED_MS
    if record:
        found["links"] = links(image)
    return found


def heap_of(image: Image) -> int:
    """Return the heap of a board that runs the image, in bytes of a 32-bit chip."""
    return heap_bytes(image.board.board, len(image.board.devices), _has_slots(image))


def _has_slots(image: Image) -> bool:
    """Return whether the firmware can be replaced over the network."""
    return bool(image.board.board.partitions) and (image.tree / _SIGNERS).exists()
