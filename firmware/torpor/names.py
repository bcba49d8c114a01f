"""Looks up the names of other computers as rarely as can be.

``socket.getaddrinfo`` waits for the answer, and the whole board with it: 5 to 7 s if there is none
(``local_ms`` and ``dns_ms`` of ``boards/ports/*.toml``). So an address is kept once it is known,
and a look-up that has failed is not made again before 16 times as long has passed as it took. A
board that has just started asks sooner: others may be starting as well.
"""

import socket

from micropython import const

from . import clock

_SHARE = const(16)
_STARTING_MS = const(60000)
_PATIENCE_MS = const(10000)  # a board that restarts comes back at the same address

_known: dict = {}  # (host, port) -> [address or None, whether to look it up, not before (uptime)]


def find(host: str, port: int):
    """The address to connect to; the last one that is known if the name cannot be looked up.

    Raises:
        OSError: it cannot be looked up, or could not a while ago.
    """
    entry = _known.get((host, port))
    if entry is None:
        entry = _known[host, port] = [None, True, 0]
    if entry[1] and clock.uptime_ms() >= entry[2]:
        _look_up(entry, host, port)
    if entry[0] is None:
        raise OSError("%s is not found; it will be looked up again" % host)
    return entry[0]


def failed(host: str, port: int) -> None:
    """Note that nobody answers at the address: it may have changed."""
    entry = _known.get((host, port))
    if entry and not entry[1]:
        entry[1] = True
        entry[2] = clock.uptime_ms() + _PATIENCE_MS


def _look_up(entry: list, host: str, port: int) -> None:
    since = clock.ticks()
    try:
        entry[0] = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
        entry[1] = False
    except OSError:
        took = clock.since(since)
        up = clock.uptime_ms()
        entry[2] = up + (took if up < _STARTING_MS else took * _SHARE)
