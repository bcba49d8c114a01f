"""Simulates a stated load under a policy: the charge it takes, and how long callers wait.

Requests come at random (Poisson) with a fixed seed, so the same load gives the same result.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..errors import fail
from ..model.board import Board
from .meter import Energy, Span, measure
from .trace import start

_BEACON_MS = 102.4  # an access point's usual interval; a radio that saves power hears one in all
_SLICE_MS = 200.0  # a board that dozes under a timer: torpor/power/governor.py
_SHORTEST_MS = 5000.0  # a board does not sleep deep for less: same file
_SEED = 1


@dataclass(frozen=True)
class Load:
    """The load on a board."""

    requests_per_minute: float = 1.0
    request_ms: float = 20.0  # of the processor, for one request
    every_ms: float | None = None  # the shortest schedule
    job_ms: float = 100.0  # of the processor, for one run
    linger_ms: float = 2000.0
    wake_every_ms: float = 60_000.0
    hours: float = 24.0


@dataclass(frozen=True)
class Outcome:
    """A policy's cost and the latencies that callers saw, in ms."""

    policy: str
    energy: Energy
    latencies_ms: tuple[float, ...]
    spans: tuple[Span, ...]

    def latency(self, share: float) -> float:
        """The latency that ``share`` of the callers did not exceed; 0 without callers."""
        if not self.latencies_ms:
            return 0.0
        ordered = sorted(self.latencies_ms)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def policies(board: Board) -> list[str]:
    """The policies that the board has."""
    return [p for p in ("on", "idle", "doze", "deep") if p != "doze" or "doze" in board.currents_ma]


def play(board: Board, policy: str, load: Load) -> Outcome:
    """The outcome of the load under that policy. Raises ``UserError`` if a current is not known."""
    if policy not in policies(board):
        raise fail(f"a {board.title} has no {policy}", f"it has {', '.join(policies(board))}")
    chance = random.Random(_SEED)
    arrivals = _arrivals(chance, load)
    if policy == "deep":
        spans, latencies = _deep(board, load, arrivals)
    else:
        spans, latencies = _awake(policy, load, arrivals, chance)
    energy = measure(spans, board.currents_ma)
    return Outcome(policy, energy, tuple(latencies), tuple(spans))


def _arrivals(chance: random.Random, load: Load) -> list[float]:
    """The times of requests, in ms."""
    end = load.hours * 3_600_000
    times, now = [], 0.0
    while load.requests_per_minute > 0:
        now += chance.expovariate(load.requests_per_minute / 60_000)
        if now >= end:
            break
        times.append(now)
    return times


class _Line:
    """Spans one after the other."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.now = 0.0

    def until(self, state: str, end: float) -> None:
        """Stay in ``state`` until ``end``; nothing if that is past."""
        if end > self.now:
            self.spans.append(Span(state, self.now, end))
            self.now = end


def _jobs(load: Load) -> list[float]:
    """The times of scheduled runs, in ms."""
    if not load.every_ms:
        return []
    count = int(load.hours * 3_600_000 / load.every_ms)
    return [i * load.every_ms for i in range(count)]


def _awake(
    policy: str, load: Load, arrivals: list[float], chance: random.Random
) -> tuple[list[Span], list[float]]:
    """A board that can always be reached: on, idle and doze."""
    waits = {"on": "receive", "idle": "idle", "doze": "doze"}[policy]
    line, latencies = _Line(), []
    work = sorted([(t, True) for t in arrivals] + [(t, False) for t in _jobs(load)])
    awake_until = 0.0  # a board that dozes waits a while after a request
    for at, is_request in work:
        line.until("idle" if policy == "doze" else waits, min(at, awake_until))
        line.until(waits, at)
        delay = 0.0
        if is_request and policy != "on":
            delay = chance.uniform(0, _BEACON_MS)
            if policy == "doze" and load.every_ms and at > awake_until:
                delay += chance.uniform(0, _SLICE_MS)
        begin = max(at + delay, line.now)
        line.until(waits, begin)
        line.until("active", begin + (load.request_ms if is_request else load.job_ms))
        if is_request:
            latencies.append(line.now - at)
            awake_until = line.now + load.linger_ms
    line.until(waits, load.hours * 3_600_000)
    return line.spans, latencies


def _deep(board: Board, load: Load, arrivals: list[float]) -> tuple[list[Span], list[float]]:
    """A board that sleeps: requests wait at the gateway for the next wake."""
    line, latencies = _Line(), []
    waiting, jobs = list(reversed(arrivals)), list(reversed(_jobs(load)))
    end = load.hours * 3_600_000
    woke = 0.0
    asleep = True
    while line.now < end or waiting:
        if asleep:
            woke = line.now
            for span in start(board, rejoin=woke > 0):
                line.until(span.state, woke + span.end)
        while jobs and jobs[-1] <= line.now:
            jobs.pop()
            line.until("active", line.now + load.job_ms)
        quiet = line.now
        while waiting and waiting[-1] <= max(quiet, line.now):
            at = waiting.pop()
            line.until("idle", at)
            line.until("active", line.now + load.request_ms)
            latencies.append(line.now - at)
            quiet = line.now + load.linger_ms
        line.until("idle", quiet)
        wake = max(woke + load.wake_every_ms, line.now + _SHORTEST_MS)
        wake = min(wake, max(jobs[-1], line.now)) if jobs else wake
        asleep = wake - line.now >= _SHORTEST_MS
        line.until("deep" if asleep else "idle", wake)
    return line.spans, latencies
