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
        if _devices:
            import _wiring

            found.update(_wiring.probes(self.pin._id))
        return found

    def reset(self, required=False):
        present = bool(self._probes())
        if required and not present:
            raise OneWireError
        return present

    def scan(self):
        return [bytearray(bytes.fromhex(rom)) for rom in sorted(self._probes())]
