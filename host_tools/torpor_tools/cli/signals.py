"""Ends a command that runs until it is stopped."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

# Windows has no SIGHUP.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


def cancel_at_signals() -> None:
    """Cancel the task at the first Ctrl-C, SIGTERM or SIGHUP; the next one kills the process.

    An ignored signal, for example under ``nohup``, stays ignored.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    known = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    numbers = [number for number in known if signal.getsignal(number) != signal.SIG_IGN]

    def cancel() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        if task:
            task.cancel()

    for number in numbers:
        _handle(loop, number, cancel)


def _handle(loop: asyncio.AbstractEventLoop, number: int, cancel: Callable[[], None]) -> None:
    try:
        loop.add_signal_handler(number, cancel)
    except NotImplementedError:  # Windows
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(cancel))
