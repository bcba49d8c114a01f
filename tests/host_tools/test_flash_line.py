"""The serial line to a board, when it cannot be opened."""

from __future__ import annotations

import errno
import os
import pty

import pytest
import serial

from torpor_tools.board.flash import line
from torpor_tools.errors import UserError


def test_a_port_that_another_program_uses() -> None:
    master, slave = pty.openpty()
    device = os.ttyname(slave)
    held = line.open_line(device)
    with pytest.raises(UserError, match="is in use by another program") as caught:
        line.check(device)
    assert "close it: a terminal, an IDE" in caught.value.problems[0].remedy
    held.close()
    line.check(device)
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize(
    ("code", "what", "remedy"),
    [
        (errno.EACCES, "you may not use the port", "dialout"),
        (errno.EBUSY, "is in use by another program", "close it"),
        (errno.ENOENT, "there is no port", "leave --port out"),
        (errno.EIO, "cannot be opened", "check the cable"),
    ],
)
def test_the_system_errors_when_it_refuses(code: int, what: str, remedy: str) -> None:
    # As pyserial reports it: the tests may run as root, who may do anything.
    text = f"[Errno {code}] could not open port /dev/ttyACM0: {OSError(code, os.strerror(code))}"
    [problem] = line.cannot_open("/dev/ttyACM0", serial.SerialException(code, text)).problems
    assert what in problem.what
    assert remedy in problem.remedy
