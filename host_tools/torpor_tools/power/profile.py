"""Reads what a power profiler measured: the CSV that Nordic's Power Profiler writes for a PPK2.

Its first line is ``Timestamp(ms),Current(uA)``, perhaps with the digital inputs behind. A minute
has six million lines, so they are added up as they are read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import Where, fail
from .meter import Span

_REMEDY = "export it from the Power Profiler app with time stamps and currents"
_POINTS = 2000  # of the curve that is kept for a plot


@dataclass(frozen=True)
class Profile:
    """The mean current (mA), the time measured (ms), a curve of (ms, mA) for a plot."""

    average_ma: float
    total_ms: float
    curve: tuple[tuple[float, float], ...]


def read_profile(path: Path) -> Profile:
    """Add the samples of a file up. Raises ``UserError`` with the line that is wrong."""
    samples = list(_thinned(samples_of(path)))
    total = sum(ms for ms, _ in samples)
    charge = sum(ms * ma for ms, ma in samples)
    curve, now = [], 0.0
    for ms, ma in samples:
        curve.append((now, ma))
        now += ms
    return Profile(charge / total, total, tuple(curve))


def samples_of(path: Path) -> Iterator[tuple[float, float]]:
    """Time stamp (ms) and current (mA) of each sample. Raises ``UserError``."""
    try:
        file = path.open(newline="", encoding="utf-8-sig")
    except OSError as error:
        raise fail(f"{path}: {error.strerror}", _REMEDY) from None
    with file:
        rows = csv.reader(file)
        head = [cell.strip().lower() for cell in next(rows, [])]
        if "timestamp(ms)" not in head or "current(ua)" not in head:
            what = "the first line does not name Timestamp(ms) and Current(uA)"
            raise fail(what, _REMEDY, Where(str(path), 1))
        time, current = head.index("timestamp(ms)"), head.index("current(ua)")
        before, count = float("-inf"), 0
        for row in rows:
            try:
                at, ma = float(row[time]), float(row[current]) / 1000
            except (IndexError, ValueError):
                what = f"{','.join(row)!r} is no sample"
                raise fail(what, _REMEDY, Where(str(path), rows.line_num)) from None
            if at <= before:
                what = f"the time {at:g} ms does not come after {before:g} ms"
                raise fail(what, _REMEDY, Where(str(path), rows.line_num))
            before, count = at, count + 1
            yield at, ma
        if count < 2:
            raise fail(f"{path} holds {count} samples", _REMEDY)


def _thinned(samples: Iterator[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Durations and mean currents: samples joined so that some thousands are left."""
    joined: list[tuple[float, float]] = []  # duration, charge
    least = 0.0  # how long a joined sample is at least
    at, ma = next(samples)
    for following, current in samples:
        length = following - at
        if joined and joined[-1][0] < least:
            ms, charge = joined[-1]
            joined[-1] = (ms + length, charge + length * ma)
        else:
            joined.append((length, length * ma))
        if len(joined) > 2 * _POINTS:
            joined = [
                (a[0] + b[0], a[1] + b[1]) for a, b in zip(joined[::2], joined[1::2], strict=False)
            ] + joined[len(joined) // 2 * 2 :]
            least = max(ms for ms, _ in joined)
        at, ma = following, current
    for ms, charge in joined:
        yield ms, charge / ms


def currents_in(path: Path, spans: Sequence[Span], offset_ms: float = 0.0) -> dict[str, float]:
    """The mean current (mA) measured in each state of a trace.

    ``offset_ms`` is the profiler's time at which the trace begins. States of which nothing was
    measured are left out. Raises ``UserError``.
    """
    charge: dict[str, float] = {}
    time: dict[str, float] = {}
    index = 0
    samples = samples_of(path)
    at, ma = next(samples)
    for following, current in samples:
        now = at - offset_ms
        while index < len(spans) and spans[index].end <= now:
            index += 1
        if index == len(spans):
            break
        if spans[index].start <= now:
            state, length = spans[index].state, following - at
            charge[state] = charge.get(state, 0.0) + length * ma
            time[state] = time.get(state, 0.0) + length
        at, ma = following, current
    return {state: charge[state] / time[state] for state in charge}
