"""Stands in for the chip's ``esp32``: wake sources, temperature, storage, firmware slots."""

import json
import os

from _sim import facts, inputs, trace

HEAP_DATA = 4  # MALLOC_CAP_8BIT and MALLOC_CAP_EXEC: ports/esp32/modesp32.c
HEAP_EXEC = 1
WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True
_PATH = "/.sim/nvs.json"


def __getattr__(name):
    if name != "Partition":
        raise AttributeError(name)
    import _slots  # few programs need it, and it takes heap

    globals()[name] = found = _slots.partition()
    return found


def _source(kind, pins, level):
    numbers = None if pins is None else [int(pin._id) for pin in pins]
    trace("wake_source", kind=kind, pins=numbers, level=1 if level else 0)


def idf_heap_info(capabilities):
    """(total, free, largest free block, least free so far) of each region, in bytes."""
    if capabilities != HEAP_DATA:
        return []
    # The example of docs/library/esp32.rst, after booting: the areas of the heap are taken.
    return [
        (240, 0, 0, 0),
        (7288, 0, 0, 0),
        (16648, 4, 4, 4),
        (79912, 35712, 35512, 35108),
        (15072, 15036, 15036, 15036),
        (113840, 0, 0, 0),
    ]


def _celsius():
    return inputs("chip").get("celsius", 40)


# What each official 1.27.0 file has, as its interned names show.
if facts["chip"] in ("ESP32-C3", "ESP32-C6"):

    def wake_on_gpio(pins=None, level=WAKEUP_ANY_HIGH):
        _source("gpio", pins, level)

else:

    def wake_on_ext0(pin=None, level=WAKEUP_ANY_HIGH):
        _source("ext0", None if pin is None else (pin,), level)

    def wake_on_touch(wake):
        _source("touch", () if wake else None, 1)


if facts["chip"] != "ESP32-C3":

    def wake_on_ext1(pins=None, level=WAKEUP_ANY_HIGH):
        _source("ext1", pins, level)


if facts["chip"] == "ESP32":

    def raw_temperature():
        return _celsius() * 9 // 5 + 32

else:

    def mcu_temperature():
        return _celsius()


class NVS:
    """Integers and blobs of a namespace; durable at ``commit``."""

    def __init__(self, namespace):
        self._namespace = namespace
        self._changes = {}

    def _all(self):
        try:
            with open(_PATH) as file:
                return json.load(file)
        except OSError:
            return {}

    def _get(self, kind, key):
        key = kind + key
        values = self._all().get(self._namespace, {})
        values.update(self._changes)
        if values.get(key) is None:
            raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
        return values[key]

    def set_i32(self, key, value):
        self._changes["i" + key] = value

    def get_i32(self, key):
        return self._get("i", key)

    def set_blob(self, key, value):
        self._changes["b" + key] = bytes(value).hex()

    def get_blob(self, key, buffer):
        value = bytes.fromhex(self._get("b", key))
        buffer[: len(value)] = value
        return len(value)

    def erase_key(self, key):
        kind = "b" if self._has("b", key) else "i"
        self._get(kind, key)
        self._changes[kind + key] = None

    def _has(self, kind, key):
        try:
            return self._get(kind, key) is not None
        except OSError:
            return False

    def commit(self):
        everything = self._all()
        everything.setdefault(self._namespace, {}).update(self._changes)
        with open(_PATH + ".new", "w") as file:
            json.dump(everything, file)
        os.rename(_PATH + ".new", _PATH)
        self._changes = {}
