"""Calls between boards: ``client`` makes them, ``serve`` executes them. See docs/wire.md."""

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel import Kernel

_SUBSCRIBES = const(0)  # 1 in an image with subscribers of other boards' events: see link/flags.py
if _SUBSCRIBES:
    from ..events import receive_event


def start(kernel: "Kernel") -> None:
    """Accept calls and events from other boards on every listener."""
    node: dict = {"/GET": (_take,), "/POST": (_take,), "/PUT": (_take,), "/DELETE": (_take,)}
    node["*"] = node
    kernel.branches["~"] = node
    if _SUBSCRIBES:
        kernel.tools["event"] = receive_event


async def _take(connection, handler, unread):
    # Loaded for the first caller: until then, a board that only the host's tools call has this
    # memory free.
    from .serve import take

    return await take(connection, unread)
