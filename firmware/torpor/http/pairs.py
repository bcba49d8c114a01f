"""Characters beyond U+FFFF in JSON text.

``json`` of CPython and of browsers may write them as two escapes (RFC 8259, 7); MicroPython's takes
these for two characters, which no UTF-8 can hold.
"""

from ..service import Fault


def joined(text: bytes) -> bytes:
    """JSON text with each pair of escapes as the character it stands for. Raises ``Fault(400)``."""
    parts = []
    begin = at = 0
    while True:
        at = text.find(b"\\", at)
        if at < 0:
            break
        high = _unit(text, at)
        if not 0xD800 <= high < 0xE000:
            at += 2
            continue
        low = _unit(text, at + 6)
        if high >= 0xDC00 or not 0xDC00 <= low < 0xE000:
            raise Fault(400, "half a surrogate pair is no character")
        parts.append(text[begin:at])
        parts.append(chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00).encode())
        begin = at = at + 12
    parts.append(text[begin:])
    return b"".join(parts)


def _unit(text: bytes, at: int) -> int:
    """The number in the escape ``\\uXXXX`` at that place; -1 if there is none."""
    if text[at : at + 2] != b"\\u":
        return -1
    try:
        return int(text[at + 2 : at + 6], 16)
    except ValueError:
        return -1
