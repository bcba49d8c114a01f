"""Reads a power profiler's measurement: the CSV that Nordic's Power Profiler writes for a PPK2.

Its first line is ``Timestamp(ms),Current(uA)``, perhaps followed by digital inputs. A minute has
six million lines, so they are added up as they are read.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any

from ..errors import UserError, Where, fail
from ..suggest import counted
from .meter import Span

_REMEDY = "export it from the Power Profiler app with time stamps and currents"
_GAP = 3.0  # times the usual step; a rounded time stamp makes it 2
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
    _check_sign(charge / total, "the average current", path)
    return Profile(charge / total, total, tuple(curve))


def _check_sign(ma: float, name: str, path: Path) -> None:
    """Single samples around zero may be negative because of noise; a mean must not be."""
    if ma < 0:
        what = f"{path}: {name} is negative ({ma:.3g} mA)"
        raise fail(what, "swap the two leads of the profiler, or calibrate it, and measure again")


def samples_of(path: Path) -> Iterator[tuple[float, float]]:
    """Yield time stamp (ms) and current (mA) of each sample.

    Raises:
        UserError: The file is not a profiler's CSV, a value is not a number, or samples are
            missing between two others, which would count as if the current had stayed the same.
    """
    try:
        file = path.open(newline="", encoding="utf-8-sig")
    except OSError as error:
        raise fail(f"{path}: {error.strerror}", _REMEDY) from None
    with file:
        try:
            yield from _samples(csv.reader(file), path)
        except UnicodeDecodeError:
            raise _not_text(path) from None
        except csv.Error as error:
            raise fail(f"{path} is not CSV: {error}", _REMEDY) from None


def _samples(rows: Any, path: Path) -> Iterator[tuple[float, float]]:
    head: list[str] = next(rows, [])
    # The app writes uA; a micro sign or a Greek mu is as good.
    names = [re.sub("[\u00b5\u03bc]", "u", cell.strip().lower()) for cell in head]
    if "timestamp(ms)" not in names or "current(ua)" not in names:
        what = "the first line does not name Timestamp(ms) and Current(uA)"
        raise fail(what, _REMEDY, Where(str(path), 1))
    time, current = names.index("timestamp(ms)"), names.index("current(ua)")
    steps = _Steps(path)
    count = 0
    for row in rows:
        if not row:
            continue
        line = rows.line_num
        if len(row) != len(head):
            what = f"{','.join(row)!r} has {counted(len(row), 'value')}, the first line {len(head)}"
            raise fail(what, f"{_REMEDY}, and with decimal points", Where(str(path), line))
        try:
            at, ua = float(row[time]), float(row[current])
        except ValueError:
            at = ua = nan
        # Python accepts 1_0 as a number.
        if not isfinite(at + ua) or "_" in row[time] or "_" in row[current]:
            column = time if not _is_number(row[time]) else current
            what = f"{row[column]!r} is not a number"
            place = len(",".join([*row[:column], ""])) + 1
            raise fail(what, _REMEDY, Where(str(path), line, place))
        steps.add(at, line)
        count += 1
        yield at, ua / 1000
    if count < 2:
        raise fail(f"{path} holds {counted(count, 'sample')}, and at least two are needed", _REMEDY)


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


class _Steps:
    """Refuses samples that go back in time or are much farther apart than the others."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._before: float | None = None
        self._shortest = inf
        self._longest, self._line = 0.0, 0  # and the line that ends it

    def add(self, at: float, line: int) -> None:
        if self._before is not None:
            step = at - self._before
            # Compared first: a minute has six million samples.
            if not self._shortest <= step <= self._longest:
                self._look(step, line, at)
        self._before = at

    def _look(self, step: float, line: int, at: float) -> None:
        if step <= 0:
            what = f"the time {at:g} ms does not come after {self._before:g} ms"
            raise fail(what, _REMEDY, Where(self._path, line))
        self._shortest = min(self._shortest, step)
        if step > self._longest:
            self._longest, self._line = step, line
        if self._longest > _GAP * self._shortest:
            what = f"{self._longest:g} ms separate this sample from the last, "
            what += f"and {self._shortest:g} ms others"
            remedy = "samples are missing: measure again, or export a part without a gap"
            raise fail(what, remedy, Where(self._path, self._line))


def _not_text(path: Path) -> UserError:
    """Name the first byte that is not UTF-8, with its line and column."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                what = f"the byte 0x{line[error.start]:02x} is not UTF-8 text"
                where = Where(str(path), number, len(line[: error.start].decode()) + 1)
                return fail(what, f"save the file as UTF-8, or {_REMEDY}", where)
    return fail(f"{path} is not UTF-8 text", _REMEDY)


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
    currents = {state: charge[state] / time[state] for state in charge}
    for state, current in currents.items():
        _check_sign(current, f'the average current in the state "{state}"', path)
    return currents
