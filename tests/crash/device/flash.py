# Runs in MicroPython: a flash chip in RAM, with LittleFS on it as on a Pico W.
import vfs

BLOCK = 4096


class Flash:
    """A block device. ``erases`` and ``programmed`` (bytes) count what a chip would wear by."""

    def __init__(self, blocks: int = 212) -> None:
        self.data = bytearray(BLOCK * blocks)
        self.erases = self.programmed = 0

    def readblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        self.programmed += len(buffer)
        self.data[at : at + len(buffer)] = buffer

    def ioctl(self, op, arg):
        if op == 4:
            return len(self.data) // BLOCK
        if op == 5:
            return BLOCK
        if op == 6:  # erase
            self.erases += 1
        return 0


def mounted(flash, make=True):
    """The filesystem of a Pico W on that flash, made anew unless ``make`` is false."""
    if make:
        vfs.VfsLfs2.mkfs(flash, readsize=32, progsize=256)
    return vfs.VfsLfs2(flash, readsize=32, progsize=256)
