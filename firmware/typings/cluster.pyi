"""The types of the wiring, ``cluster.py``, which the build generates for each board."""

from typing import Any

def __getattr__(name: str) -> Any: ...
