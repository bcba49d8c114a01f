"""Processes that end with the test run, even if the run is killed."""

from __future__ import annotations

import shutil
import threading

# Linux kills the process when the thread that started it ends.
ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()


def ending_with_us() -> tuple[str, ...]:
    """Return the prefix of a command whose process has to end with this one.

    It is empty in a thread of a pool, because that thread ends before the test run does.
    """
    is_main = threading.current_thread() is threading.main_thread()
    return ENDS_WITH_US if is_main else ()
