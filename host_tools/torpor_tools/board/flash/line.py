"""The serial line to a board: opening it, and the errors when that fails or it breaks."""

from __future__ import annotations

import errno
from typing import Any

import serial

from ...errors import UserError, fail

BAUD = 115200


def open_line(device: str) -> Any:
    """Open a serial port (pyserial's), or a ``socket://host:port``.

    A read waits for a second. Raises ``UserError`` if the port cannot be opened.
    """
    line = serial.serial_for_url(device, do_not_open=True)
    line.baudrate = BAUD
    line.timeout = 1.0
    try:
        if hasattr(line, "exclusive"):
            line.exclusive = True
        line.open()
    except (OSError, ValueError) as error:
        raise cannot_open(device, error) from error
    return line


def check(device: str) -> None:
    """Raise ``UserError`` if the port cannot be opened, with the reason and the remedy."""
    open_line(device).close()


def cannot_open(device: str, error: Exception) -> UserError:
    """Why a port cannot be opened."""
    code = _errno(error)
    text = str(error).lower()
    if code == errno.ENOENT or "no such file" in text or "could not find" in text:
        return fail(
            f"there is no port {device}",
            "check the cable, or leave --port out: the board is found by its USB id",
        )
    if code in (errno.EACCES, errno.EPERM) and "busy" not in text:
        return fail(
            f"you may not use the port {device}",
            "on Linux join its group, then log in again: sudo usermod -aG dialout $USER",
        )
    if code in (errno.EBUSY, errno.EAGAIN) or "busy" in text or "lock" in text:
        return fail(
            f"the port {device} is in use by another program",
            "close it: a terminal, an IDE, another torpor logs or repl",
        )
    return fail(f"the port {device} cannot be opened: {error}", "check the cable and the name")


def broken(device: str, doing: str, error: BaseException) -> UserError:
    """The error that the connection was lost while ``doing`` something."""
    reason = str(error) or type(error).__name__
    return fail(
        f"the connection to {device} was lost while {doing} ({reason})",
        "plug the board in again and run the same command again: nothing is damaged",
    )


def _errno(error: Exception) -> int | None:
    code = getattr(error, "errno", None)
    if code is None and error.__context__ is not None:
        code = getattr(error.__context__, "errno", None)
    return code if isinstance(code, int) else None
