"""Join the network ``SSID`` with the password ``KEY``, and print how it went."""

import json
import socket
import time

import network

_JOIN_MS = 30000


def _error(call) -> str:
    """The exception that ``call`` raises, as text; empty if it raises none."""
    try:
        call()
    except Exception as e:
        return "%s: %s" % (type(e).__name__, e)
    return ""


def _connect(address: str) -> "int | None":
    """The error number of a connect() that does not wait, to a port where nobody listens."""
    sock = socket.socket()
    sock.setblocking(False)
    try:
        sock.connect(socket.getaddrinfo(address, 9)[0][-1])
    except OSError as e:
        return e.errno
    finally:
        sock.close()
    return None


wlan = network.WLAN(network.STA_IF)
wlan.active(True)
began = time.ticks_ms()
wlan.connect(SSID, KEY)  # type: ignore[name-defined]  # noqa: F821
while not wlan.isconnected() and time.ticks_diff(time.ticks_ms(), began) < _JOIN_MS:
    time.sleep_ms(20)
joined = wlan.isconnected()
seen: dict = {"joined": joined, "join_ms": time.ticks_diff(time.ticks_ms(), began)}
seen["pm_once_joined"] = _error(lambda: wlan.config(pm=wlan.PM_PERFORMANCE))
seen["connect_errno"] = _connect(wlan.ifconfig()[2]) if joined else None
print(json.dumps(seen))
