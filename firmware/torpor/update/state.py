"""Reads and writes the JSON files that note the state of an update."""

import json
import os

from ..cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@cold
def counter() -> int:
    """Return the highest counter that was ever committed here."""
    return read("/.counter") or 0


@cold
def read(path: str) -> "Any":
    """Return the JSON of a file; None if there is none."""
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


@cold
def write(path: str, value: "Any") -> None:
    """Replace a file atomically."""
    with open(path + "~", "w") as file:
        json.dump(value, file)
    os.rename(path + "~", path)
