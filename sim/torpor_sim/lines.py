"""What a board writes on its output, taken apart: log lines and trace events."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from torpor_tools.tracebacks import as_sources

Event = dict[str, Any]

_LOG = re.compile(r" *(\d+) (DEBUG|INFO|WARN|ERROR) +([^\s:]+): (.*)")
_TRACE = "\x1e"
_LONGEST = 1 << 16  # bytes; a line without end is cut here
_STARTER = "_boot.py"  # its frame in a traceback tells the user nothing


@dataclass(frozen=True)
class LogLine:
    """A line of a board's output.

    ``level`` is DEBUG, INFO, WARN or ERROR, and empty for what was printed past the log. ``more``
    is set for the lines of a traceback: they take time, level and service of the line above them.
    ``ms`` counts from the board's start and is None where the board did not say.
    """

    board: str
    level: str
    service: str
    text: str
    ms: int | None = None
    more: bool = False

    def __str__(self) -> str:
        if not self.level:
            return self.text
        if self.more:
            return f"    {self.text}"
        time = "" if self.ms is None else f"{self.ms / 1000:.3f} "
        return f"{time}{self.level} {self.service}: {self.text}"


class Reader:
    """Turns the bytes of one run of a board into lines and events."""

    def __init__(self, board: str) -> None:
        self._board = board
        self._rest = b""
        self._last: LogLine | None = None

    def feed(self, data: bytes) -> list[LogLine | Event]:
        """All that is complete with ``data``; no data means that the output has ended."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if self._rest and (not data or len(self._rest) > _LONGEST):
            whole.append(self._rest)
            self._rest = b""
        return [item for raw in whole for item in self._line(raw.decode(errors="replace"))]

    def _line(self, raw: str) -> list[LogLine | Event]:
        raw = raw.rstrip("\r")
        # Something printed without a newline may stand before an event.
        text, marker, event = raw.partition(_TRACE)
        parsed = _event(event) if marker else None
        if parsed is None:
            text = raw
        found: list[LogLine | Event] = []
        if (text or parsed is None) and _STARTER not in text:
            self._last = self._log(text)
            found.append(self._last)
        if parsed is not None:
            found.append(parsed)
        return found

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
    return event if isinstance(event, dict) and "event" in event else None
