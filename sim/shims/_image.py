"""Whether an image of ESP-IDF is whole: ``esp_image_verify`` of esp_image_format.c."""

from hashlib import sha256

_MAGIC = 0xE9
_HEADER = 24


def is_image(flash, start, size):
    """Whether there is an image with a correct checksum, and digest if it has one."""
    head = _read(flash, start, _HEADER)
    if head[0] != _MAGIC or not 0 < head[1] <= 16:
        return False
    h = sha256(head)
    checksum = 0xEF
    at = start + _HEADER
    for _ in range(head[1]):
        segment = _read(flash, at, 8)
        h.update(segment)
        at += 8
        left = int.from_bytes(segment[4:], "little")
        if at + left > start + size:
            return False
        while left:
            part = _read(flash, at, min(left, 512))
            h.update(part)
            for byte in part:
                checksum ^= byte
            at += len(part)
            left -= len(part)
    rest = _read(flash, at, 16 - (at - start) % 16)
    h.update(rest)
    if rest[-1] != checksum:
        return False
    return not head[23] or _read(flash, at + len(rest), 32) == h.digest()


def _read(flash, at, size):
    buffer = bytearray(size)
    flash.read(at, buffer)
    return bytes(buffer)
