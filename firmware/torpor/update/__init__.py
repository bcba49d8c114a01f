"""Signed updates over the network: ``receive`` takes them, ``trial`` decides which are kept.

Only boards of a project with a signing key have this. See docs/updates.md.
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


@startup
def start(kernel: "Kernel") -> None:
    """Take the calls of ``torpor update``, and log why the last update was not kept."""
    kernel.tools["update"] = update
    if ".failed" in os.listdir("/"):
        with open("/.failed") as file:
            log.Log("update").error("the last update was not kept: %s", file.read())


@cold
async def update(do: str, **arguments: "Any") -> "Any":
    """Carry out the step ``do`` of ``torpor update``, after those that are under way.

    A manifest must not grow between the check of its signature and its use.
    """
    global _is_busy
    while _is_busy:
        await asyncio.sleep_ms(_WAIT_MS)
    _is_busy = True
    try:
        return await _step(do, arguments)
    finally:
        _is_busy = False


@cold
async def _step(do: str, arguments: dict) -> "Any":
    if do == "check":
        heap.collect()  # releases the code of the calls before
        from . import check

        return await check.check(**arguments)
    if do == "commit":
        heap.collect()
        from . import commit

        return await commit.commit()
    from . import receive

    return await getattr(receive.Steps, do)(**arguments)
