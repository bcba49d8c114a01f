"""The Wi-Fi connection and the clock that is set over it."""

import asyncio
import json

from micropython import const

from . import clock, log, supervise

_FIRST_MS = const(1000)
_LAST_MS = const(60000)
_JOIN_MS = const(15000)
_WATCH_MS = const(5000)

_log = log.Log("net")

TYPE_CHECKING = False
if TYPE_CHECKING:
    import network

_wlan: "network.WLAN" = None  # type: ignore[assignment]  # set by begin


def _credentials() -> dict:
    """The ``[wifi]`` of ``secrets.toml``, which the build puts into the filesystem only."""
    try:
        with open("/secrets.json") as file:
            return json.load(file).get("wifi", {})
    except OSError:
        return {}


def start(kernel) -> None:
    """Stay joined from now on."""
    begin()
    supervise.spawn(_log, keep, kernel.rejoined)


def begin() -> None:
    """Turn the radio on and begin to join; returns at once."""
    global _wlan
    if _wlan is not None:
        return
    import network

    _wlan = network.WLAN(network.STA_IF)
    _wlan.active(True)
    _connect()


def _connect() -> None:
    wifi = _credentials()
    if not wifi.get("ssid"):
        _log.warning(
            "no Wi-Fi name: put [wifi] ssid and password into secrets.toml and build again"
        )
        return
    try:
        _wlan.connect(wifi["ssid"], wifi.get("password", ""))
    except OSError as e:
        _log.warning("joining failed: %s", e)  # whoever reads the log must not learn the name


async def keep(rejoined=()) -> None:
    """Stay joined: join again with back-off when the connection is lost, then call the functions in
    ``rejoined``. Never returns."""
    lost = False
    pause = _FIRST_MS
    joined = False
    while True:
        if _wlan.isconnected():
            if not joined:
                joined = True
                pause = _FIRST_MS
                _log.info("joined as %s", _wlan.ifconfig()[0])
                for function in rejoined if lost else ():
                    function()
            if not clock.synced():
                _set_clock()
            await asyncio.sleep_ms(_WATCH_MS)
            continue
        if joined:
            joined = False
            lost = True
            _log.warning("connection lost")
        since = clock.ticks()
        while not _wlan.isconnected() and clock.since(since) < _JOIN_MS:
            await asyncio.sleep_ms(100)
        if not _wlan.isconnected():
            _log.warning("not joined, again in %d s", pause // 1000)
            await asyncio.sleep_ms(pause)
            pause = min(2 * pause, _LAST_MS)
            _connect()


def _set_clock() -> None:
    import ntptime

    try:
        ntptime.settime()
        _log.info("clock set")
    except OSError as e:
        _log.warning("clock not set: %s", e)


def info() -> dict:
    """Address and signal strength (dBm), as far as the radio tells."""
    if not _wlan or not _wlan.isconnected():
        return {"connected": False}
    found = {"connected": True, "address": _wlan.ifconfig()[0]}
    try:
        found["rssi"] = _wlan.status("rssi")
    except (OSError, ValueError):
        pass
    return found
