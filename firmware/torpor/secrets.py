"""Reads ``/secrets.json``, which the build makes from ``secrets.toml``. An overlay."""

import json

from . import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

cold.until_collected(__name__)


def read(section: str) -> "Any":
    """Return a section of the secrets, such as ``"wifi"``; empty if there is none."""
    try:
        with open("/secrets.json") as file:
            return json.load(file).get(section, {})
    except OSError:
        return {}
