"""Locks between processes, which end with the process that holds them, on every system."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_POLL_S = 0.05


def try_lock(handle: int) -> bool:
    """Lock an open file for this process, if no other process has locked it.

    Args:
        handle: The file descriptor. Closing it ends the lock.

    Returns:
        Whether it is locked now.
    """
    try:
        if fcntl:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt = import_module("msvcrt")
            os.lseek(handle, 0, os.SEEK_SET)  # the lock is on a byte, from here on
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):  # flock's, msvcrt's
        return False
    return True


def lock(handle: int) -> None:
    """Lock an open file for this process, and wait for as long as another process has it."""
    if fcntl:
        fcntl.flock(handle, fcntl.LOCK_EX)
        return
    while not try_lock(handle):
        time.sleep(_POLL_S)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock on a file, which is created, for the block."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        lock(handle)
        yield
    finally:
        os.close(handle)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder for the block."""
    if fcntl is None:  # Windows does not open folders
        with locked(folder / ".lock"):
            yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        lock(handle)
        yield
    finally:
        os.close(handle)
