"""Records of crashes, as ``firmware/torpor/crashes.py`` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .builds import Build
from .crumbs import work_of

_FRAME = re.compile(r'File "/?([^"]+)", line (\d+)(?:, in (.+))?')
# The runtime names the place of a migration that failed in its message.
_PLACE = re.compile(r"\((services/\w+/migrations/(\w+)\.py):(\d+)\)$")
_REQUEST = re.compile(r"([A-Z]+) (/\S*)")
_WORDS = {"scheduled run failed": "a job", "task failed, begins again": "a task"}


@dataclass(frozen=True)
class Frame:
    """A line of a traceback."""

    file: str
    line: int
    function: str


@dataclass(frozen=True)
class Record:
    """A crash.

    Attributes:
        number: Counts the records of a board.
        kind: exception, out of memory, failed start, kernel died or watchdog.
        service: The service whose code failed; empty if that is not known.
        doing: The log's description of the work: a request, a job, a call.
        frames: Those of the traceback, outermost first.
        error: Its last lines: the exception.
        crumb: The breadcrumb, after a watchdog reset.
        uptime_s: Seconds since the start; None if that is not known.
        at: Unix time; None if the clock was not set.
        free: Bytes of free heap.
        reset: Why the run that crashed, or found the crash, had started.
        build: The id of the image.
        key: The number of the fault among those that the board counts.
        log: The last 2 kB of the log.
    """

    number: int
    kind: str
    service: str
    doing: str
    frames: tuple[Frame, ...]
    error: str
    crumb: int
    uptime_s: float | None
    at: int | None
    free: int
    reset: str
    build: str
    key: int
    log: str

    def work(self, build: Build | None) -> str:
        """``service.method`` as far as it is known."""
        if self.crumb and (work := work_of(self.crumb, build.methods if build else ())):
            return work
        for frame in reversed(self.frames):
            if frame.file.startswith(f"services/{self.service}") and frame.function:
                return f"{self.service}.{frame.function}"
        if build and (request := _REQUEST.match(self.doing)):
            for service, verb, path, method in build.routes:
                if (service, verb) == (self.service, request[1]) and _fits(path, request[2]):
                    return f"{service}.{method}"
        return self.service or "the runtime"

    @property
    def group(self) -> tuple[object, ...]:
        """The properties by which crashes count as equal."""
        name = self.error.split(":")[0]
        return self.build, self.kind, self.service, self.frames, name, self.crumb


@dataclass(frozen=True)
class Incident:
    """A fault on a board since its start that ended no run: it is not in the flash.

    Attributes:
        kind: deadline, lost call, broker or network.
        work: ``service.method`` as far as it is known.
        what: The line of the log.
        times: How often.
        since: When it was first, as the board states it.
    """

    kind: str
    work: str
    what: str
    times: int
    since: str


def incident(fault: Sequence[Any]) -> Incident | None:
    """Return the incident that a board counts; None for a fault that has a record."""
    _, times, since, text, *more = fault
    if not more:
        return None
    name, _, what = text.partition(": ")
    work = f"{name}.{more[1]}" if more[1].isidentifier() else name
    return Incident(more[0], work, what, times, since)


def parse(text: str) -> Record:
    """A record from the text of its file. Raises ``ValueError`` or ``KeyError``."""
    line, _, log = text.partition("\n")
    head: dict[str, Any] = json.loads(line)
    frames, error = _trace(head["trace"])
    uptime = head["uptime"]
    return Record(
        head["n"],
        head["kind"],
        head["service"],
        _WORDS.get(head["doing"], head["doing"]),
        frames,
        error,
        head["crumb"],
        None if uptime < 0 else uptime / 1000,
        head["at"],
        head["free"],
        head["reset"],
        head["build"],
        head["key"],
        log,
    )


def grouped(records: Sequence[Record]) -> list[list[Record]]:
    """Equal records together, the newest first."""
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in sorted(records, key=lambda r: -r.number):
        groups.setdefault(record.group, []).append(record)
    return list(groups.values())


def _trace(text: str) -> tuple[tuple[Frame, ...], str]:
    frames: list[Frame] = []
    error: list[str] = []
    for line in text.splitlines():
        if (match := _FRAME.search(line)) and not error:
            file = match[1].removesuffix(".mpy").removesuffix(".py") + ".py"
            frames.append(Frame(file, int(match[2]), match[3] or ""))
        elif line and not line.startswith("Traceback"):
            error.append(line)
    if place := _PLACE.search(error[-1] if error else ""):
        frames.append(Frame(place[1], int(place[3]), place[2]))
    return tuple(frames), "\n".join(error)


def _fits(path: str, target: str) -> bool:
    wanted, sent = path.split("/"), target.split("/")
    return len(wanted) == len(sent) and all(
        w.startswith("<") or w == s for w, s in zip(wanted, sent, strict=True)
    )
