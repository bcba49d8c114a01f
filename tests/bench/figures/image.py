"""The size of the sample cluster's image."""

from __future__ import annotations

from tests.bench.lab import Lab
from tests.bench.registry import figure


@figure("image_bytes", unit="bytes", goal=90_000, better="lower")
def image_bytes(lab: Lab) -> float:
    """Runtime, five services, generated code and Microdot, compiled."""
    return lab.sample.sizes.compiled
