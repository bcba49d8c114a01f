"""Processes that end with the test run, even if that is killed."""

from __future__ import annotations

import shutil
import threading

# Linux kills the process when the thread that started it ends.
ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()


def ending_with_us() -> tuple[str, ...]:
    """Return the words to put before a command whose process has to end with this one.

    There are none in a thread of a pool, which ends before the test run does.
    """
    is_main = threading.current_thread() is threading.main_thread()
    return ENDS_WITH_US if is_main else ()
