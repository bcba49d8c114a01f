"""The Wi-Fi connection and the clock that is set over it."""

import asyncio

from micropython import const

from . import clock, log, loop, supervise
from .cold import cold

_FIRST_MS = const(1000)
_LAST_MS = const(60000)
_JOIN_MS = const(15000)
_REJOIN_MS = const(4000)  # with a remembered access point it takes less than one second
_POLL_MS = const(20)
_WATCH_MS = const(5000)
_SET_CLOCK_S = const(3600)  # the oscillator of a deep sleep drifts by seconds an hour

_RETRY_CLOCK_S = const(60)
_SHARE = const(16)  # nothing else runs while a server's name is looked up: at most one part in 16

_log = log.Log("net")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import network

    from .info import Network
    from .kernel import Kernel

_wlan: "network.WLAN" = None  # type: ignore[assignment]  # set by begin
_quick = False  # whether the join that is under way uses what is remembered

joined = False
joining = False


def start(kernel: "Kernel") -> None:
    """Join the network, and keep the connection from now on."""
    begin()
    supervise.spawn(_log, keep, kernel.rejoined)


@cold
def begin(host: str = "", saving: str = "") -> None:
    """Turn the radio on and begin to join; returns at once.

    ``host``: the name to announce by mDNS. ``saving``: which ``PM_`` constant of the radio to set.
    Without them the firmware's own settings stay.
    """
    global _wlan
    if _wlan is None:
        import network

        if host:
            network.hostname(host)  # a Pico takes it once, when the radio is turned on
        _wlan = network.WLAN(network.STA_IF)
        _wlan.active(True)
        if saving:
            try:
                _wlan.config(pm=getattr(_wlan, saving))
            except OSError:  # an ESP32 that still joins since before a soft reset: it is set
                pass
        _connect()


@cold
def _connect(quick: bool = True) -> None:
    """Begin to join; with ``quick``, by what is remembered of the access point."""
    global _quick, joining
    from . import secrets

    try:
        from .power import rejoin  # in images of boards that sleep deep
    except ImportError:
        rejoin = None  # type: ignore[assignment]
    _quick = joining = False
    wifi = secrets.read("wifi")
    if not wifi.get("ssid"):
        _log.warning(
            "no Wi-Fi name: put [wifi] ssid and password into secrets.toml and build again"
        )
        return
    joining = True
    ssid, key = wifi["ssid"], wifi.get("password", "")
    begun = 0
    # An ESP32 raises RuntimeError for what it has no OSError for. The log must not show the name.
    try:
        if not quick:
            _wlan.disconnect()  # an ESP32 refuses to connect while it is still trying
        begun = rejoin.connect(_wlan, ssid, key, quick) if rejoin else 0
    except (OSError, RuntimeError) as e:
        _log.warning("joining the last access point failed: %s", e)
    try:
        if not begun:
            _wlan.connect(ssid, key)
    except (OSError, RuntimeError) as e:
        _log.warning("joining failed: %s", e)
    _quick = bool(rejoin) and begun == rejoin.QUICK


@cold
def _set_clock() -> None:
    """Set the clock from a time server; if it does not answer, schedule another attempt."""
    import ntptime

    since = clock.ticks()
    try:
        ntptime.settime()
        clock.was_set()
        _log.info("clock set")
    except OSError as e:
        again = max(_RETRY_CLOCK_S, clock.since(since) * _SHARE // 1000)
        clock.set_later(again)
        _log.warning("clock not set, again in %d s: %s", again, e)


async def keep(rejoined: "Any" = ()) -> None:
    """Stay joined; never return.

    When the connection is lost, join again with back-off, then call the functions in ``rejoined``.
    """
    global joined, joining
    lost = False
    pause = _FIRST_MS
    while True:
        if _wlan.isconnected():
            if not joined:
                joined = True
                joining = False
                pause = _FIRST_MS
                _log.info("joined as %s", _wlan.ifconfig()[0])
                for function in rejoined if lost else ():
                    function()
            if clock.set_due(_SET_CLOCK_S):
                _set_clock()
            await loop.pause(_WATCH_MS)
            continue
        if joined:
            joined = False
            lost = True
            _log.warning("connection lost")
        joining = True
        since = clock.ticks()
        while not _wlan.isconnected() and clock.since(since) < (_REJOIN_MS if _quick else _JOIN_MS):
            await asyncio.sleep_ms(_POLL_MS)
        if not _wlan.isconnected():
            if _quick:
                _log.warning("the last access point is gone, looking for another")
                _connect(False)
                continue
            joining = False
            _log.warning("not joined, again in %d s", pause // 1000)
            await asyncio.sleep_ms(pause)
            pause = min(2 * pause, _LAST_MS)
            _connect(False)


@cold
def info() -> "Network":
    """Return the address and the signal strength (dBm), as far as the radio reports them."""
    if not _wlan or not _wlan.isconnected():
        return {"connected": False}
    found: "Network" = {"connected": True, "address": _wlan.ifconfig()[0]}
    try:
        found["rssi"] = _wlan.status("rssi")
    except (OSError, ValueError, RuntimeError):
        pass
    return found
