"""What a board can say of itself."""

from . import log, port  # type: ignore[attr-defined]


def info() -> dict:
    """Identity, firmware, uptime (s), heap (bytes), reset cause, Wi-Fi, connections, services."""
    from . import status  # an overlay

    return status.info()


def reset_cause() -> str:
    """Why the board started: power-on, hard reset, watchdog, deep sleep, soft reset or other."""
    return port.reset_cause()


def wake_reason() -> str:
    """What ended the deep sleep: timer, pin or touch; empty after any other start."""
    return port.wake_reason()


def log_tail(lines: int) -> list[str]:
    """The last ``lines`` lines of the log."""
    return log.tail(lines)
