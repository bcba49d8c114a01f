"""Signed updates over the network: ``receive`` accepts them, ``trial`` decides whether they stay.

Only boards of a project with a signing key have this module. See docs/updates.md.
"""

import asyncio
import os

from micropython import const

from .. import heap, log
from ..cold import cold, startup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..kernel import Kernel


_WAIT_MS = const(50)

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
    from . import files

    failed = files.read("/.failed") or {}
    log.Log("update").error("the last update was not kept: %s", failed.get("reason"))
    if "crumb" in failed:
        from .. import crashes

        crashes.record_hang(kernel, failed.pop("crumb"), failed.get("build", ""))
        files.write("/.failed", failed)


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

    The collections save heap: they release the code of one part before the next one is loaded, and
    the next one begins at low addresses. Otherwise it begins behind the garbage, and what is free
    after that garbage is collected is in pieces.
    """
    if do == "head" or do == "put" or (_SLOTS and do == "fwput"):
        # Without a collection for every piece, because it takes as long as the rest.
        text = arguments.pop("data")
        try:
            data = _inflated(text)
        except MemoryError:
            heap.collect()
            data = _inflated(text)
        text = ""
        try:
            return await _receive(do, data, arguments)
        except MemoryError:
            heap.collect()
            return await _receive(do, data, arguments)
    heap.collect()
    if do == "check":
        from .accept import accept

        return await accept(**arguments)
    if do == "commit":
        from . import commit

        return await commit.commit()
    if _SLOTS and do in ("slot", "fwcheck", "fwstart"):
        from . import firmware

        return await getattr(firmware.Steps, do)(**arguments)
    from . import report

    return await getattr(report.Steps, do)(**arguments)


@cold
async def _receive(do: str, data: bytes, arguments: dict) -> int:
    if _SLOTS and do == "fwput":
        from . import firmware

        return await firmware.Steps.fwput(data=data, **arguments)
    from . import receive

    return await getattr(receive, do)(data=data, **arguments)


@cold
def _inflated(text: str) -> bytes:
    from .receive import inflated

    return inflated(text)
