"""Parsing a board's output."""

from __future__ import annotations

import asyncio
import json

import pytest

from torpor_sim.lines import LogLine, Reader
from torpor_sim.output_feed import Feed

_OUTPUT = b"""
     1234 INFO  alerts: threshold: 8 \xc2\xb0C
     1300 ERROR readings: failed
    Traceback (most recent call last):
      File "torpor/x.mpy", line 1, in f
plain print
    indented print
half a line\x1ek3y{"event": "radio", "t": 5}
\x1ek3y{"event": "boot", "t": 0}
a stray \x1e is text
\x1e{"event": "forged", "t": 0}
printed \x1e{"event": "forged"}\x1ek3y{"event": "radio", "t": 6}
\x1ek3y{"event": "reset"}
\x1ek3y{"event": 5}
\x1ek3ynonsense
"""
_LINES = [
    LogLine("shed", "", "", ""),
    LogLine("shed", "INFO", "alerts", "threshold: 8 °C", 1234),
    LogLine("shed", "ERROR", "readings", "failed", 1300),
    LogLine("shed", "ERROR", "readings", "Traceback (most recent call last):", 1300, more=True),
    LogLine("shed", "ERROR", "readings", '  File "torpor/x.py", line 1, in f', 1300, more=True),
    LogLine("shed", "", "", "plain print"),
    LogLine("shed", "", "", "    indented print"),
    LogLine("shed", "", "", "half a line"),
    LogLine("shed", "", "", "a stray \x1e is text"),
    LogLine("shed", "", "", '\x1e{"event": "forged", "t": 0}'),
    LogLine("shed", "", "", 'printed \x1e{"event": "forged"}'),
    LogLine("shed", "", "", '\x1ek3y{"event": "reset"}'),
    LogLine("shed", "", "", '\x1ek3y{"event": 5}'),
    LogLine("shed", "", "", "\x1ek3ynonsense"),
]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_lines_and_events_however_they_arrive(size: int) -> None:
    reader = Reader("shed", "k3y")
    found = []
    for start in range(0, len(_OUTPUT), size):
        found += reader.feed(_OUTPUT[start : start + size])
    found += reader.feed(b"")
    assert [item for item in found if isinstance(item, LogLine)] == _LINES
    events = [item for item in found if not isinstance(item, LogLine)]
    assert [event["event"] for event in events] == ["radio", "boot", "radio"]
    assert [event["t"] for event in events] == [5, 0, 6]


@pytest.mark.parametrize(
    "event",
    [
        *('{"event": "reset", "cause": 5}', '{"event": "deepsleep"}', '{"event": "watchdog"}'),
        *('{"event": "deepsleep", "ms": "1"}', '{"event": "watchdog", "timeout": null}', "[]", "5"),
        *('{"event": "wake_source", "kind": "ext0"}', '{"event": null}', "{}", '"event"', ""),
    ],
)
def test_an_event_that_lacks_something_is_text(event: str) -> None:
    found = Reader("shed", "k3y").feed(f"\x1ek3y{event}\n".encode())
    assert found == [LogLine("shed", "", "", f"\x1ek3y{event}")]


def test_without_a_token_there_are_no_events() -> None:
    assert Reader("shed").feed(b'\x1e{"event": "boot", "t": 0}\n') == [
        LogLine("shed", "", "", '\x1e{"event": "boot", "t": 0}')
    ]


def test_an_event_after_a_long_text_is_not_cut() -> None:
    reader = Reader("shed", "k3y")
    found = reader.feed(b"x" * (1 << 16) + b"\x1ek3y{")
    found += reader.feed(b'"event": "boot", "t": 0}\n')
    assert found[-1] == {"event": "boot", "t": 0}


def test_the_end_of_the_output_ends_its_last_line() -> None:
    reader = Reader("shed", "k3y")
    assert reader.feed(b"\x1ek3y" + json.dumps({"event": "x"}).encode() + b"\nlast words") == [
        {"event": "x"}
    ]
    assert reader.feed(b"") == [LogLine("shed", "", "", "last words")]
    assert reader.feed(b"") == []


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    reader = Reader("shed", "k3y")
    lines = [line for _ in range(100) for line in reader.feed(b"x" * 4096)]
    assert lines
    assert all(isinstance(line, LogLine) for line in lines)


def test_how_lines_are_shown() -> None:
    assert str(_LINES[1]) == "1.234 INFO alerts: threshold: 8 °C"
    assert str(_LINES[3]) == "    Traceback (most recent call last):"
    assert str(_LINES[5]) == "plain print"


async def test_a_feed_returns_past_and_future_items() -> None:
    feed: Feed[int] = Feed()
    feed.append(1)
    assert await feed.wait(lambda item: item == 1, what="1", timeout=30) == 1
    mark = feed.mark()
    waiting = asyncio.create_task(
        feed.wait(lambda item: item >= 1, what="2", timeout=30, since=mark)
    )
    await asyncio.sleep(0)
    assert not waiting.done()
    feed.append(2)
    assert await waiting == 2


async def test_a_feed_forgets_the_oldest_and_its_marks_stay_right() -> None:
    feed: Feed[int] = Feed(keep=10)
    for i in range(8):
        feed.append(i)
    mark = feed.mark()
    for i in range(8, 25):
        feed.append(i)
    assert len(feed) <= 10
    assert feed[-1] == 24
    assert feed.since(mark) == list(feed)
    assert feed.since(feed.mark() - 2) == [23, 24]
    with pytest.raises(TimeoutError, match=r"no 99 within 0.01 s; the newest is:(\n  \d+)+"):
        await feed.wait(lambda item: item == 99, what="99", timeout=0.01)
