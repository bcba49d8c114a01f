"""Routes with a deadline of their own: ``@get("/report", deadline_ms=60000)``."""

from ..deadline import deadline
from .response import encode

_SPARE_MS = 5000


async def limited(connection, handler, rest) -> bytes:
    """Serve ``(limited, function, content type or None, ms)`` within ``ms`` milliseconds."""
    # The connection is closed only if the handler goes on after it was cancelled.
    connection.limit_ms = handler[3] + _SPARE_MS
    try:
        with deadline(handler[3]):
            return encode(connection.request, (await handler[1](connection.request)), handler[2])
    finally:
        connection.limit_ms = 0
