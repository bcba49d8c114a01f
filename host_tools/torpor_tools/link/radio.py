"""Writes the call in ``boot.py`` that turns the radio on, with settings that the build knows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ..model.cluster import announced_name
from ..model.plan import BoardPlan
from ..project.ports import load_port
from ..project.secrets import VARIABLES, wifi
from ..suggest import listing


def begin(board: BoardPlan) -> str:
    """The call of ``wifi.begin`` with the board's host name and the power save of its policy.

    Empty for a board without a radio.
    """
    wifi = load_port(board.board.port).wifi
    if wifi is None:
        return ""
    arguments = [json.dumps(announced_name(board.name, board.host))]
    if board.power:
        saving = "PM_NONE" if board.power.policy == "on" else wifi.pm_saving
        arguments.append(json.dumps(saving))
    return f"wifi.begin({', '.join(arguments)})"


def without_wifi(root: Path, boards: Iterable[BoardPlan]) -> list[str]:
    """Return a note about the boards that use the network and have no Wi-Fi to join.

    Raises:
        UserError: ``secrets.toml`` has a mistake.
    """
    names = [b.name for b in boards if load_port(b.board.port).wifi and _uses_network(b)]
    if not names or wifi(root):
        return []
    have = "has" if len(names) == 1 else "have"
    variable = VARIABLES["ssid"]
    return [f"{listing(names)} {have} no [wifi]: add it to secrets.toml or set {variable}"]


def _uses_network(board: BoardPlan) -> bool:
    return bool(board.listeners or board.mailbox or board.mails or board.needs())
