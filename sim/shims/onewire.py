"""Stands in for ``onewire``: a bus with the probes that the inputs file has."""

from _pin import _devices
from _sim import inputs


class OneWireError(Exception):
    pass


class OneWire:
    SEARCH_ROM = 0xF0
    MATCH_ROM = 0x55
    SKIP_ROM = 0xCC

    def __init__(self, pin):
        self.pin = pin

    def _probes(self):
        """ROM in hex -> what the inputs file says of it, without those that are cut off."""
        probes = inputs("probes")
        found = {rom: probes[rom] for rom in probes if probes[rom] is not None}
        for device in (_devices or {}).get(self.pin._id, ()):
            if hasattr(device, "rom") and device.fault() not in ("nack", "hang"):
                garbled = device.fault() == "garbage"
                found[device.rom] = "crc" if garbled else device.sense("temperature")
        return found

    def reset(self, required=False):
        present = bool(self._probes())
        if required and not present:
            raise OneWireError
        return present

    def scan(self):
        return [bytearray(bytes.fromhex(rom)) for rom in sorted(self._probes())]
