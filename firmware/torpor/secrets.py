"""Reads ``/secrets.json``, which the build makes from ``secrets.toml``."""

import json

from .cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@cold
def read_all() -> "dict[str, Any]":
    """Return all secrets by section; empty if there are none."""
    try:
        with open("/secrets.json") as file:
            return json.load(file)
    except OSError:
        return {}


@cold
def read(section: str) -> "Any":
    """Return a section of the secrets, such as ``"wifi"``; empty if there is none."""
    return read_all().get(section, {})
