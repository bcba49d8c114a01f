"""Translate a board's traceback from bytecode files to source files."""

from __future__ import annotations

import re

_COMPILED = re.compile(r'(  File "[^"\n]+)\.mpy(", line \d)')


def as_sources(text: str) -> str:
    """``text``, in which the frames of tracebacks name sources: ``services/alerts/book.py``.

    A board names the file that it has loaded, ``services/alerts/book.mpy``; the line is already
    that of the source. Everything else stays as it is, and so does what was translated before.
    """
    return _COMPILED.sub(r"\1.py\2", text)
