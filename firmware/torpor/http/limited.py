"""Routes with their own deadline: ``@get("/report", deadline_ms=60000)``."""

from micropython import const

from ..deadline import deadline
from ..service import Fault
from .response import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .listener import Connection

_SPARE_MS = const(5000)


async def limited(connection: "Connection", handler: tuple, rest: bytes) -> bytes:
    """Serve ``(limited, function, content type or None, ms)`` within ``ms`` milliseconds."""
    # The connection is closed only if the handler continues after it was cancelled.
    connection.limit_ms = handler[3] + _SPARE_MS
    limit = deadline(handler[3])
    try:
        with limit:
            return encode(connection.request, (await handler[1](connection.request)), handler[2])
    except Fault:
        if not limit.timer:
            from .late import late

            late(connection, handler[3])
        raise
    finally:
        connection.limit_ms = 0
