"""The states of a board in the simulator's trace.

The simulator starts a board faster than a chip does. So for the time from a start until the board
is ready and has joined, the durations in the board's file are used (``[timings_ms]``). It does not
trace when the processor works: a board that is awake counts as waiting, with its radio as set.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import Where, fail
from ..model.board import Board
from .meter import Span, sleep_state

Event = Mapping[str, Any]


def read_trace(path: Path) -> list[Event]:
    """The events of a ``trace.jsonl``. Raises ``UserError`` if it is not one."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise fail(f"{path}: {error.strerror}", "run the board first: torpor sim") from None
    events: list[Event] = []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or not {"event", "at", "start"} <= event.keys():
            if number == len(lines):
                break  # cut off while it was written
            where = Where(str(path), number)
            raise fail("this is not an event of a trace", "give a board's trace.jsonl", where)
        events.append(event)
    if not events:
        raise fail(f"{path} holds no events", "let the board run for a while: torpor sim")
    return events


def spans(events: Iterable[Event], board: Board) -> list[Span]:
    """The states one after the other, from 0 ms on; the last one until the last event."""
    runs: dict[int, list[Event]] = {}
    for event in events:
        runs.setdefault(event["start"], []).append(event)
    found: list[Span] = []
    numbers = sorted(runs)
    for number, after in zip(numbers, [*numbers[1:], None], strict=True):
        run = runs[number]
        until = _time(runs[after][0], runs[after]) if after else _time(run[-1], run)
        found += _moved(_run(run, board, until), found[-1].end if found else 0.0)
    return found


def _moved(items: Iterable[Span], at: float) -> Iterator[Span]:
    """The spans one after the other from ``at`` on; those without any length are left out."""
    for span in items:
        length = span.end - span.start
        if length > 0:
            yield Span(span.state, at, at + length)
            at += length


def _time(event: Event, run: list[Event]) -> float:
    """The time of the event, in ms of the simulator, even if it was reported late."""
    if "t" not in event:
        return float(event["at"]) * 1000
    return float(run[0]["at"]) * 1000 - float(run[0].get("t", 0)) + float(event["t"])


def _run(run: list[Event], board: Board, until: float) -> Iterator[Span]:
    """One start of the board, until the next one begins, or the trace ends, at ``until``."""
    yield from start(board, rejoin=any(e["event"] == "rejoin" for e in run))
    served = _served(run, board)
    state = "idle"
    radio, power, sleeping = "off", "performance", False
    since = served
    for event in run:
        now = _time(event, run)
        if now > since:
            yield Span(state, since, now)
            since = now
        match event["event"]:
            case "radio":
                radio, power = event["state"], event["power"]
            case "sleep":
                sleeping = True
            case "wake":
                sleeping = False
            case "deepsleep":
                yield Span("deep", now, until)
                return
        state = sleep_state(board, radio == "up") if sleeping else _awake(radio, power)
    yield Span(state, min(since, until), until)


def _served(run: list[Event], board: Board) -> float:
    """The end of the start: ready and, unless the access point was slow, joined."""
    ready = next((_time(e, run) for e in run if e["event"] == "ready"), float("inf"))
    joined = (_time(e, run) for e in run if e["event"] == "radio" and e["state"] == "up")
    up = next(joined, ready)
    return max(ready, up) if up - ready <= board.timings_ms.get("join", 0.0) else ready


def _awake(radio: str, power: str) -> str:
    if radio == "joining":
        return "active"
    return "receive" if radio == "up" and power == "none" else "idle"


def start(board: Board, *, rejoin: bool) -> list[Span]:
    """The time from power or wake until the board serves: processor alone, then with the radio."""
    timings = board.timings_ms
    boot = timings.get("boot", 0.0)
    join = timings.get("rejoin" if rejoin else "join", 0.0)
    served = boot + max(timings.get("start", 0.0), join)
    return [Span("idle", 0, boot), Span("active", boot, served)]
