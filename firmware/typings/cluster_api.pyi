"""The types of the table of methods that other boards may call, which the build generates."""

from typing import Any

API: dict[str, dict[str, Any]]
