"""Lets the cluster's tools read the records of crashes: ``torpor crashes``.

The calls are signed with the cluster's key.
"""

import asyncio

from . import clock, kernel, log
from .cold import cold, startup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .kernel import Kernel


@startup
def start(kernel: "Kernel") -> None:
    """Take the calls of ``torpor crashes`` and ``torpor reset --normal``."""
    kernel.tools["crashes"] = crashes


@cold
async def crashes(do: str, n: int = 0) -> "Any":
    """Answer ``torpor crashes``.

    Args:
        do: ``list``: the numbers of the records, what this start counts and whether it is in safe
            mode. ``read``: the text of record ``n``. ``normal``: restart, and leave safe mode.
        n: The number of a record.
    """
    from . import crashes as records

    if do == "read":
        with open(records.path(n), "rb") as file:
            return str(file.read(), "utf-8")
    heads = records.read_heads()
    if do == "normal":
        records.mark_settled(heads)
        asyncio.create_task(_restart())
    k = kernel.current
    return {
        "build": records.build_id(),
        "records": sorted(head["n"] for head in heads),
        "unsaved": log.unsaved,
        "faults": log.faults,
        "safe": k.safe,
        "uptime": clock.uptime_ms() // 1000,
    }


async def _restart() -> None:
    import machine

    await asyncio.sleep_ms(300)  # for the answer to leave
    kernel.current.save()
    machine.reset()
