"""Formats words for the remedies of messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is close to ``word``, or an empty text."""
    by_lower = {k.lower(): k for k in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean "services"?`` if a known word is close to ``word``, else an empty text."""
    near = nearest(word, known)
    return f'did you mean "{near}"?' if near else ""


def counted(number: int, word: str) -> str:
    """``1 board``, ``2 boards``."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def free_port(taken: Iterable[int | None]) -> int:
    """The lowest port from 8001 that is not taken."""
    ports = set(taken)
    return next(port for port in range(8001, 65536) if port not in ports)


def listing(words: Iterable[str], last: str = "and") -> str:
    """``a, b and c``."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def ranges(numbers: Iterable[int]) -> str:
    """Write numbers as ``0, 2 to 5 and 9``."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return listing(f"{r[0]} to {r[-1]}" if len(r) > 1 else str(r[0]) for r in runs)
