"""Split the output of a board into log lines and trace events."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Protocol

from torpor_tools.tracebacks import as_sources

Event = dict[str, Any]

_LOG = re.compile(r" *(\d+) (DEBUG|INFO|WARN|ERROR) +([^\s:]+): (.*)")
_TRACE = "\x1e"
_NUMBER = (int, float)
# The fields of an event that the supervisor reads. Output without them is not an event.
_FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "reset": {"cause": (str,)},
    "deepsleep": {"ms": (*_NUMBER, type(None))},
    "wake_source": {"kind": (str,), "pins": (list, type(None)), "level": (int,)},
    "watchdog": {"timeout": _NUMBER},
}
_ESCAPED = {n: f"\\x{n:02x}" for n in (*range(32), *range(127, 160)) if n != ord("\t")}
_LONGEST = 1 << 16  # bytes; a line without end is cut here
_STARTER = "_boot.py"  # its frame in a traceback is of no use to the user


@dataclass(frozen=True)
class LogLine:
    """A line of a board's output.

    ``level`` is DEBUG, INFO, WARN or ERROR, and empty for output that was not logged. ``more`` is
    set for the lines of a traceback: they have the time, level and service of the line above them.
    ``ms`` counts from the board's start and is None if the board did not report it.
    """

    board: str
    level: str
    service: str
    text: str
    ms: int | None = None
    more: bool = False

    def __str__(self) -> str:
        # A program may print anything, and this goes to a terminal.
        text = self.text.translate(_ESCAPED)
        if not self.level:
            return text
        if self.more:
            return f"    {text}"
        time = "" if self.ms is None else f"{self.ms / 1000:.3f} "
        return f"{time}{self.level} {self.service}: {text}"


class LogListener(Protocol):
    """Receives every line of a board's log."""

    def __call__(self, line: LogLine, /) -> None: ...


class Reader:
    """Turns the bytes of one run of a board into lines and events.

    An event begins with a control character and the ``token`` of the run, which only the shims
    know: output of a service cannot be mistaken for an event. Without a token there are no events.
    """

    def __init__(self, board: str, token: str = "") -> None:
        self._board = board
        self._marker = _TRACE + token if token else ""
        self._unread = b""
        self._last: LogLine | None = None

    def feed(self, data: bytes) -> list[LogLine | Event]:
        """Return the items that ``data`` completes; no data means that the output has ended."""
        *whole, self._unread = (self._unread + data).split(b"\n")
        if self._unread and (not data or len(self._unread) > _LONGEST):
            at = self._unread.rfind(_TRACE.encode()) if data else 0
            at = at if at > 0 else len(self._unread)  # an event after the long text stays whole
            whole.append(self._unread[:at])
            self._unread = self._unread[at:]
        return [item for raw in whole for item in self._line(raw.decode(errors="replace"))]

    def _line(self, raw: str) -> list[LogLine | Event]:
        raw = raw.rstrip("\r")
        # Output without a newline may precede an event.
        text, marker, event = raw.partition(self._marker) if self._marker else (raw, "", "")
        parsed = _event(event) if marker else None
        if parsed is None:
            text = raw
        items: list[LogLine | Event] = []
        if (text or parsed is None) and _STARTER not in text:
            self._last = self._log(text)
            items.append(self._last)
        if parsed is not None:
            items.append(parsed)
        return items

    def _log(self, text: str) -> LogLine:
        match = _LOG.fullmatch(text)
        if match:
            ms, level, service, message = match.groups()
            return LogLine(self._board, level, service, message, int(ms))
        above = self._last
        if above and above.level and text.startswith("    "):
            text = as_sources(text[4:])
            return LogLine(self._board, above.level, above.service, text, above.ms, more=True)
        return LogLine(self._board, "", "", as_sources(text))


def _event(text: str) -> Event | None:
    try:
        event = json.loads(text)
    except ValueError:
        return None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return None
    fields = _FIELDS.get(event["event"], {})
    if not all(isinstance(event.get(name, ...), kinds) for name, kinds in fields.items()):
        return None
    return event
