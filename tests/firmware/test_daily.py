"""``@daily`` in all time zones: each day has one run, at an instant that one rule determines.

If the clock shows a time twice, the first one counts; if it skips a time, the moment of the skip
counts. The reference applies this rule to ``zoneinfo`` itself. The runtime applies it to the table
that the build puts into an image.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest

from torpor_tools.link.time_zone import FIRST, LAST, offsets

FIRMWARE = Path(__file__).parents[2] / "firmware"
MICROPYTHON = Path(sys.executable).with_name("micropython")
DAY = 86_400
HEAD = f"""
import sys, json
sys.path[:] = [{str(FIRMWARE)!r}, ".frozen"]
from torpor import clock
from torpor.schedule import Daily, next_daily
"""
# Reads lines: a table, times of day, a start, and the number of runs of each.
CHAINS = (
    HEAD
    + """
for line in sys.stdin:
    zone, ats, starts, runs = json.loads(line)
    for start in starts:
        for at in ats:
            last, found = start, []
            for _ in range(runs):
                last = next_daily(at, last, zone)
                found.append(last)
            print(found)
"""
)
# Clocks change at 0:00, 1:00, 2:00, 3:00 and 24:00, mostly by an hour.
ATS = [
    hour * 3600 + minute * 60
    for hour, minutes in {0: (0, 1, 30), 1: (0, 30), 2: (0, 15, 30), 3: (0, 30), 12: (0,)}.items()
    for minute in minutes
] + [DAY - 3660, DAY - 3600, DAY - 1800, DAY - 60]
# Not within a minute before one of them, when a late run counts for the next.
ODD = -787  # s

Table = tuple[tuple[int, int], ...]


def micropython(source: str, lines: str = "") -> list[str]:
    done = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=16m", "-c", source],
        input=lines,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    return done.stdout.splitlines()


@cache
def tables() -> dict[str, Table]:
    """Return the table of each zone, as the build makes it."""
    return {name: offsets(name) for name in sorted(available_timezones())}


def shown(zone: ZoneInfo, at: int) -> datetime:
    """Return the time on a wall clock."""
    return datetime.fromtimestamp(at, zone).replace(tzinfo=None, fold=0)


def run_of(zone: ZoneInfo, day: date, at: int) -> int:
    """Return the run on that day of a job at ``at`` seconds after midnight (s since 1970)."""
    naive = datetime(day.year, day.month, day.day) + timedelta(seconds=at)
    moment = int(naive.replace(tzinfo=zone, fold=0).timestamp())
    if shown(zone, moment) == naive:
        return moment
    # The clock skips it: the first second after that time.
    low, high = moment - 2 * DAY, moment + 2 * DAY
    while high - low > 1:
        middle = (low + high) // 2
        if shown(zone, middle) < naive:
            low = middle
        else:
            high = middle
    return high


def chain(zone: ZoneInfo, at: int, start: int, runs: int) -> list[int]:
    """Return the first runs after ``start``."""
    found: list[int] = []
    day = shown(zone, start).date() - timedelta(days=2)
    while len(found) < runs:
        due = run_of(zone, day, at)
        if due > (found[-1] if found else start):
            found.append(due)
        day += timedelta(days=1)
    return found


def check(cases: list[tuple[str, list[int], int]], ats: Sequence[int]) -> int:
    """Compare runtime and reference. A case: zone, starts, runs. Returns the number of runs."""
    lines = "".join(
        json.dumps([tables()[name], ats, starts, runs]) + "\n" for name, starts, runs in cases
    )
    results = iter(micropython(CHAINS, lines))
    compared = 0
    for name, starts, runs in cases:
        zone = ZoneInfo(name)
        for start in starts:
            for at in ats:
                expected = chain(zone, at, start, runs)
                assert json.loads(next(results)) == expected, (name, at, start)
                compared += runs
    return compared


def representatives() -> Iterator[tuple[str, Table]]:
    """Yield one zone of each table."""
    seen = set()
    for name, table in tables().items():
        if table not in seen:
            seen.add(table)
            yield name, table


def test_the_tables_match_zoneinfo() -> None:
    first, last = int(FIRST.timestamp()), int(LAST.timestamp())
    for name, table in tables().items():
        zone = ZoneInfo(name)
        changes = [start for start, _ in table[1:]]
        instants = [*range(first, last, 41 * DAY + 3001)]
        instants += [at + second for at in changes for second in (-1, 0)]
        for instant in instants:
            offset = datetime.fromtimestamp(instant, zone).utcoffset()
            assert offset is not None
            counts = [value for start, value in table if start <= instant][-1]
            assert counts == offset.total_seconds(), (name, instant)


def test_each_day_has_one_run_in_every_zone() -> None:
    """Around changes of the first and the last years, and some days in between."""
    cases = []
    for name, table in representatives():
        changes = [start for start, _ in table[1:]]
        near = [*changes[:6], *changes[-4:]]
        spread = [int(FIRST.timestamp()) + 777 * DAY * n + ODD for n in (1, 5, 9)]
        cases.append((name, [at - 3 * DAY // 2 + ODD for at in near] + spread, 3))
    assert len(cases) > 50
    assert check(cases, ATS) > 10_000


@pytest.mark.soak
@pytest.mark.parametrize("at", ATS)
def test_every_day_of_twenty_years_in_every_zone(at: int) -> None:
    days = (LAST - FIRST).days
    assert days > 365 * 20
    start = int(FIRST.timestamp()) + ODD
    cases = [(name, [start], days - 3) for name, _ in representatives()]
    check(cases, [at])


def moments(zone: str, *texts: str) -> list[int]:
    found = []
    for text in texts:
        moment = datetime.fromisoformat(text)
        found.append(
            int((moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).timestamp())
        )
    return found


@pytest.mark.parametrize(
    ("zone", "time", "after", "runs"),
    [
        # 02:00 jumps to 03:00.
        ("Europe/Paris", "02:30", "2026-03-28 12:00", ["2026-03-29 03:00", "2026-03-30 02:30"]),
        # 03:00 is put back to 02:00.
        ("Europe/Paris", "02:30", "2026-10-24 12:00",
         ["2026-10-25T02:30+02:00", "2026-10-26 02:30"]),
        # Midnight jumps to 01:00, and 01:00 is put back to midnight.
        ("America/Havana", "00:30", "2026-03-07 12:00", ["2026-03-08 01:00", "2026-03-09 00:30"]),
        ("America/Havana", "00:30", "2026-10-31 12:00",
         ["2026-11-01T00:30-04:00", "2026-11-02 00:30"]),
        ("Atlantic/Azores", "00:30", "2026-10-24 12:00",
         ["2026-10-25T00:30+00:00", "2026-10-26 00:30"]),
        ("Atlantic/Azores", "00:00", "2026-03-28 12:00",
         ["2026-03-29 01:00", "2026-03-30 00:00"]),
        # Midnight is put back to 23:00 of the day before.
        ("Africa/Cairo", "23:30", "2026-10-28 12:00",
         ["2026-10-28 23:30", "2026-10-29T23:30+03:00", "2026-10-30 23:30"]),
        ("Africa/Cairo", "00:00", "2026-10-28 12:00",
         ["2026-10-29 00:00", "2026-10-30 00:00", "2026-10-31 00:00"]),
        # The clock changes by half an hour.
        ("Australia/Lord_Howe", "02:15", "2026-10-03 12:00",
         ["2026-10-04 02:30", "2026-10-05 02:15"]),
    ],
)  # fmt: skip
def test_runs_follow_the_rule(zone: str, time: str, after: str, runs: list[str]) -> None:
    hour, minute = time.split(":")
    line = json.dumps(
        [offsets(zone), [int(hour) * 3600 + int(minute) * 60], moments(zone, after), len(runs)]
    )
    assert json.loads(micropython(CHAINS, line + "\n")[0]) == moments(zone, *runs)


def test_a_job_that_ran_late_or_by_a_wrong_clock() -> None:
    """Each line: the clock and how many seconds the job, daily at 07:30 UTC, still waits."""
    source = (
        HEAD
        + """
now = 0
clock.now = lambda: now
clock.synced = lambda: now > 1_700_000_000
clock.uptime_ms = lambda: 0
job = Daily(None, None, 27000)
monday = 1_767_571_200  # 2026-01-05 00:00
left = []

def at(seconds):
    global now
    now = monday + seconds
    ms = job.due_ms(0)
    left.append((ms if ms < 300000 else ms * 16 // 15) // 1000)  # it wakes early from a long sleep
    if ms == 0:
        job.begin(0)

now = 5
print(job.due_ms(0))  # the clock is not set
at(27000 - 120)
at(27000)  # runs
at(27000 - 600)  # set back by ten minutes: no second run
at(86400 + 26950)  # on the next day
at(86400 + 80000)  # late
at(86400 + 80001)
at(2 * 86400 + 27000)  # and on time again
at(400 * 86400)  # a clock that is more than a year ahead
at(2 * 86400 + 50000)  # is put right
at(3 * 86400 + 27001)
stored = job.snapshot(0)
job = Daily(None, None, 27000)
job.resume(stored, 0, 0)  # after a deep sleep
at(3 * 86400 + 27100)
print(left)
"""
    )
    unset, left = micropython(source)
    assert unset == "3600000"
    day = 86_400
    expected = [
        120, 0, day + 600, 50, 0, day - 53_001, 0, 0, day - 23_000, 0, day - 100,
    ]  # fmt: skip
    for found, wanted in zip(json.loads(left), expected, strict=True):
        assert abs(found - wanted) <= 1, (left, expected)
