"""The interface between power management and the rest of the runtime: see docs/power.md."""

from .. import clock

sources: list = []
"""Objects that may have work to do before the board sleeps: ``busy_ms()``, ``async close(ms)``."""

touched = clock.ticks()
served = False


def touch() -> None:
    """Record that a request was answered that did not come through a listener."""
    global touched, served
    touched = clock.ticks()
    served = True
