"""Reads ``/secrets.json``, which the build makes from ``secrets.toml``."""

import json

from .cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@cold
def read(section: str) -> "Any":
    """Return a section of the secrets, such as ``"wifi"``; empty if there is none."""
    try:
        with open("/secrets.json") as file:
            return json.load(file).get(section, {})
    except OSError:
        return {}
