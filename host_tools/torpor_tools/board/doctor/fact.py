"""One fact that ``boards/`` states about a board, and how a program on the board shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...model.board import Board
from ...model.port import Port

Seen = Mapping[str, Any]
"""The names and values that a program of ``firmware/doctor/`` has printed."""


@dataclass(frozen=True)
class Subject:
    """The type of the board that is examined."""

    board: Board
    port: Port


@dataclass(frozen=True)
class Fact:
    """A line of the doctor's table.

    Attributes:
        name: What a person reads.
        program: The file of ``firmware/doctor/`` that observes it, without ``.py``.
        stated_in: The file and key to correct if a board shows otherwise.
        expected: What ``boards/`` states; None if it states nothing for this board.
        read: The observation, out of what the program has printed.
        agrees: Whether the observation (second) is what was expected (first).
        hidden: Why this board cannot show it, going by the observation; empty if it can.
        emulator: Why the emulator is not asked; empty if it is.
    """

    name: str
    program: str
    stated_in: str
    expected: Callable[[Subject], Any]
    read: Callable[[Seen], Any]
    agrees: Callable[[Any, Any], bool] = lambda expected, seen: bool(expected == seen)
    hidden: Callable[[Seen], str] = lambda seen: ""
    emulator: str = ""


@dataclass(frozen=True)
class AtLeast:
    """Expect a number that is at least as large."""

    least: int

    def __str__(self) -> str:
        return f"at least {self.least:,}"


def no_less(expected: AtLeast, seen: Any) -> bool:
    """Whether a number is as large as expected."""
    return isinstance(seen, int) and seen >= expected.least


def near(expected: float, seen: Any) -> bool:
    """Whether a number is within half of another; values that matter differ tenfold."""
    return isinstance(seen, int | float) and expected / 2 <= seen <= expected * 1.5


def within_5_percent(expected: int, seen: Any) -> bool:
    """Whether a number is within 5 % of another."""
    return isinstance(seen, int) and abs(seen - expected) <= expected * 0.05


def key(name: str) -> Callable[[Seen], Any]:
    """Read one of the values that the program has printed."""
    return lambda seen: seen[name]


def behind_an_image(seen: Seen) -> str:
    """Why a board whose image has run ``boot.py`` does not show what the bare firmware does."""
    return "the image on it has run boot.py" if seen["image"] else ""
