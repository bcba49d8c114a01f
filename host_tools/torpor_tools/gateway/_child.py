"""Becomes a program that ends with its parent: ``python _child.py PARENT PROGRAM [arguments]``.

It is run by path and imports nothing from torpor, so it starts fast.
"""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2); it holds across execve(2)


def main() -> None:
    """Ask Linux for SIGTERM at the parent's death, and run the program."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):  # it ended before we asked
        sys.exit(1)
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
