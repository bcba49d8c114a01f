"""Stands in for the chip's ``network``: a station that joins, under the address of its board.

The inputs file may describe the access point:
``{"wifi": {"up": true, "rssi": -55, "join_ms": 20, "bssid": "020000000001"}}``. A station that
asks for another BSSID does not find it. ``dns`` is the server that DHCP gives. With ``password``,
the access point refuses every other one.
"""

import json
import time

from _sim import facts, inputs, trace

STA_IF = 0
AP_IF = 1
_ESP32 = facts["port"] == "esp32"
_BEHAVES = facts["behaves"]
_WIFI = _BEHAVES["wifi"]
STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = (
    (1000, 1001, 1010, 201, 202) if _ESP32 else (0, 1, 3, -2, -3)
)
if not _ESP32:
    STAT_CONNECT_FAIL = -1
_BSSID = "020000000001"
_CHANNEL = 6

_country = "XX"
_hostname = _BEHAVES["hostname"]
_taken = None  # the name that the firmware has given to its mDNS responder
_radio = None
_station = None


def _trace(state):
    """Note the state of the radio: off, idle, joining or up."""
    global _radio
    if state != _radio:
        _radio = state
        trace("radio", state=state, power=_station._power() if _station else "performance")


def _lost():
    if _station and _station._joined is not None:
        _station.disconnect()


def country(code=None):
    global _country
    if code is None:
        return _country
    _country = code


def hostname(name=None):
    global _hostname
    if name is None:
        return _hostname
    if len(name) > _BEHAVES["hostname_longest"]:
        raise ValueError
    _hostname = name


def _take_hostname():
    """Give the name to the mDNS responder."""
    global _taken
    _taken = _hostname


class WLAN:
    IF_STA = 0
    IF_AP = 1
    PM_NONE = _WIFI["pm_none"]
    PM_PERFORMANCE = _WIFI["pm_performance"]
    PM_POWERSAVE = _WIFI["pm_powersave"]
    SEC_OPEN = 0

    _active: bool
    _joined: "int | None"  # when the join is done, in ticks
    _ssid: str
    _key: "str | bytes | None"
    _pm: int
    _announced: "str | None"

    def __new__(cls, interface=STA_IF):
        global _station
        if interface != STA_IF:
            raise ValueError("the simulator has no access point mode")
        if _station is None:
            _station = object.__new__(cls)
            _station._active = False
            _station._joined = None
            _station._ssid = ""
            _station._key = None
            _station._pm = _WIFI["pm_default"]
            _station._bssid = None
            _station._address = None
            _station._dhcp = False  # whether its client runs
            _station._announced = None
        return _station

    def __init__(self, interface=STA_IF):
        pass

    def _power(self):
        names = {self.PM_NONE: "none", self.PM_POWERSAVE: "powersave"}
        return names.get(self._pm, "performance")

    def active(self, value=None):
        if value is None:
            return self._active
        if not value:
            self._joined = None
        if value != self._active:
            self._active = bool(value)
            self._dhcp = False
            if value and not _BEHAVES["hostname_once"]:
                _take_hostname()
            _trace("idle" if value else "off")
        return self._active

    def deinit(self):
        self.active(False)

    def connect(self, ssid=None, key=None, *, bssid=None, **options):
        if not self._active:
            raise OSError("STA must be active")
        if options and not _WIFI["connect_channel"]:
            raise TypeError("extra keyword arguments given")
        if ssid is not None:
            self._refuse_while_joining()
        self._bssid = bssid
        if ssid is not None:
            self._ssid = ssid if isinstance(ssid, str) else bytes(ssid).decode()
            self._key = key
        self._joined = time.ticks_add(time.ticks_ms(), inputs("wifi").get("join_ms", 20))
        _trace("joining")
        if bssid:
            trace("rejoin", address=self._address is not None)

    def disconnect(self):
        self._joined = None
        if self._active:
            _trace("idle")

    def status(self, param=None):
        if param == "rssi":
            return inputs("wifi").get("rssi", -55)
        if param is not None:
            raise ValueError("unknown status param")
        if self._joined is None:
            return STAT_IDLE
        wifi = inputs("wifi")
        other = self._bssid and bytes(self._bssid) != bytes.fromhex(wifi.get("bssid", _BSSID))
        if other or not wifi.get("up", True):
            _trace("joining")
            return STAT_NO_AP_FOUND
        if time.ticks_diff(self._joined, time.ticks_ms()) > 0:
            return STAT_CONNECTING
        if self._key != wifi.get("password", self._key):
            _trace("joining")
            return STAT_WRONG_PASSWORD
        _trace("up")
        self._dhcp = self._address is None
        self._announce()
        return STAT_GOT_IP

    def _announce(self):
        if _taken is None:
            _take_hostname()
        if self._announced != _taken:
            self._announced = _taken
            trace("hostname", name=_taken)

    def _refuse_while_joining(self):
        """Imitate a firmware that rejects settings while it joins or retries."""
        text = _WIFI["config_while_joining"]
        if text and self._joined is not None and not self.isconnected():
            raise OSError(text)

    def isconnected(self):
        return self.status() == STAT_GOT_IP

    def scan(self, **options):
        if not self._active:
            raise OSError("STA must be active")
        trace("scan")
        wifi = inputs("wifi")
        if _ESP32 and self._joined is not None and not self.isconnected():
            return []  # it cannot while it joins, and says nothing
        if not wifi.get("up", True):
            return []
        bssid = bytes.fromhex(wifi.get("bssid", _BSSID))
        return [(self._name().encode(), bssid, _CHANNEL, wifi.get("rssi", -55), 5, 1)]

    def _name(self):
        """The name that the access point has: the one that the board would join."""
        if self._ssid:
            return self._ssid
        with open("/secrets.json") as file:
            return json.load(file).get("wifi", {}).get("ssid", "")

    def ifconfig(self, value=None):
        if value is not None:
            self._set_address(value)
        else:
            address = facts["address"] if self.isconnected() else "0.0.0.0"
            dns = self._address[3] if self._address else inputs("wifi").get("dns", "127.0.0.1")
            return (address, "255.0.0.0", "127.0.0.1", dns)

    def _set_address(self, value):
        code = 0
        if value != "dhcp":
            self._address = value
            self._dhcp = False
            code = value[3] == "0.0.0.0" and _WIFI["refused_dns"]
        elif self._dhcp:
            code = _WIFI["dhcp_twice"]
        else:
            self._address = None
        if code:
            raise RuntimeError(_WIFI["unknown_error"] % code)

    def ipconfig(self, param=None, **options):
        if param == "addr4":
            return self.ifconfig()[:2]
        if param == "gw4":
            return "127.0.0.1"
        if param is not None:
            raise ValueError("unexpected key")

    def config(self, param=None, **options):
        if param is None:
            self._configure(options)
        elif param == "mac":
            return bytes.fromhex(facts["mac"])
        elif param in ("ssid", "essid"):
            return self._ssid
        elif param == "channel":
            return _CHANNEL
        elif param == "pm":
            return self._pm
        elif param in ("hostname", "dhcp_hostname"):
            return hostname()
        elif param == "txpower":
            return 20
        else:
            raise ValueError("unknown config param")

    def _configure(self, options):
        global _radio
        if "hostname" in options:
            hostname(options["hostname"])
        if "pm" in options and options["pm"] != self._pm:
            self._pm = options["pm"]
            state, _radio = _radio, None  # the same state at another power is news
            if state:
                _trace(state)
        self._refuse_while_joining()
