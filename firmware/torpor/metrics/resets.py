"""Counts the starts of the board by their cause, in a file that outlives them.

A wake from deep sleep is not a reset and is not counted, so a board that sleeps does not write each
time. Any other start costs one write to the flash.
"""

import json

from .. import port
from ..cold import cold

_FILE = "/.resets"


@cold
def counts() -> dict:
    """Return how often each cause has started the board."""
    try:
        with open(_FILE) as file:
            found = json.load(file)
            return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


@cold
def add() -> None:
    """Count this start."""
    cause = port.reset_cause()
    if cause == "deep sleep":
        return
    found = counts()
    found[cause] = found.get(cause, 0) + 1
    try:
        with open(_FILE, "w") as file:
            json.dump(found, file)
    except OSError:
        pass  # the flash is full
