"""What ``net`` seldom asks of the radio: to join, the time, how it is connected."""

from micropython import const

from . import clock, log, secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    import network

_RETRY_CLOCK_S = const(60)
_SHARE = const(16)  # nothing else runs while a server's name is looked up: at most one part in 16

_log = log.Log("net")


def connect(wlan: "network.WLAN", quick: bool) -> "int | None":
    """Begin to join; with ``quick``, by what is remembered of the access point.

    How it was begun, as ``rejoin.connect`` tells it; None if nobody knows what to join.
    """
    wifi = secrets.read("wifi")
    if not wifi.get("ssid"):
        _log.warning(
            "no Wi-Fi name: put [wifi] ssid and password into secrets.toml and build again"
        )
        return None
    ssid, key = wifi["ssid"], wifi.get("password", "")
    try:
        from .power import rejoin  # in images of boards that sleep deep
    except ImportError:
        rejoin = None  # type: ignore[assignment]
    begun = 0
    # An ESP32 raises RuntimeError for what it has no OSError for. The log must not show the name.
    try:
        if not quick:
            wlan.disconnect()  # an ESP32 refuses to connect while it is still trying
        begun = rejoin.connect(wlan, ssid, key, quick) if rejoin else 0
    except (OSError, RuntimeError) as e:
        _log.warning("joining the access point of the last time failed: %s", e)
    try:
        if not begun:
            wlan.connect(ssid, key)
    except (OSError, RuntimeError) as e:
        _log.warning("joining failed: %s", e)
    return begun


def set_clock() -> None:
    """Ask a time server; if it does not answer, say when to try again."""
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


def info(wlan: "network.WLAN | None") -> dict:
    """Address and signal strength (dBm), as far as the radio tells."""
    if not wlan or not wlan.isconnected():
        return {"connected": False}
    found = {"connected": True, "address": wlan.ifconfig()[0]}
    try:
        found["rssi"] = wlan.status("rssi")
    except (OSError, ValueError, RuntimeError):
        pass
    return found
