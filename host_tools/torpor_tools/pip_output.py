"""Reads why pip failed."""

from __future__ import annotations

UNREACHABLE = "the package index cannot be reached"
_SIGNS = (
    "connection broken",
    "NewConnectionError",
    "Name or service not known",  # Linux
    "nodename nor servname",  # macOS
    "getaddrinfo failed",  # Windows
)


def reason(output: str) -> str:
    """Return the cause of a failed ``pip`` in a few words, from its standard error."""
    if any(text in output for text in _SIGNS):
        return UNREACHABLE
    errors = [line for line in output.splitlines() if line.startswith("ERROR")] or [output.strip()]
    return errors[-1].removeprefix("ERROR: ") or "pip gives no reason"
