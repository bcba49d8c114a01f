"""Joins the previous access point again, without a scan and without DHCP.

A scan, the join and DHCP take seconds at full current; with the access point's BSSID and channel
and the address known, it is less than one.
"""

from binascii import hexlify, unhexlify

from micropython import const

from .. import port
from ..store import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import network

# The address comes from DHCP again after this many wakes, because a lease ends some time.
_RENEW = const(60)

_NO_DNS = "0.0.0.0"  # of a network without a DNS server; an ESP32 refuses to be given it
_KEPT = const(256)  # bytes: a name of 32, four addresses

NOT = const(0)
SCANNED = const(1)
QUICK = const(2)

_wlan: "network.WLAN" = None  # type: ignore[assignment]  # set by connect
_ssid = _bssid = ""
_channel = 0
_uses = 0  # of the address, since DHCP gave it


def connect(wlan: "Any", ssid: str, key: str, quick: bool) -> int:
    """Begin to join, and return how.

    ``QUICK``: with the remembered access point, if ``quick``. ``SCANNED``: after a scan, which
    takes seconds in which nothing else runs. ``NOT``: neither knew it, so the caller has to join.
    """
    global _wlan, _ssid, _bssid, _channel, _uses
    _wlan, _ssid = wlan, ssid
    known = None
    if quick and port.reset_cause() == "deep sleep":
        known = state.of("torpor.wifi", _KEPT).get("known")
    if not quick:
        _ask_dhcp(wlan)
    if known and known[0] != ssid:
        known = None
    if known:
        _, _bssid, _channel, address, _uses = known
        _uses += 1
        if _uses > _RENEW:
            _uses = 0
        elif address and address[3] != _NO_DNS:
            wlan.ifconfig(tuple(address))
    else:
        _uses = 0
        _bssid, _channel = _scan(wlan, ssid)
    if not _bssid:
        return NOT
    try:
        wlan.connect(ssid, key, bssid=unhexlify(_bssid), channel=_channel)
    except TypeError:  # an ESP32 takes no channel here: it stops its scan at the BSSID
        wlan.connect(ssid, key, bssid=unhexlify(_bssid))
    return QUICK if known else SCANNED


def _ask_dhcp(wlan) -> None:
    try:
        wlan.ifconfig("dhcp")
    except (OSError, RuntimeError):
        pass  # an ESP32 on which it still runs


def _scan(wlan, ssid: str):
    """BSSID (hex) and channel of the strongest access point of that name."""
    found = [entry for entry in wlan.scan() if entry[0] == ssid.encode()]
    if not found:
        return "", 0
    best = max(found, key=lambda entry: entry[3])
    return str(hexlify(best[1]), "utf-8"), best[2]


def remember() -> None:
    """Keep what is known of the access point over the sleep that follows."""
    address = list(_wlan.ifconfig()) if _wlan.isconnected() else None
    state.of("torpor.wifi", _KEPT)["known"] = [_ssid, _bssid, _channel, address, _uses]
