"""Figures of the board, for ``torpor top`` and for Prometheus."""

import gc
import sys

from . import clock, heap, kernel, port, wifi
from .cold import cold, startup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .http.budget import Budget
    from .kernel import Kernel


@startup
def start(kernel: "Kernel") -> None:
    """Take the call of the tool, signed with the cluster's key."""
    kernel.tools["status"] = status


@cold
async def status() -> dict:
    """Return the figures; an image with ``[metrics]`` has another function for more of them."""
    return snapshot()


@cold
def snapshot() -> dict:
    """Return the figures of the board itself as JSON values."""
    k = kernel.current
    cluster = k.cluster
    if not hasattr(cluster, "BUILD"):
        from .crashes import build_id

        cluster.BUILD = build_id()  # of a file of some kB, so only once
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
