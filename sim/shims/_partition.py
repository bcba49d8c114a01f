"""``esp32.Partition``: ports/esp32/esp32_partition.c of MicroPython, over esp_ota_ops.c.

See ``_otadata`` for the flash chip that it works on.
"""

from errno import ENOENT  # type: ignore[attr-defined]

import _otadata

_ESP_FAIL = -1
_NOT_FOUND = 0x105  # ESP_ERR_NOT_FOUND
_INVALID_SIZE = 0x104  # ESP_ERR_INVALID_SIZE
_VALIDATE_FAILED = 0x1503  # ESP_ERR_OTA_VALIDATE_FAILED


def partition_class(flash, table, running):
    """Return the class for a chip whose boot loader has started the partition ``running``."""
    slots = _otadata.slots_of(table)
    place = _otadata.place(table)

    def boot():
        entries = _otadata.read(flash, place) if slots else []
        n = _otadata.active(entries) if slots else -1
        label = slots[(entries[n][0] - 1) % len(slots)][0] if n >= 0 else None
        return label or next(e[0] for e in table if e[1] == 0)

    class Partition:
        BOOT = 0
        RUNNING = 1
        TYPE_APP = 0
        TYPE_DATA = 1

        def __init__(self, which):
            label = (boot(), running)[which] if isinstance(which, int) else which
            for entry in table:
                if entry[0] == label:
                    self._entry = entry
                    return
            raise OSError(ENOENT)

        @staticmethod
        def find(type=0, subtype=0xFF, label=None, block_size=4096):
            return [
                Partition(e[0])
                for e in table
                if e[1] == type and subtype in (0xFF, e[2]) and label in (None, e[0])
            ]

        @staticmethod
        def mark_app_valid_cancel_rollback():
            entries = _otadata.read(flash, place) if slots else []
            n = _otadata.active(entries) if slots else -1
            if n < 0:
                raise OSError(-_ESP_FAIL)
            number, state = entries[n]
            if state != _otadata.VALID:
                _otadata.write(flash, place, n, number, _otadata.VALID)

        def info(self):
            label, kind, subtype, at, size = self._entry
            return kind, subtype, at, size, label, False

        def readblocks(self, block, buffer, offset=0):
            flash.read(self._place(block, offset, len(buffer)), buffer)

        def writeblocks(self, block, buffer, offset=None):
            at = self._place(block, offset or 0, len(buffer))
            if offset is None:  # of whole blocks, which are erased first
                for n in range(0, len(buffer), 4096):
                    flash.erase(at + n)
            flash.write(at, buffer)

        def ioctl(self, op, arg):
            if op == 4:
                return self._entry[4] // 4096
            if op == 5:
                return 4096
            if op == 6:
                flash.erase(self._place(arg, 0, 4096))
            return 0

        def set_boot(self):
            from _image import is_image

            if not is_image(flash, self._entry[3], self._entry[4]):
                raise OSError(-_VALIDATE_FAILED)
            if not slots:
                raise OSError(-_NOT_FOUND)
            entries = _otadata.read(flash, place)
            n = _otadata.active(entries)
            index = slots.index(self._entry)
            if n < 0:
                _otadata.write(flash, place, 0, index + 1, _otadata.NEW)
                return
            number = (index + 1) % len(slots)
            while entries[n][0] > number:
                number += len(slots)
            _otadata.write(flash, place, 1 - n, number, _otadata.NEW)

        def get_next_update(self):
            if not slots:
                raise OSError(ENOENT)
            n = slots.index(self._entry) + 1 if self._entry in slots else 0
            return Partition(slots[n % len(slots)][0])

        def _place(self, block, offset, size):
            if block * 4096 + offset + size > self._entry[4]:
                raise OSError(-_INVALID_SIZE)
            return self._entry[3] + block * 4096 + offset

    return Partition
