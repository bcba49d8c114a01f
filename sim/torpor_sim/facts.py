"""What a simulated board is told about itself, as the overlays read it from ``facts.json``."""

from __future__ import annotations

import hashlib
from typing import Any

from torpor_tools.model.board import Board

from .clock import Clock
from .flash import BoardFolder
from .ports import Place

_FREQUENCY_HZ = {"rp2": 125_000_000, "esp32": 160_000_000}


def facts(
    name: str,
    board: Board,
    place: Place,
    folder: BoardFolder,
    *,
    reset_cause: str,
    wake_reason: str,
    clock: Clock | None = None,
) -> dict[str, Any]:
    """All facts of the board ``name`` for its next start.

    ``reset_cause``: power-on, reset, watchdog, deepsleep or soft. ``wake_reason``: timer, ext0,
    ext1, gpio, or empty. ``clock``: the simulator's, if its time is not the real one.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()
    return {
        "name": name,
        "title": board.title,
        "port": board.port,
        "chip": board.chip,
        "address": place.address,
        "ports": {str(port): number for port, number in place.ports.items()},
        "listeners": board.listeners,
        "connections": board.connections,
        "sockets": board.sockets,
        "reset_cause": reset_cause,
        "wake_reason": wake_reason,
        "unique_id": digest[:12] if board.port == "esp32" else digest[:16],
        "mac": "02" + digest[2:12],
        "flash": str(folder.flash),
        "run": str(folder.run),
        "speed": clock.speed if clock else 1.0,
        "epoch_ns": clock.epoch_ns if clock else 0,
        "frequency": _FREQUENCY_HZ.get(board.port, 0),
    }
