"""The present work of all boards: two snapshots of each, and the rates between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from ...client.tools import Tools
from ...errors import UserError
from ...model.plan import BoardPlan
from .figures import CLASSES, SUM_MS, Snapshot


@dataclass
class ServiceRow:
    """A service of a board. None: the image does not count requests, or there was no request."""

    name: str
    requests_per_s: float | None = None
    errors_per_s: float | None = None  # responses 5xx
    latency_ms: float | None = None  # mean
    failed: bool = False  # it did not start


@dataclass
class BoardRow:
    """A board. Without a snapshot only ``name``, ``power`` and ``reason`` are set."""

    name: str
    power: str
    reached: bool = False
    reason: str = ""  # why it cannot be reached
    uptime_s: int | None = None
    started_by: str = ""  # the cause of its last start
    heap_free: int | None = None
    heap_largest: int | None = None
    connections: int | None = None
    slots: int | None = None
    rssi_dbm: int | None = None
    counts_requests: bool = False
    services: list[ServiceRow] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class _Taken:
    at: float
    snapshot: Snapshot


class Top:
    """Takes snapshots of boards, all at the same time.

    Args:
        root: The folder of the project.
        boards: Those to show.
        clock: Returns a time in seconds.
    """

    def __init__(
        self,
        root: Path,
        boards: Sequence[BoardPlan],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stack = ExitStack()
        self._boards = boards
        self._tools = [self._stack.enter_context(Tools(root, board)) for board in boards]
        self._clock = clock
        self._before: dict[str, _Taken] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def rows(self) -> list[BoardRow]:
        """Ask all boards; rates are those since the last call."""
        with ThreadPoolExecutor(max(1, len(self._tools))) as pool:
            return list(pool.map(self._row, self._boards, self._tools))

    def _row(self, board: BoardPlan, tools: Tools) -> BoardRow:
        try:
            now = _Taken(self._clock(), tools.ask("status"))
        except UserError as error:
            self._before.pop(board.name, None)
            policy = board.power.policy if board.power else "on"
            return BoardRow(board.name, policy, reason=error.problems[0].what)
        before = self._before.get(board.name)
        self._before[board.name] = now
        return row(
            board,
            now.snapshot,
            before.snapshot if before else None,
            now.at - before.at if before else 0,
        )


def row(board: BoardPlan, s: Snapshot, before: Snapshot | None, seconds: float) -> BoardRow:
    """The row of a board from two snapshots, ``seconds`` apart."""
    if before and before["uptime"] > s["uptime"]:
        before = None  # it has restarted, and its counters with it
    found = BoardRow(
        board.name,
        s["power"],
        reached=True,
        uptime_s=s["uptime"],
        started_by=s["reset"],
        heap_free=s["free"],
        heap_largest=s["largest"],
        connections=s["connections"][0],
        slots=s["connections"][1],
        rssi_dbm=s["rssi"],
        counts_requests="routes" in s,
    )
    for service in board.services:
        one = ServiceRow(service.name, failed=service.name in s["failed"])
        if before and found.counts_requests and seconds > 0 and service.port:
            _rates(one, _sum(s, service.name), _sum(before, service.name), seconds)
        found.services.append(one)
    return found


def _rates(one: ServiceRow, now: list[int], before: list[int], seconds: float) -> None:
    numbers = [a - b for a, b in zip(now, before, strict=True)]
    responses = sum(numbers[: len(CLASSES)])
    timed = sum(numbers[len(CLASSES) : SUM_MS])
    one.requests_per_s = round(responses / seconds, 2)
    one.errors_per_s = round(numbers[len(CLASSES) - 1] / seconds, 2)
    one.latency_ms = round(numbers[SUM_MS] / timed, 1) if timed else None


def _sum(s: Snapshot, service: str) -> list[int]:
    """The figures of all routes of a service."""
    total = [0] * (SUM_MS + 1)
    for name, _, _, numbers in s["routes"]:
        if name == service:
            total = [a + b for a, b in zip(total, numbers, strict=True)]
    return total
