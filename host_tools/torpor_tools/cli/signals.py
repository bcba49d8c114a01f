"""Ends a command that runs until somebody stops it."""

from __future__ import annotations

import asyncio
import signal

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def cancel_at_signals() -> None:
    """Cancel the current task at the first Ctrl-C, SIGTERM or SIGHUP; the next one ends us at once.

    A signal that is ignored, as ``nohup`` has it, stays ignored.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    numbers = [number for number in _NUMBERS if signal.getsignal(number) != signal.SIG_IGN]

    def cancel() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)
        if task:
            task.cancel()

    for number in numbers:
        loop.add_signal_handler(number, cancel)
