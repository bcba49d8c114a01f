"""Authenticated calls with which the cluster's tools inspect a running board.

``torpor logs --follow`` and ``--level``, ``torpor crashes``, ``torpor reset --normal`` and
``torpor top`` send these calls. Other parts of the runtime add theirs to ``kernel.tools``.
"""

import asyncio
import gc
import os
import sys
from binascii import hexlify

from . import clock, heap, kernel, log, port, wifi
from .cold import cold, startup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .http.budget import Budget
    from .kernel import Kernel


@startup
def start(kernel: "Kernel") -> None:
    """Accept the calls of the tools."""
    kernel.tools.update(
        {"log": lines, "level": set_level, "crashes": crashes, "status": status},
    )


@cold
async def lines(boot: str = "", since: int = 0) -> dict:
    """Return the log since a position, and how many bytes of it are lost.

    Args:
        boot: The start of the board to which the position belongs. If the board has started again
            since, all lines are returned.
        since: The position: ``end`` of the previous answer.
    """
    cluster = kernel.current.cluster
    if not hasattr(cluster, "BOOT"):  # positions in the log begin at 0 with each start
        cluster.BOOT = str(hexlify(os.urandom(4)), "utf-8")
    if boot != cluster.BOOT or not 0 <= since <= log.since(0)[0]:
        since = 0
    end, lost, data = log.since(since)
    return {"boot": cluster.BOOT, "end": end, "lost": lost, "text": str(data, "utf-8")}


@cold
async def set_level(level: int, name: str = "") -> dict:
    """Set the level of one logger, or of all; return the levels that are now set."""
    if name:
        log.levels[name] = level
    else:
        log.level = level
        log.levels.clear()
    found = dict(log.levels)
    found[""] = log.level
    return found


@cold
async def crashes(do: str, n: int = 0) -> "Any":
    """Answer ``torpor crashes``.

    Args:
        do: ``list``: the numbers of the records, the counted faults, and whether the board is in
            safe mode. ``read``: the text of record ``n``. ``normal``: restart, and leave safe mode.
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

    await asyncio.sleep_ms(300)  # time to send the answer
    kernel.current.save()
    machine.reset()


@cold
async def status() -> dict:
    """Return the figures; an image with ``[metrics]`` replaces this function to add more."""
    return snapshot()


@cold
def snapshot() -> dict:
    """Return the figures of the board itself as JSON values."""
    k = kernel.current
    cluster = k.cluster
    if not hasattr(cluster, "BUILD"):
        from .crashes import build_id

        cluster.BUILD = build_id()  # hashes a file of a few kB, so only once
    budget: "Budget" = k.budget  # type: ignore[assignment]  # only boards that listen have this
    return {
        "cluster": cluster.NAME,
        "board": cluster.BOARD,
        "build": cluster.BUILD,
        "micropython": "%d.%d.%d" % sys.implementation.version[:3],
        "at": clock.now() if clock.synced() else None,
        "uptime": clock.uptime_ms() // 1000,
        "reset": port.reset_cause(),
        "power": getattr(cluster, "POWER", ("on",))[0],
        "free": port.mem_free(),
        "used": gc.mem_alloc(),
        "largest": heap.largest(),
        "collections": heap.collections,
        "pause_us": heap.longest_us,
        "rssi": wifi.info().get("rssi"),
        "connections": [len(budget.open), budget.places, budget.displaced, budget.turned_away],
        "failed": sorted(k.failed),
    }
