"""Escapes of characters in JSON text: a backslash, u and four digits (RFC 8259, 7).

``json`` of CPython and of browsers may write a character beyond U+FFFF as two escapes; MicroPython
takes these for two characters, which no UTF-8 can hold, and takes any four characters for digits.
"""

from binascii import unhexlify

from ..cold import cold
from ..service import Fault


@cold
def joined(text: bytes) -> bytes:
    """Return JSON text with each pair of escapes as the character it stands for.

    Raises ``Fault(400)``, or ``ValueError`` for an escape that is malformed.
    """
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
            raise Fault(400, "unpaired surrogate in a string")
        parts.append(text[begin:at])
        parts.append(chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00).encode())
        begin = at = at + 12
    parts.append(text[begin:])
    return b"".join(parts)


def _unit(text: bytes, at: int) -> int:
    """Return the number in the escape at that place; -1 if there is none.

    Raises ``ValueError`` for one without four hexadecimal digits.
    """
    if text[at : at + 2] != b"\\u":
        return -1
    digits = unhexlify(text[at + 2 : at + 6])
    if len(digits) != 2:
        raise ValueError
    return int.from_bytes(digits, "big")
