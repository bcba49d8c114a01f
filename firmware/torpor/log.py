"""Log lines, printed and kept in a ring of bytes that never grows.

A line is ``<ms since boot> <LEVEL> <service>: <message>``. Control characters are escaped, so that
nobody can write a line of his own, or speak to the reader's terminal, through what a service logs.
"""

import sys

from micropython import const

from . import clock

DEBUG = const(0)
INFO = const(1)
WARNING = const(2)
ERROR = const(3)
_NAMES = ("DEBUG", "INFO ", "WARN ", "ERROR")
_SIZE = const(2048)

level = INFO
_ring = bytearray(_SIZE)  # allocated once: lines of many lengths would leave holes in the heap
_end = 0  # bytes ever written


class Log:
    """Writes lines under a service's name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def debug(self, text: str, *args) -> None:
        """Write a line for developers: ``log.debug("%d rows", n)``."""
        if level <= DEBUG:
            write(DEBUG, self.name, text % args if args else text)

    def info(self, text: str, *args) -> None:
        """Write a line about normal work. ``args`` replace the ``%`` fields of ``text``."""
        if level <= INFO:
            write(INFO, self.name, text % args if args else text)

    def warning(self, text: str, *args) -> None:
        """Write a line about something unexpected that the service can handle."""
        if level <= WARNING:
            write(WARNING, self.name, text % args if args else text)

    def error(self, text: str, *args) -> None:
        """Write a line about a failure."""
        write(ERROR, self.name, text % args if args else text)

    def exception(self, error: BaseException, text: str) -> None:
        """Write ``text`` and the traceback of ``error``, its lines indented by four spaces.

        Without memory for that the traceback is printed alone: the loop's own handler of errors
        comes here, and the board would die of a second one.
        """
        try:
            from io import StringIO

            buffer = StringIO()
            sys.print_exception(error, buffer)
            write(ERROR, self.name, text, buffer.getvalue().rstrip())
        except MemoryError:
            if isinstance(error, MemoryError):
                sys.print_exception(error)
            else:  # its message is not escaped, and may hold what a client sent
                sys.stdout.write("%s, no memory to say more\n" % type(error).__name__)


def write(severity: int, name: str, text: str, trace: str = "") -> None:
    """Print a line, with those of a traceback below it, and put it into the ring."""
    line = "%9d %s %s: %s" % (clock.uptime_ms(), _NAMES[severity], name, text)
    data = line.encode()
    if trace or min(data) < 32 or max(data) > 126:
        from . import escape

        data = escape.line(data, trace)
    data += b"\n"
    # One write a line, so that lines of a board that dies are whole.
    sys.stdout.write(data)  # type: ignore[arg-type]
    _keep(data)


def _keep(data: bytes) -> None:
    global _end
    if len(data) > _SIZE:
        data = data[-_SIZE:]
    at = _end % _SIZE
    first = min(len(data), _SIZE - at)
    _ring[at : at + first] = data[:first]
    _ring[: len(data) - first] = data[first:]
    _end += len(data)


def tail(lines: int) -> list[str]:
    """The last ``lines`` lines that the ring still holds, oldest first."""
    at = _end % _SIZE
    if _end <= _SIZE:
        data = bytes(_ring[:_end])
    else:
        data = bytes(_ring[at:]) + bytes(_ring[:at])
        data = data[data.find(b"\n") + 1 :]  # the oldest line has lost its beginning
    return [str(line, "utf-8") for line in data.split(b"\n")[:-1]][-lines:]
