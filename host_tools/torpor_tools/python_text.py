"""Why a file is not Python that a board can run, in a useful message."""

from __future__ import annotations

import re
import sys
import unicodedata

from .errors import Problem, Where

_CHARACTER = re.compile(r"U\+([0-9A-F]{4,6})")
# Quotation marks that word processors put in place of the two of ASCII.
_QUOTES = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_NESTED = re.compile(r"""\b[rR]?[fF][rR]?(["'])((?!\1).)*\{[^}"']*\1""")
# What Python has since 3.12 and MicroPython has not: a pattern of its line, what, remedy.
_NEWER = (
    (
        re.compile(r"^\s*type\s+\w+\s*(\[.*\])?\s*="),
        "MicroPython has no type statement",
        "write it as `X = ...`",
    ),
    (
        re.compile(r"^\s*((async\s+)?def|class)\s+\w+\s*\["),
        "MicroPython has no type parameters",
        "use a TypeVar under `if TYPE_CHECKING:`",
    ),
)


def syntax_problem(error: SyntaxError, text: str, file: str) -> Problem:
    """The problem of a text that Python cannot parse."""
    where = Where(file, error.lineno or 0, max(error.offset or 0, 0))
    message = error.msg
    if match := _CHARACTER.search(message):
        return Problem(where, *_odd_character(chr(int(match[1], 16))))
    lines = text.split("\n")
    line = lines[where.line - 1] if 0 < where.line <= len(lines) else ""
    if newer := newer_syntax(line):
        return Problem(where, *newer)
    if older := _older_f_string(message, line):
        return Problem(where, *older)
    return Problem(where, f"syntax error: {message}", "correct it: this is not Python")


def newer_syntax(line: str) -> tuple[str, str] | None:
    """The syntax of Python 3.12 in a line, and what to write instead."""
    return next(((what, todo) for pattern, what, todo in _NEWER if pattern.search(line)), None)


def _older_f_string(message: str, line: str) -> tuple[str, str] | None:
    """Text inside {} of an f-string that MicroPython accepts and Python before 3.12 does not."""
    here = f"Python {sys.version_info[0]}.{sys.version_info[1]}, which runs torpor here, cannot"
    if "backslash" in message and "f-string" in message:
        what = f"{here} read a backslash inside {{}} of an f-string"
        return what, "give the value a name first, and use that"
    if sys.version_info < (3, 12) and _NESTED.search(line):
        what = f"{here} read an f-string with its own quotes inside {{}}"
        return (
            what,
            """use the other quotes there: f"{d['key']}\"; or run torpor with Python 3.12""",
        )
    return None


def _odd_character(character: str) -> tuple[str, str]:
    name = unicodedata.name(character, "a control character").lower()
    what = f"U+{ord(character):04X} ({name}) is not part of Python"
    if character in _QUOTES:
        return what, "write \" or ' instead"
    if unicodedata.category(character) == "Zs":
        return what, "write an ordinary space instead"
    return what, "remove it, or put it in quotes"
