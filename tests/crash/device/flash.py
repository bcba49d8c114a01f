"""A flash chip in RAM for MicroPython's own LittleFS, laid out as on a Pico W."""

import vfs

BLOCK = 4096
PROGRAM, ERASE = 0, 1


class Flash:
    """A block device. ``erases`` and ``programmed`` (bytes) count the wear of a chip.

    With ``record``, a list, every operation is added to it: ``(PROGRAM, offset, data)`` or
    ``(ERASE, offset, None)``.
    """

    def __init__(self, blocks: int = 212, data=None, record=None) -> None:
        self.data = bytearray(BLOCK * blocks) if data is None else data
        self.record = record
        self.erases = self.programmed = 0

    def readblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        self.programmed += len(buffer)
        self.data[at : at + len(buffer)] = buffer
        if self.record is not None:
            self.record.append((PROGRAM, at, bytes(buffer)))

    def ioctl(self, op, arg):
        if op == 4:
            return len(self.data) // BLOCK
        if op == 5:
            return BLOCK
        if op == 6:
            self.erases += 1
            perform(self.data, (ERASE, arg * BLOCK, None))
            if self.record is not None:
                self.record.append((ERASE, arg * BLOCK, None))
        return 0


_ERASED = b"\xff" * BLOCK
_PARTS = 0.0, 0.5, 0.9  # the part of an operation that is done when the power is cut


def perform(data, operation, part=1.0):
    """Do an operation, or with ``part`` only its beginning, as when the power is cut."""
    kind, at, written = operation
    if kind == ERASE:
        written = _ERASED
    written = memoryview(written)[: int(len(written) * part)]
    data[at : at + len(written)] = written


def torn_flashes(first, operations, cuts):
    """Yield flashes as power cuts leave them, at most ``cuts`` of them.

    Each is a flash with all operations before one of them done, and of that one nothing, half, or
    nearly all; with the number of that operation, and the percentage of it that was done.
    """
    total = len(operations) * len(_PARTS)
    image = bytearray(first)
    done = 0
    for n in range(0, total, max(1, total // cuts)):
        at = n // len(_PARTS)
        while done < at:
            perform(image, operations[done])
            done += 1
        part = _PARTS[n % len(_PARTS)]
        torn = bytearray(image)
        perform(torn, operations[at], part)
        yield torn, at, 100 * part
        torn = None


def mounted(flash, make=True):
    """Return the filesystem of a Pico W on that flash, formatted unless ``make`` is false."""
    if make:
        vfs.VfsLfs2.mkfs(flash, readsize=32, progsize=256)
    return vfs.VfsLfs2(flash, readsize=32, progsize=256)
