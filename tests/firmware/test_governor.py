"""The governor's decisions and the times of jobs: pure functions, run in MicroPython."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from torpor_tools.link.time_zone import offsets

FIRMWARE = Path(__file__).parents[2] / "firmware"
MICROPYTHON = Path(sys.executable).with_name("micropython")
NAMES = ("WAIT", "LIGHT", "DOZE", "CLOSE", "DEEP")
# governor.py alone, without its package, which needs a chip
LOAD = 'exec(open("torpor/power/governor.py").read())\n'
DAY, NOON = 86_400, 43_200


def micropython(source: str) -> list[str]:
    """Run ``source`` in the firmware's folder; return the lines of its output."""
    done = subprocess.run(
        [MICROPYTHON, "-c", source], cwd=FIRMWARE, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def decide(mode: str, cases: list[dict[str, object]]) -> list[tuple[str, int]]:
    """Return the decisions: linger 1000 ms, a wake every minute, Wi-Fi joined by 9000 ms."""
    source = LOAD + f"policy = Policy({mode!r}, 1000, 60000, 9000)\nfor case in {cases!r}:\n"
    source += "    s = State()\n    for name in case: setattr(s, name, case[name])\n"
    source += "    print(decide(policy, s), s.ms)\n"
    pairs = (line.split() for line in micropython(source))
    return [(NAMES[int(number)], int(ms)) for number, ms in pairs]


def test_a_deep_board_sleeps_only_when_nobody_needs_it() -> None:
    ready = {"joined": True, "up_ms": 10_000, "closed": True, "next_ms": 700}
    cases: list[tuple[dict[str, object], tuple[str, int]]] = [
        ({}, ("DEEP", 50_000)),
        ({"closed": False}, ("CLOSE", 50_000)),
        ({"holds": 1}, ("WAIT", 700)),
        ({"serving": 1, "open": 1}, ("WAIT", 700)),
        ({"busy_ms": 50}, ("WAIT", 50)),
        ({"busy_ms": -1}, ("WAIT", 700)),
        ({"served": True, "quiet_ms": 400}, ("WAIT", 600)),
        ({"served": True, "quiet_ms": 1000}, ("DEEP", 50_000)),
        ({"quiet_ms": 400}, ("DEEP", 50_000)),  # woken, and no request has come
        ({"joined": False}, ("DEEP", 50_000)),  # the deadline has passed
        ({"joined": False, "busy_ms": 50}, ("DEEP", 50_000)),  # without Wi-Fi it cannot be done
        ({"joined": False, "up_ms": 8900}, ("WAIT", 100)),
        ({"due_ms": 20_000}, ("DEEP", 20_000)),
        ({"due_ms": 3000}, ("WAIT", 700)),
        ({"due_ms": 0, "next_ms": -1}, ("WAIT", 0)),
        ({"up_ms": 90_000}, ("DEEP", 5000)),  # it was awake beyond the minute
    ]
    assert decide("deep", [ready | case for case, _ in cases]) == [want for _, want in cases]


def test_doze_stops_until_a_packet_or_in_slices_under_a_timer() -> None:
    ready = {"joined": True, "up_ms": 10_000}
    cases: list[tuple[dict[str, object], tuple[str, int]]] = [
        ({}, ("DOZE", -1)),
        ({"next_ms": 5000}, ("LIGHT", 200)),
        ({"next_ms": 150}, ("LIGHT", 150)),
        ({"next_ms": 10}, ("WAIT", 10)),
        ({"open": 1}, ("CLOSE", -1)),
        ({"open": 1, "closed": True, "next_ms": 5000}, ("WAIT", 5000)),
        ({"serving": 1, "open": 1}, ("WAIT", -1)),
        ({"joining": True, "next_ms": 20}, ("WAIT", 20)),
        ({"served": True, "quiet_ms": 0}, ("WAIT", 1000)),
    ]
    assert decide("doze", [ready | case for case, _ in cases]) == [want for _, want in cases]


def test_without_anything_due_a_deep_board_waits_for_its_pins() -> None:
    """Except when a service did not start, which is tried again after ten minutes."""
    source = LOAD + 'p = Policy("deep", 0, -1, 0)\ns = State()\ns.closed = True\n'
    source += "print(decide(p, s), s.ms)\ns.due_ms = 1 << 29\nprint(decide(p, s), s.ms)\n"
    source += (
        "s.failed = True\nprint(decide(p, s), s.ms)\ns.due_ms = -1\nprint(decide(p, s), s.ms)\n"
    )
    assert micropython(source) == ["4 -1", f"4 {DAY * 1000}", "4 600000", "4 600000"]


@pytest.mark.parametrize(
    ("due", "now", "wanted"),
    [(1000, 0, 1000), (1000, 1000, 1600), (1000, 1599, 1600), (1000, 9999, 10_000)],
)
def test_missed_runs_are_made_up_once_and_the_period_stays(due: int, now: int, wanted: int) -> None:
    assert times(f"next_every({due}, 600, {now})") == wanted


@pytest.mark.parametrize(
    ("last", "wanted"),
    [
        (0, NOON),
        (NOON, NOON + DAY),
        (NOON - 10, NOON + DAY),  # ran before the clock was set back by ten seconds
        (NOON + 600, NOON + DAY),  # ran late
        (NOON + DAY // 2 - 1, NOON + DAY),
    ],
)
def test_a_time_of_day_comes_once_a_day(last: int, wanted: int) -> None:
    assert times(f"next_daily({NOON}, {last})") == wanted


@pytest.mark.parametrize(
    ("last", "due"),
    [
        ("2026-03-28 07:30", "2026-03-29 07:30"),  # summer time begins in that night
        ("2026-03-29 07:30", "2026-03-30 07:30"),
        ("2026-10-24 07:30", "2026-10-25 07:30"),  # and ends
        ("2026-12-31 07:30", "2027-01-01 07:30"),
    ],
)
def test_a_time_of_day_is_in_the_time_zone(last: str, due: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    ran, wanted = (
        int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) for text in (last, due)
    )
    at = 7 * 3600 + 30 * 60
    assert times(f"next_daily({at}, {ran}, {offsets('Europe/Berlin')})") == wanted


def test_an_offset_applies_from_its_minute_on() -> None:
    zone = ZoneInfo("America/New_York")
    for at, offset in offsets("America/New_York")[1:]:
        for second, wanted in ((at, offset), (at - 1, -18_000 - 14_400 - offset)):
            found = datetime.fromtimestamp(second, zone).utcoffset()
            assert found
            assert found.total_seconds() == wanted


def times(call: str) -> int:
    """Return the value of a call of a function of schedule.py."""
    source = 'made = {"const": int}\n'
    source += 'text = open("torpor/schedule.py").read()\n'
    source += "exec(text[text.index('_LOOK_UN') : text.index('class Job')], made)\n"
    source += f"print(eval({call!r}, made))\n"
    return int(micropython(source)[0])
