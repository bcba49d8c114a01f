"""Words for the remedies of messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean "services"?`` if a known word is close to ``word``, else an empty text."""
    close = difflib.get_close_matches(word.lower(), {k.lower(): k for k in known}, n=1)
    match = next((k for k in known if close and k.lower() == close[0]), "")
    return f'did you mean "{match}"?' if match else ""


def listing(words: Iterable[str], last: str = "and") -> str:
    """``a, b and c``."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"
