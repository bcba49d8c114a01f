"""The types of the table of signatures, which the build generates."""

from typing import Any

SIGNATURES: dict[str, Any]
