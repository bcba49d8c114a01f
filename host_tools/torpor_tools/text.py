"""Reads the text files of a project: UTF-8, with any line endings and perhaps a byte-order mark."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from .errors import Problem, UserError, Where

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path, shown: str) -> str:
    """Return the text of a file, with line feeds at the ends of lines and no byte-order mark.

    Args:
        path: The file.
        shown: Its name in messages.

    Raises:
        UserError: It is not UTF-8 or holds a NUL; the message names the place and the byte.
        OSError: It cannot be read.
    """
    return decode(path.read_bytes(), shown)


def decode(data: bytes, shown: str) -> str:
    """Return the text of a file's bytes; see ``read_text``."""
    if data.startswith(_UTF16):
        what = "the file is UTF-16, not UTF-8"
        raise UserError(Problem(Where(shown), what, "save it as UTF-8"))
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise UserError(_not_utf8(data, error.start, shown)) from None
    if "\0" in text:
        before = text[: text.index("\0")]
        what = "the file holds a NUL, the byte 0x00"
        raise UserError(Problem(_place(before, shown), what, "remove it: it is not text"))
    return re.sub(r"\r\n?", "\n", text)


def _not_utf8(data: bytes, at: int, shown: str) -> Problem:
    byte = data[at]
    what = f"the file is not UTF-8: the byte 0x{byte:02x}"
    latin = bytes([byte]).decode("cp1252", errors="ignore")
    if latin:
        what += f", which is {latin!r} in Latin-1"
    return Problem(_place(data[:at].decode(), shown), what, "save the file as UTF-8")


def _place(before: str, shown: str) -> Where:
    """The place after a text."""
    return Where(shown, before.count("\n") + 1, len(before) - before.rfind("\n"))
