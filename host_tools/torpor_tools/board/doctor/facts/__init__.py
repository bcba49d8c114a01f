"""All that the doctor compares, in the order in which it runs the programs."""

from __future__ import annotations

from ..fact import Fact
from . import chip, memory, radio, resets, sockets

FACTS: tuple[Fact, ...] = (
    *chip.facts(),
    *memory.facts(),
    *sockets.facts(),
    *radio.facts(),
    *resets.facts(),
)
