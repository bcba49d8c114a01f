"""Signed updates over the network: ``receive`` accepts them, ``trial`` decides whether they stay.

Only boards of a project with a signing key have this module. See docs/updates.md.
"""

import asyncio
import gc
import os

from micropython import const

from .. import log
from ..cold import clear, cold, startup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..kernel import Kernel


_WAIT_MS = const(50)
_PIECES = ("head", "put", "fwput")  # the steps that bring bytes

_is_busy = False  # whether a step is under way

_SLOTS = const(0)  # 1 in an image for a board with two slots for firmware: see link/flags.py
if _SLOTS:
    arrived: list = []  # bytes of firmware in the other slot, and the counter of their manifest


@startup
def start(kernel: "Kernel") -> None:
    """Accept the calls of ``torpor update``, and log why the last update was not kept."""
    kernel.tools["update"] = update
    if ".failed" in os.listdir("/"):
        _report_failed(kernel)


def _report_failed(kernel: "Kernel") -> None:
    from . import state

    failed = state.read("/.failed") or {}
    log.Log("update").error("the last update was not kept: %s", failed.get("reason"))
    if "crumb" in failed:
        from .. import crashes

        crashes.record_hang(kernel, failed.pop("crumb"), failed.get("build", ""))
        state.write("/.failed", failed)


@cold
async def update(do: str, **arguments: "Any") -> "Any":
    """Execute the step ``do`` of ``torpor update``, after the steps that are in progress.

    A manifest must not grow between the check of its signature and its use.
    """
    global _is_busy
    while _is_busy:
        await asyncio.sleep_ms(_WAIT_MS)
    _is_busy = True
    try:
        await asyncio.sleep_ms(0)  # meanwhile the receiver of the call releases its bytes
        return await _step(do, arguments)
    finally:
        _is_busy = False


@cold
async def _step(do: str, arguments: dict) -> "Any":
    """Execute a step.

    A part of it that is short of heap begins again, with nothing else of the update in the heap.
    """
    if do == "commit":
        await _step("_plan", arguments)
        collect()
        return await _work(do, arguments)  # not again: this uses up the plan
    is_kept = do in _PIECES  # the code, for the next piece: to load it takes as long as the rest
    if not is_kept:
        collect()
    tries = 3  # a piece: to decompress it, to load the code that writes it, to write it
    while True:
        try:
            answer = await _work(do, arguments)
            break
        except MemoryError:
            tries -= 1
            if not tries:
                raise
        is_kept = False
        collect()
    if not is_kept:
        clear()  # the next call may arrive before a collection of the loop's
    return answer


def collect() -> None:
    """Release the code of the stage before, so that the next is loaded at low addresses.

    Otherwise it is loaded behind the garbage, and what is free after that is collected is in
    pieces. ``heap.collect`` would put objects in the first of them.
    """
    clear()
    gc.collect()


# Plain functions: the variables of a coroutine would stay in the heap during the next part.
@cold
def _work(do: str, arguments: dict) -> "Any":
    """Return the coroutine that executes a step."""
    if do in _PIECES:
        if not isinstance(arguments["data"], bytes):  # they are when this is tried again
            arguments["data"] = _inflated(arguments)
        return _received(do, arguments)
    if do == "check":
        from .accept import accept

        return accept(arguments)
    if do == "_plan":
        from .plan import plan

        return plan()
    if do == "commit":
        from .commit import commit

        return commit()
    if _SLOTS and do in ("slot", "fwcheck", "fwstart"):
        from . import firmware

        return getattr(firmware.Steps, do)(**arguments)
    from . import status

    return getattr(status.Steps, do)(**arguments)


@cold
def _received(do: str, arguments: dict) -> "Any":
    if _SLOTS and do == "fwput":
        from . import firmware

        return firmware.Steps.fwput(**arguments)
    from . import receive

    return getattr(receive, do)(**arguments)


@cold
def _inflated(arguments: dict) -> bytes:
    from .pieces import inflated

    return inflated(arguments)
