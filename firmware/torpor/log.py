"""Log lines, printed and kept in a ring of bytes that never grows.

A line is ``<ms since boot> <LEVEL> <service>: <message>``. Control characters are escaped, so that
a client cannot forge lines, or control the reader's terminal, through text that a service logs.
"""

import gc
import sys
from binascii import crc32

from micropython import const

from . import clock
from .cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


DEBUG = const(0)
INFO = const(1)
WARNING = const(2)
ERROR = const(3)
_NAMES = ("DEBUG", "INFO ", "WARN ", "ERROR")
_SIZE = const(2048)

level = INFO
levels: dict = {}  # name -> the level of its lines, if it differs from ``level``
_ring = bytearray(_SIZE)  # allocated once: lines of many lengths would leave holes in the heap
_end = 0  # bytes ever written

_FAULTS = const(8)  # how many faults are counted
_LATER_MS = const(20)
# The faults since the start, if the board records them: [checksum, times, since when, text]. Faults
# without a record in the flash, because they end no run, have their kind and method after that.
faults: "Any" = None
recorded = 0  # how many of them were written to the flash
unsaved: "dict | None" = None  # the last one that found no room there


class Log:
    """Writes lines under a service's name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def debug(self, text: str, *args: "Any") -> None:
        """Write a line for developers: ``log.debug("%d rows", n)``."""
        if levels.get(self.name, level) <= DEBUG:
            write(DEBUG, self.name, text % args if args else text)

    def info(self, text: str, *args: "Any") -> None:
        """Write a line about normal work. ``args`` replace the ``%`` fields of ``text``."""
        if levels.get(self.name, level) <= INFO:
            write(INFO, self.name, text % args if args else text)

    def warning(self, text: str, *args: "Any") -> None:
        """Write a line about something unexpected that the service can handle."""
        if levels.get(self.name, level) <= WARNING:
            write(WARNING, self.name, text % args if args else text)

    def error(self, text: str, *args: "Any") -> None:
        """Write a line about a failure."""
        write(ERROR, self.name, text % args if args else text)

    def exception(self, error: BaseException, text: str, kind: str = "exception") -> None:
        """Write ``text`` and the traceback of ``error``, its lines indented by four spaces.

        A board writes a repeated fault once in full, and then how often it has occurred. It also
        keeps a record of it: see ``crashes``. Without memory for that, only the traceback is
        printed: the loop's error handler calls this method, and a second error would end the run.
        """
        trace = ""
        try:
            from io import StringIO

            buffer = StringIO()
            sys.print_exception(error, buffer)
            trace = buffer.getvalue().rstrip()
            if faults is None:
                write(ERROR, self.name, text, trace)
        except MemoryError:
            _print_briefly(error)
        if faults is not None:
            if isinstance(error, MemoryError):
                kind = "out of memory"
                gc.collect()  # room for the code that records it
            try:
                fault(kind, self.name, text, trace)
            except MemoryError:  # the code that records it cannot be loaded
                _print_briefly(error)


def _print_briefly(error):
    """Print what takes no memory: the frames of an error, or its type."""
    if isinstance(error, MemoryError):
        sys.print_exception(error)
    else:  # its message is not escaped, and may hold what a client sent
        sys.stdout.write("%s, no memory to say more\n" % type(error).__name__)


@cold
def fault(kind: str, name: str, text: str, trace: str = "") -> None:
    """Write, count and record a fault: one that repeats is written in full once. Does not raise.

    Args:
        kind: A word or two for ``torpor crashes``.
        name: The service.
        text: The line for the log.
        trace: The traceback, if there is one.
    """
    number = 0
    written = kind == "out of memory" and not trace
    try:
        if faults is None:
            write(ERROR, name, text, trace)
            return
        number = _count(_key(name, text, trace), ERROR, name, text)
        if number:
            if not written:
                write(ERROR, name, text, trace)
                written = True
            _record(number, kind, name, text, trace)
    except MemoryError:
        import asyncio

        if kind != "kernel died":
            asyncio.create_task(_record_later(number, kind, name, text, trace, written))
    except Exception as e:  # whatever fails: the caller must continue
        sys.stdout.write("no record of a fault: %s\n" % type(e).__name__)


def _record(number: int, kind: str, name: str, text: str, trace: str) -> None:
    from . import crashes

    at = _frames_end(trace)
    crashes.record(number, kind, name, text, trace[: max(0, at)], trace[at + 1 :])


async def _record_later(
    number: int, kind: str, name: str, text: str, trace: str, written: bool
) -> None:
    """Record a fault once its work has ended: until then the work may hold the memory."""
    import asyncio

    await asyncio.sleep_ms(_LATER_MS)
    gc.collect()
    try:
        if not written:
            write(ERROR, name, text, trace)
            written = True
        _record(number, kind, name, text, trace)
    except Exception as e:
        if not written and kind == "out of memory":  # its message is MicroPython's own
            sys.stdout.write(trace)
            sys.stdout.write("\n")
        sys.stdout.write("no record of a fault: %s\n" % type(e).__name__)


@cold
def incident(kind: str, name: str, method: str, text: str) -> None:
    """Write and count a failure that ended no run. It has no record, which would wear the flash.

    Args:
        kind: A word for ``torpor crashes``, which shows it until the next reset.
        name: The service, or a part of the runtime.
        method: The method; empty if there is none.
        text: The line for the log.
    """
    key = kind + name + method
    if faults is None or _count(key, WARNING, name, text, (kind, method)):
        write(WARNING, name, text)


def _key(name: str, text: str, trace: str) -> str:
    """Return the part of a fault that is the same each time it repeats."""
    at = _frames_end(trace)
    if '"services/' in trace:
        # The same place and kind of error: the message, and what a client asked for, may differ.
        return name + trace[: at + 1] + trace[at + 1 :].split(":", 1)[0]
    if trace:  # the frames of the runtime are the same whatever its caller did
        return name + text.split("?", 1)[0] + trace
    return name + text


def _count(key: str, severity: int, name: str, text: str, more: tuple = ()) -> int:
    """Count a fault; return its number, or 0 if it has occurred before.

    The second, fourth, eighth time and so on is logged.
    """
    number = crc32(key.encode()) & 0x3FFFFFFF
    for entry in faults:
        if entry[0] == number:
            entry[1] += 1
            n = entry[1]
            if n & (n - 1) == 0:
                write(severity, name, "... %s: %d times since %s" % (text, n, entry[2]))
            return 0
    if len(faults) >= _FAULTS:
        faults.pop(0)
    since = "%d ms" % clock.uptime_ms()
    if clock.synced():
        seconds = clock.now() % 86400
        since = "%02d:%02d UTC" % (seconds // 3600, seconds // 60 % 60)
    entry = [number, 1, since, name + ": " + text]
    entry.extend(more)
    faults.append(entry)
    return number


def crumb_of(kind: int, service: str, method: str) -> int:
    """Return the number for a piece of work, which survives a hang in a register (``port.crumb``).

    It fits into a small int of a 32-bit chip. ``host_tools/torpor_tools/crashes/crumbs.py`` makes
    the same numbers to find the names.

    Args:
        kind: 1 a request, 2 a call, 3 a job, 4 a start, 5 a task.
        service: The name of the service.
        method: The name of its method.
    """
    return kind << 26 | (crc32(service.encode()) & 0x1FFF) << 13 | crc32(method.encode()) & 0x1FFF


def write(severity: int, name: str, text: str, trace: str = "") -> None:
    """Print a line, with the lines of a traceback below it, and put both into the ring."""
    line = "%9d %s %s: %s" % (clock.uptime_ms(), _NAMES[severity], name, text)
    data = line.encode()
    if trace or min(data) < 32 or max(data) > 126:
        data = _escaped(data, trace)
    data += b"\n"
    # One write for each line, so that a board that dies leaves no partial line.
    sys.stdout.write(data)  # type: ignore[arg-type]
    _keep(data)


def _keep(data: bytes) -> None:
    global _end
    if len(data) > _SIZE:
        _end += len(data) - _SIZE
        data = data[-_SIZE:]
    at = _end % _SIZE
    first = min(len(data), _SIZE - at)
    _ring[at : at + first] = data[:first]
    _ring[: len(data) - first] = data[first:]
    _end += len(data)


def since(position: int) -> tuple:
    """Return what was written since ``position``, a number of bytes ever written.

    Returns:
        The position behind the newest line, the number of bytes that newer lines have overwritten
        meanwhile, and the lines that are left.
    """
    lost = max(0, _end - _SIZE - position)
    at = (position + lost) % _SIZE
    length = _end - position - lost
    data = bytes(_ring[at : at + length])
    data += bytes(_ring[: length - len(data)])
    if lost:
        whole = data.find(b"\n") + 1  # the beginning of the oldest line is lost
        lost += whole
        data = data[whole:]
    return _end, lost, data


def tail(lines: int) -> list[str]:
    """Return the last ``lines`` lines that the ring still holds, oldest first."""
    return [str(line, "utf-8") for line in since(0)[2].split(b"\n")[:-1]][-lines:]


# Characters that a reader does not see: U+061C, the space without width U+200B, U+200E, U+200F, the
# line separators and embeddings U+2028 to U+202E, the joiner and operators U+2060 to U+2064, the
# isolates U+2066 to U+2069, the byte-order mark U+FEFF, and surrogates.
# (Unicode Standard Annex 9, 2; https://trojansource.codes). Lead bytes, least and most last byte.
_HIDDEN = (
    (b"\xd8", 0x9C, 0x9C),
    (b"\xe2\x80", 0x8B, 0x8B),
    (b"\xe2\x80", 0x8E, 0x8F),
    (b"\xe2\x80", 0xA8, 0xAE),
    (b"\xe2\x81", 0xA0, 0xA4),
    (b"\xe2\x81", 0xA6, 0xA9),
    (b"\xef\xbb", 0xBF, 0xBF),
)


@cold
def _escaped(data: bytes, trace: str) -> bytes:
    """Return a line of the log with its control characters escaped, and ``trace`` below it.

    The lines of a traceback's frames stay lines. The message after them comes from the service.
    """
    data = _plain(data)
    if not trace:
        return data
    at = _frames_end(trace)
    if at > 0:
        data += b"\n    " + trace[:at].replace("\n", "\n    ").encode()
    return data + b"\n    " + _plain(trace[at + 1 :].encode())


def _frames_end(trace: str) -> int:
    """Return the end of a traceback's frames, or -1; the message follows them."""
    at = trace.find("\n") if trace.startswith("Traceback") else -1
    while trace.startswith('\n  File "', at):
        at = trace.find("\n", at + 1)
    return at


def _plain(data: bytes) -> bytes:
    """Return UTF-8 text with control characters escaped, also those that change the direction."""
    parts = []
    start = 0
    for i in range(len(data)):
        c = data[i]
        if c >= 32 and c != 127 and (c > 159 or c < 128 or data[i - 1] != 0xC2):
            continue
        parts.append(data[start : i - 1 if c > 127 else i])
        parts.append(b"\\n" if c == 10 else b"\\x%02x" % c)
        start = i + 1
    parts.append(data[start:])
    data = b"".join(parts)
    for lead, least, most in _HIDDEN:
        if lead in data:
            for last in range(least, most + 1):
                hidden = lead + bytes((last,))
                if hidden in data:
                    data = data.replace(hidden, b"\\u%04x" % ord(str(hidden, "utf-8")))
    if b"\xed" in data:
        for letter in str(data, "utf-8"):
            if 0xD800 <= ord(letter) < 0xE000:
                data = data.replace(letter.encode(), b"\\u%04x" % ord(letter))
    return data
