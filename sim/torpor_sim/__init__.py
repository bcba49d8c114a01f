"""Runs the boards of a cluster as MicroPython processes on this computer.

Begin with ``simulator.Simulator``. ``board.SimBoard`` is a board across all its restarts, and
``process.Process`` is one run of a board.
"""

from .board import SimBoard
from .board_addresses import simulated
from .crash import Crash
from .flash import is_running
from .inputs import Inputs, set_input
from .lines import LogLine
from .record import Recorded, recorded
from .simulator import Simulator
from .watch import Rebuild, watch
from .weigh import Weights, weigh

__all__ = [
    "Crash",
    "Inputs",
    "LogLine",
    "Rebuild",
    "Recorded",
    "SimBoard",
    "Simulator",
    "Weights",
    "is_running",
    "recorded",
    "set_input",
    "simulated",
    "watch",
    "weigh",
]
