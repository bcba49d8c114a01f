"""Responses to requests that no route takes, and to clients that cannot be served."""

import asyncio
from errno import ECONNABORTED, ECONNRESET

from micropython import const

from .. import clock
from ..cold import cold
from ..errnos import ENFILE
from ..service import Fault
from .listener import buffer
from .response import error

_LINGER_MS = const(500)
_TURN_AWAY_MS = const(300)
_FULL_MS = const(20)


# async
@cold
def pass_over(error):
    """Go on after an error of ``accept`` that has cost one client only. Raises any other error."""
    if error.errno == ENFILE:  # the board has no socket left, and the client is gone
        yield from asyncio.sleep_ms(_FULL_MS)
    elif error.errno not in (ECONNABORTED, ECONNRESET):
        raise error


@cold
def unmatched(listener, request, node):
    """Return the application's handler for a request that no route takes.

    Args:
        listener: The service's listener.
        request: The request.
        node: The part of the tree of routes at its path, or None.

    Raises:
        Fault: The application does not take it either, or there is none.
    """
    if request.raw == b"*":
        from . import unusual

        unusual.whole_server(request)
    verbs = [key[1:] for key in node if key[:1] == "/"] if node else []
    application = listener.routes.get("/")
    if application:
        if not verbs:
            return application
        more = application[2](application[1], request)
        if ("GET" if request.verb == "HEAD" else request.verb) in more:
            return application
        verbs += more
    if listener.failed:
        request.keep = False  # one that starts on request is tried again for a new connection
        raise Fault(503, "%s did not start: %s" % (listener.name, listener.failed))
    if not verbs:
        raise Fault(404, "%s has no %s" % (listener.name, request.target))
    if "GET" in verbs:
        verbs.append("HEAD")
    verbs.append("OPTIONS")
    allow = {"Allow": ", ".join(sorted(set(verbs)))}
    if request.verb == "OPTIONS":
        raise Fault(204, "", allow)
    raise Fault(405, "%s does not take %s" % (request.target, request.verb), allow)


@cold
async def refuse(connection, fault) -> None:
    """Answer a request that cannot be read to its end, and close."""
    request = connection.request
    request.keep = False
    request.verb = ""
    await connection.send(error(request, fault))
    await linger(connection.sock)


@cold
async def turn_away(connection) -> None:
    """Ask a client for whom there is no place to come again."""
    sock = connection.sock
    await linger(sock, _TURN_AWAY_MS, 1)  # its request: a close with unread bytes is a reset
    connection.request.keep = False
    fault = Fault(503, "all connections are busy", {"Retry-After": "1"})
    sock.write(error(connection.request, fault))
    await linger(sock, _TURN_AWAY_MS)


@cold
async def linger(sock, ms: int = _LINGER_MS, reads: int = 99) -> None:
    """Read what the client still sends, so that closing does not take the answer from it."""
    since = clock.ticks()
    while reads and clock.since(since) < ms:
        try:
            n = sock.readinto(buffer)
        except OSError:
            return  # it has gone
        if n is None:
            await asyncio.sleep_ms(10)
        elif n:
            reads -= 1
        else:
            return
