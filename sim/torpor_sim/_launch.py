"""Becomes MicroPython: ``python _launch.py PARENT [micropython's arguments]``.

It is run by path and imports nothing of ours, so that a board starts fast.
"""

from __future__ import annotations

import os
import sys

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def die_with(parent: int) -> None:
    """Have the kernel end this process when the parent's thread that started it ends."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    from micropython import main  # type: ignore[import-untyped]

    sys.argv[:] = ["micropython", *sys.argv[2:]]
    sys.exit(main())
