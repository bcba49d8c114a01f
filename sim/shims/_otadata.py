"""The two sectors in which ESP-IDF notes what starts next, and how that went.

As components/app_update/esp_ota_ops.c and bootloader_support/src/bootloader_utility.c of
espressif/esp-idf have it, with CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE, as in official firmware.

A flash chip has ``read(at, buffer)``, ``erase(at)`` of a sector, and ``write(at, data)``. The last
two are the operations that a power cut can end.
"""

from binascii import crc32
from struct import pack, unpack

SECTOR = 4096
NEW, PENDING, VALID, INVALID, ABORTED = 0, 1, 2, 3, 4
_BLANK = 0xFFFFFFFF
_ENTRY = "<I20sII"  # esp_ota_select_entry_t: number, label, state, CRC of the number


def slots_of(table):
    """The entries ota_0, ota_1 of a table of ``[label, type, subtype, offset, size]``."""
    return [e for e in table if e[1] == 0 and e[2] & 0x10]


def place(table):
    """The place of otadata; None if the table has none."""
    for entry in table:
        if entry[1] == 1 and entry[2] == 0:
            return entry[3]
    return None


def read(flash, at) -> "list":
    """``[number, state]`` of both sectors; the number of one that is blank or torn is 0."""
    found = []
    for n in (0, 1):
        raw = bytearray(32)
        flash.read(at + n * SECTOR, raw)
        number, _, state, crc = unpack(_ENTRY, raw)
        if number == _BLANK or crc != _crc(number):
            number = 0
        found.append([number, state])
    return found


def write(flash, at, n, number, state):
    flash.erase(at + n * SECTOR)
    flash.write(
        at + n * SECTOR, pack(_ENTRY, number, b"\xff" * 20, state, _crc(number) & 0xFFFFFFFF)
    )


def active(entries):
    """The sector that decides: the valid one with the higher number; -1 if there is none."""
    found = -1
    for n in (0, 1):
        number, state = entries[n]
        if number and state not in (INVALID, ABORTED):
            if found < 0 or number > entries[found][0]:
                found = n
    return found


def _crc(number):
    return crc32(pack("<I", number), _BLANK) & _BLANK
