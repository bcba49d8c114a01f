"""The firmware slots of a simulated ESP32, in a file with holes at their places in the flash.

``torpor_sim.slots`` makes the file, and runs the boot loader before each start.
"""

import json

from _sim import facts

# The table of official firmware: ports/esp32/partitions-4MiBplus.csv.
_SINGLE = [["factory", 0, 0, 0x10000, 0x1F0000], ["vfs", 1, 0x81, 0x200000, 0x200000]]


class Flash:
    def __init__(self, path):
        self._file = open(path, "r+b")

    def read(self, at, buffer):
        self._file.seek(at)
        n = self._file.readinto(buffer)
        for at in range(n, len(buffer)):
            buffer[at] = 0xFF

    def erase(self, at):
        self.write(at, b"\xff" * 4096)

    def write(self, at, data):
        self._file.seek(at)
        self._file.write(data)
        self._file.flush()


def partition():
    """Return the class ``esp32.Partition``."""
    from _partition import partition_class

    with open("/.sim/partitions.json") as file:
        table = json.load(file) or _SINGLE
    return partition_class(Flash("/.sim/slots.bin"), table, facts["slot"])
