"""Lets the cluster's tools read the log while the board runs, and change its levels.

``torpor logs --follow`` and ``--level`` send the calls. They are signed with the cluster's key.
"""

import os
from binascii import hexlify

from . import log
from .cold import cold, startup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .kernel import Kernel


_boot = ""  # a name for this start of the board: positions in the log begin at 0 with each


@startup
def start(kernel: "Kernel") -> None:
    """Take the calls of the tools."""
    kernel.tools["log"] = lines
    kernel.tools["level"] = set_level


@cold
async def lines(boot: str = "", since: int = 0) -> dict:
    """Return the lines since a position, and how many bytes of them are lost.

    Args:
        boot: The start of the board to which the position belongs. If it is not this one, all
            lines are returned.
        since: The position: ``end`` of the answer before.
    """
    global _boot
    if not _boot:
        _boot = str(hexlify(os.urandom(4)), "utf-8")
    if boot != _boot or not 0 <= since <= log.since(0)[0]:
        since = 0
    end, lost, data = log.since(since)
    return {"boot": _boot, "end": end, "lost": lost, "text": str(data, "utf-8")}


@cold
async def set_level(level: int, name: str = "") -> dict:
    """Set the level of a name's lines, or of all; return those that are set now."""
    if name:
        log.levels[name] = level
    else:
        log.level = level
        log.levels.clear()
    found = dict(log.levels)
    found[""] = log.level
    return found
