"""From what a board's traceback names to what its reader knows: sources and their names."""

from __future__ import annotations

import re
from functools import lru_cache

_COMPILED = re.compile(r'(  File "[^"\n]+)\.mpy(", line \d)')
_NAMES = re.compile(r"""(  File "torpor/[^"\n]+", line \d+, in | attribute ')(\w+)""")


def as_sources(text: str) -> str:
    """``text``, in which the frames of tracebacks name sources: ``services/alerts/book.py``.

    A board names the file that it has loaded, ``services/alerts/book.mpy``; the line is already
    that of the source. Private names of the runtime get their own back, of which the build has
    made others (``link/names.py``): so the board's runtime must be of this torpor's version.
    Everything else stays as it is, and so does what was translated before.
    """
    text = _COMPILED.sub(r"\1.py\2", text)
    return _NAMES.sub(lambda m: m[1] + _real().get(m[2], m[2]), text)


@lru_cache(maxsize=1)
def _real() -> dict[str, str]:
    from .link.names import free_names  # here, for the linker is much to load for a log

    return {free: name for name, free in free_names().items()}
