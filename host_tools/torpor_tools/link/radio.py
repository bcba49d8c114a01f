"""Writes the call in ``boot.py`` that turns the radio on, with settings that the build knows."""

from __future__ import annotations

import json

from ..model.cluster import announced_name
from ..model.plan import BoardPlan
from ..project.ports import load_port


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
