"""A Linux process: see ``firmware/ports/README.md`` for what every port must offer."""

import os
from binascii import hexlify
from gc import mem_free as mem_free

RTC_BYTES = 0  # only files survive a process
_ID = "/id"


def unique_id() -> str:
    """A random number, made at the first start and kept next to the services' data."""
    try:
        with open(_ID) as file:
            return file.read()
    except OSError:
        text = str(hexlify(os.urandom(8)), "utf-8")
        with open(_ID, "w") as file:
            file.write(text)
        return text


def reset_cause() -> str:
    """Always ``start``: a process does not know how the last one ended."""
    return "start"


def wake_reason() -> str:
    """Empty: a process does not sleep."""
    return ""


def rtc_read() -> bytes:
    """Nothing: there is no such memory."""
    return b""


def rtc_write(data: bytes) -> None:
    """Does nothing: there is no such memory."""


def arm(ms: int) -> None:
    """Do nothing: a service manager can watch the process."""


def feed() -> None:
    """Do nothing."""


def pause(stop: bool) -> None:
    """Do nothing."""


def crumb(number: int) -> None:
    """Do nothing: a process has no such memory."""


def hung() -> int:
    """Return -1: a process has no watchdog."""
    return -1
