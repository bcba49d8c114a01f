"""Calls between boards: ``client`` makes them, ``serve`` takes them, docs/wire.md specifies how."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel import Kernel


def start(kernel: "Kernel") -> None:
    """Take calls of other boards on every listener."""
    node: dict = {"/GET": (_take,), "/POST": (_take,), "/PUT": (_take,), "/DELETE": (_take,)}
    node["*"] = node
    kernel.branches["~"] = node


async def _take(connection, handler, unread):
    # Loaded for the first caller: a board that only the host's tools call from time to time has
    # this memory free until then.
    from .serve import take

    return await take(connection, unread)
