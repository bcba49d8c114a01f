"""What the rest of the runtime and the services say to the part that sleeps: see docs/power.md."""

from .. import clock, port  # type: ignore[attr-defined]

sources: list = []
"""What may have work to do before the board sleeps: ``busy_ms()`` and ``async close(ms)``."""

touched = clock.ticks()
served = False


def touch() -> None:
    """Say that a request was answered which did not come through a listener."""
    global touched, served
    touched = clock.ticks()
    served = True


def kept(name: str):
    """What the part that sleeps kept over the deep sleep from which the board woke, or None."""
    if port.reset_cause() != "deep sleep":
        return None
    from ..store import state

    return state.of("torpor.power", KEPT).get(name)


KEPT = 512
"""Bytes of JSON that may be kept: a schedule with a dozen jobs, the levels of the wake pins."""
