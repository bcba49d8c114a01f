"""The doctor's report: a table for people, and JSON to attach to an issue."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from .examine import Bench, Result, Verdict
from .fact import AtLeast

_LONGEST = 40  # characters of a value in the table


def rows(results: Sequence[Result]) -> list[tuple[str, str, str, str]]:
    """The table's rows: fact, stated, seen, verdict."""
    return [_row(result) for result in results]


def summary(results: Sequence[Result]) -> str:
    """The counts, as one line."""
    agree, differ, hidden = (sum(r.verdict == verdict for r in results) for verdict in Verdict)
    return f"{len(results)} facts: {agree} agree, {differ} differ, {hidden} not shown"


def place(bench: Bench, result: Result) -> str:
    """The file and key that state a fact."""
    subject = bench.subject
    return result.fact.stated_in.format(
        board=f"boards/{subject.board.name}.toml", port=f"boards/ports/{subject.port.name}.toml"
    )


def document(bench: Bench, results: Sequence[Result]) -> str:
    """The report as JSON. It holds no name of a network and no key."""
    board = bench.subject.board
    content = {
        "torpor": version("torpor"),
        "board": board.name,
        "emulated": bench.emulated,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "computer": platform.platform(),
        "results": [_entry(bench, result) for result in results],
    }
    return json.dumps(content, indent=2) + "\n"


def _entry(bench: Bench, result: Result) -> dict[str, Any]:
    expected = result.expected
    return {
        "fact": result.fact.name,
        "stated_in": place(bench, result),
        "expected": str(expected) if isinstance(expected, AtLeast) else expected,
        "seen": result.seen,
        "verdict": str(result.verdict),
        "why": result.why,
    }


def _difference(result: Result) -> tuple[Any, Any]:
    """The expected and the observed value; of two tables only the entries that differ."""
    expected, seen = result.expected, result.seen
    if isinstance(expected, dict) and isinstance(seen, dict):
        names = [name for name in expected.keys() & seen.keys() if expected[name] != seen[name]]
        if not names:
            return f"{len(expected.keys() & seen.keys())} numbers", "the same"
        return {n: expected[n] for n in names}, {n: seen[n] for n in names}
    return expected, seen


def _row(result: Result) -> tuple[str, str, str, str]:
    expected, seen = _difference(result)
    return (
        result.fact.name,
        _short(expected),
        "" if seen is None else _short(seen),
        _verdict(result),
    )


def _verdict(result: Result) -> str:
    return f"{result.verdict} ({result.why})" if result.why else str(result.verdict)


def _short(value: Any) -> str:
    text = str(value) or "no error"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
