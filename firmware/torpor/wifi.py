"""The Wi-Fi connection and the clock that is set over it."""

import asyncio

from micropython import const

from . import clock, cold, log, loop, supervise

_FIRST_MS = const(1000)
_LAST_MS = const(60000)
_JOIN_MS = const(15000)
_REJOIN_MS = const(4000)  # with a remembered access point it takes less than one second
_POLL_MS = const(20)
_WATCH_MS = const(5000)
_SET_CLOCK_S = const(3600)  # the oscillator of a deep sleep drifts by seconds an hour

_log = log.Log("net")

TYPE_CHECKING = False
if TYPE_CHECKING:
    import network

_wlan: "network.WLAN" = None  # type: ignore[assignment]  # set by begin
_quick = False  # whether the join that is under way uses what is remembered

joined = False
joining = False


def _radio():
    # Used at the start, when the connection is lost and once an hour: 2 kB in 64-bit MicroPython.
    from . import radio

    cold.forget("torpor.radio")
    return radio


def start(kernel) -> None:
    """Stay joined from now on."""
    begin()
    supervise.spawn(_log, keep, kernel.rejoined)


def begin(host: str = "", saving: str = "") -> None:
    """Turn the radio on and begin to join; returns at once.

    ``host``: the name to announce by mDNS. ``saving``: which ``PM_`` constant of the radio to set.
    Without them the firmware's own settings stay.
    """
    global _wlan
    if _wlan is None:
        import network

        if host:
            network.hostname(host)  # a Pico takes it when the radio is turned on, for good
        _wlan = network.WLAN(network.STA_IF)
        _wlan.active(True)
        if saving:
            try:
                _wlan.config(pm=getattr(_wlan, saving))
            except OSError:  # an ESP32 that still joins since before a soft reset: it is set
                pass
        _connect()


def _connect(quick: bool = True) -> None:
    """Begin to join; with ``quick``, by what is remembered of the access point."""
    global _quick, joining
    begun = _radio().connect(_wlan, quick)
    joining = begun is not None
    _quick = begun == 2  # rejoin.QUICK


async def keep(rejoined=()) -> None:
    """Stay joined: join again with back-off when the connection is lost, then call the functions in
    ``rejoined``. Never returns.
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
                _radio().set_clock()
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
                _log.warning("the access point of the last time is not there, looking for another")
                _connect(False)
                continue
            joining = False
            _log.warning("not joined, again in %d s", pause // 1000)
            await asyncio.sleep_ms(pause)
            pause = min(2 * pause, _LAST_MS)
            _connect(False)


def info() -> dict:
    """Address and signal strength (dBm), as far as the radio tells."""
    return _radio().info(_wlan)
