"""The types of the simulator's ``_clock_steps``, which is not there on a chip."""

from typing import Any

def __getattr__(name: str) -> Any: ...
