"""Finds text that MicroPython accepts as UTF-8 and others do not, without a str for each character.

MicroPython makes a name of each character that ``chr`` returns and that a loop over a str yields,
and never frees a name (``mp_obj_new_str_via_qstr`` in ``py/objstr.c``). A client that keeps sending
new characters would fill the heap with them. So text from outside is searched as bytes.
"""

from .cold import cold

# RFC 3629, 4: bytes that begin no character, and bytes that restrict the byte after them.
_NO_LEADS = (b"\xc0", b"\xc1", b"\xf5", b"\xf6", b"\xf7")
_LIMITED = (
    (b"\xe0", 0xA0, 0xBF),  # other bytes are overlong forms
    (b"\xed", 0x80, 0x9F),  # other bytes are surrogates
    (b"\xf0", 0x90, 0xBF),
    (b"\xf4", 0x80, 0x8F),  # others are beyond U+10FFFF
)


@cold
def flaw(data: bytes | bytearray) -> int:
    """Return the offset of a character that is not UTF-8 by RFC 3629, or -1 if there is none.

    Examples are overlong forms, surrogates, and numbers beyond U+10FFFF. ``data`` has passed
    MicroPython's decoder, which finds all other errors.
    """
    data = bytes(data)  # a bytearray has no find
    for lead in _NO_LEADS:
        at = data.find(lead)
        if at >= 0:
            return at
    for lead, least, most in _LIMITED:
        at = data.find(lead)
        while at >= 0:
            if not least <= data[at + 1] <= most:
                return at
            at = data.find(lead, at + 3)
    return -1


@cold
def encoded(code: int) -> bytes:
    """Return the UTF-8 of a character beyond U+FFFF."""
    return bytes(
        (0xF0 | code >> 18, 0x80 | code >> 12 & 63, 0x80 | code >> 6 & 63, 0x80 | code & 63)
    )
