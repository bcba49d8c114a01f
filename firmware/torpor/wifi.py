"""The Wi-Fi connection and the clock that is set over it."""

import asyncio

from micropython import const

from . import clock, log, loop
from .cold import cold

_FIRST_MS = const(1000)
_LAST_MS = const(10000)
_JOIN_MS = const(15000)
_REJOIN_MS = const(4000)  # with a remembered access point it takes less than one second
_POLL_MS = const(20)
_WATCH_MS = const(5000)
_SET_CLOCK_S = const(3600)  # the oscillator of a deep sleep drifts by seconds an hour

_RETRY_CLOCK_S = const(60)
_SHARE = const(16)  # a look-up blocks everything else: at most 1/16 of the time

_REJOINS = const(0)  # 1 in an image of a board that sleeps deep: see link/flags.py
_RENEW = const(60)  # wakes after which the address comes from DHCP again, because a lease ends

_log = log.Log("net")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NotRequired, TypedDict

    import network

    from .kernel import Kernel

    class Network(TypedDict):
        """The type of ``wifi.info()``."""

        connected: bool
        address: NotRequired[str]
        rssi: NotRequired[int]


_wlan: "network.WLAN" = None  # type: ignore[assignment]  # set by begin
_quick = False  # whether the current attempt to join uses the remembered access point
_known: "Any" = None  # [SSID, BSSID, channel, address, how often used since DHCP gave it]

joined = False
joining = False


def start(kernel: "Kernel") -> None:
    """Join the network, and keep the connection from now on."""
    begin()
    loop.spawn(_log, keep, kernel.rejoined)


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
            network.hostname(host)  # a Pico reads it once, when the radio is turned on
        _wlan = network.WLAN(network.STA_IF)
        _wlan.active(True)
        if saving:
            try:
                _wlan.config(pm=getattr(_wlan, saving))
            except OSError:  # an ESP32 that has been joining since before a soft reset: it is set
                pass
        _connect()


@cold
def _connect(quick: bool = True) -> None:
    """Begin to join; with ``quick``, use what is remembered of the access point."""
    global _quick, joining
    from . import secrets

    _quick = joining = False
    wifi = secrets.read("wifi")
    if not wifi.get("ssid"):
        _log.warning(
            "no Wi-Fi name: put [wifi] ssid and password into secrets.toml and build again"
        )
        return
    joining = True
    ssid, key = wifi["ssid"], wifi.get("password", "")
    begun = False
    # An ESP32 raises RuntimeError if it has no OSError for an error. The log must not show the
    # name.
    try:
        if not quick:
            _wlan.disconnect()  # an ESP32 refuses to connect while it is still trying
        if _REJOINS:
            from . import port
            from .store import state

            known = None
            if quick and port.reset_cause() == "deep sleep":
                known = state.of("torpor.wifi").get("known")
            begun = _join_known(ssid, key, quick, known)
    except (OSError, RuntimeError) as e:
        _log.warning("joining the last access point failed: %s", e)
    try:
        if not begun:
            _wlan.connect(ssid, key)
    except (OSError, RuntimeError) as e:
        _log.warning("joining failed: %s", e)


def _join_known(ssid: str, key: str, quick: bool, known: "list | None") -> bool:
    """Begin to join without DHCP or a second scan, and return whether the access point is known.

    A scan, the join and DHCP take seconds at full current. With BSSID, channel and address known
    the join takes less than one.

    Args:
        ssid: The name of the network.
        key: Its password.
        quick: False after an attempt that failed; the address comes from DHCP then.
        known: What ``remember`` has kept. Without it the radio scans, which blocks everything else
            for seconds.
    """
    global _quick, _known
    from binascii import unhexlify

    wlan: "Any" = _wlan  # the stubs have neither "dhcp" nor a channel
    if not quick:
        try:
            wlan.ifconfig("dhcp")
        except (OSError, RuntimeError):
            pass  # an ESP32 on which it still runs
    if known and known[0] == ssid:
        _known = known[:]
        _known[4] += 1
        if _known[4] > _RENEW:
            _known[4] = 0
        elif _known[3] and _known[3][3] != "0.0.0.0":  # an ESP32 refuses to have no DNS server
            wlan.ifconfig(tuple(_known[3]))
    else:
        known = None
        _known = [ssid] + _scan(ssid) + [None, 0]
    _, bssid, channel, _, _ = _known
    if not bssid:
        return False
    try:
        wlan.connect(ssid, key, bssid=unhexlify(bssid), channel=channel)
    except TypeError:  # an ESP32 accepts no channel here: it stops its scan at the BSSID
        wlan.connect(ssid, key, bssid=unhexlify(bssid))
    _quick = bool(known)
    return True


def _scan(ssid: str) -> list:
    """Return BSSID (hex) and channel of the strongest access point with that name."""
    from binascii import hexlify

    found = [entry for entry in _wlan.scan() if entry[0] == ssid.encode()]
    if not found:
        return ["", 0]
    best = max(found, key=lambda entry: entry[3])
    return [str(hexlify(best[1]), "utf-8"), best[2]]


@cold
def remember(memory: dict) -> None:
    """Keep what is known about the access point over the deep sleep that follows."""
    if _known:
        _known[3] = list(_wlan.ifconfig()) if _wlan.isconnected() else None
        memory["known"] = _known[:]


@cold
def _not_joined() -> None:
    from .log import incident

    incident("network", "net", "", "not joined, trying again")


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
        wait_s = max(_RETRY_CLOCK_S, clock.since(since) * _SHARE // 1000)
        clock.set_later(wait_s)
        _log.warning("clock not set, again in %d s: %s", wait_s, e)


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
        ms = _REJOIN_MS if _quick else _JOIN_MS
        while not _wlan.isconnected() and clock.since(since) < ms:
            await asyncio.sleep_ms(_POLL_MS)
            if _wlan.status() in (-2, 201):  # STAT_NO_AP_FOUND of rp2 and ESP32: it has given up
                break
        if not _wlan.isconnected():
            if _REJOINS and _quick:
                _log.warning("the last access point is gone, looking for another")
                _connect(False)
                continue
            joining = False
            _not_joined()
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
