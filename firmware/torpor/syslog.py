"""Sends the lines of the log to a syslog server, over UDP (RFC 5424 and RFC 5426).

The lines are read from the ring of ``log``, so those of the start are sent as soon as there is a
network, and a burst costs no memory. If the ring has lost lines by then, a line reports it.
"""

import socket
import time

from micropython import const

from . import clock, kernel, log, loop, sockets
from .cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .kernel import Kernel


_LOOK_MS = const(250)
_RETRY_MS = const(5000)  # after an error, such as no network or an unknown host
_MOST = const(1200)  # bytes of a message: RFC 5426, 3.2: fits a datagram that is not fragmented
_USER = const(8)  # the facility "user-level messages": 1 (RFC 5424, 6.2.1), times 8
_SEVERITY = {"DEBUG": 7, "INFO": 6, "WARN": 4, "ERROR": 3}
_NIL = "-"

_sock: "socket.socket | None" = None
_position = 0  # in the log: the lines before it are sent
_number = 0  # of the last message


def start(kernel: "Kernel") -> None:
    """Send lines from now on, and the last ones before the board sleeps."""
    kernel.savers.append(_flush)
    loop.spawn(log.Log("syslog"), _run)


async def _run() -> None:
    while True:
        wait = _LOOK_MS
        if log.since(_position)[0] != _position:
            try:
                _send_lines()
            except OSError:
                wait = _RETRY_MS
        await loop.pause(wait)


def _flush() -> None:
    try:
        _send_lines()
    except OSError:
        pass  # a board that sleeps deep loses them


@cold
def _send_lines() -> None:
    """Send all lines that were not sent. Raises ``OSError``."""
    global _sock, _position
    host, port = kernel.current.cluster.SYSLOG
    address = sockets.look_up(host, port)
    if _sock is None:
        _sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end, lost, data = log.since(_position)
    if lost:
        _send(address, clock.uptime_ms(), "WARN", "syslog", "%d bytes of the log are lost" % lost)
    lines = str(data, "utf-8").split("\n")[:-1]
    while lines:
        text = lines.pop(0)
        while lines and not _is_first(lines[0]):
            text += "\n" + lines.pop(0)  # a traceback is sent with its line
        ms, severity, text = text.strip().split(None, 2)
        name, _, message = text.partition(": ")
        _send(address, int(ms), severity, name, message)
    _position = end


@cold
def _is_first(line: str) -> bool:
    """Return whether a line begins an entry: with the time. Lines of tracebacks do not."""
    return line.lstrip()[:1].isdigit()


@cold
def _send(address, ms: int, severity: str, name: str, message: str) -> None:
    global _number
    _number += 1
    board = kernel.current.cluster.BOARD
    meta = '[meta sequenceId="%d" sysUpTime="%d"]' % (_number, ms // 10)
    priority = _USER + _SEVERITY[severity]
    head = "<%d>1 %s %s %s - - %s " % (priority, _timestamp(ms), board, name, meta)
    _sock.sendto((head + message).encode()[:_MOST], address)  # type: ignore[union-attr]


@cold
def _timestamp(ms: int) -> str:
    """Return the time of an uptime, or the nil value while the clock is not set."""
    if not clock.synced():
        return _NIL
    at = clock.wall_ms() - clock.uptime_ms() + ms
    t = time.gmtime(at // 1000 - clock._EPOCH)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ" % (t[:6] + (at % 1000,))
