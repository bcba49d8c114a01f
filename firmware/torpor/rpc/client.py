"""Calls to services on other boards: ``Stub._call`` chooses the board, and how often to try."""

import asyncio
import os
from binascii import hexlify

from .. import clock
from ..deadline import left as time_left
from ..log import Log
from ..service import Fault
from . import frames, retry
from .connection import Connection as Connection  # for the stubs that the build makes
from .retry import Lost

_log = Log("remote")


class PeerError(Exception):
    """A bug in a service on another board; its log holds the traceback."""


class Stub:
    """Stands for a service of another board; the build derives one for each.

    Args:
        version: Of the service's contract.
        connections: To the boards that have the service; with several, calls go to each in turn.
        ms: How long a call may take if its task has no deadline.
    """

    def __init__(self, version: int, connections: tuple, ms: int) -> None:
        self._version = version
        self._connections = connections
        self._ms = ms
        self._last = 0  # index of the connection that was chosen last

    async def _call(
        self, target: str, fingerprints, arguments: tuple, defaults=(), policy: int = 0
    ):
        """Call a method.

        Args:
            target: ``service.method``.
            fingerprints: Of the method; with ``defaults`` a tuple, with one for each number of
                optional arguments.
            arguments: All arguments. Trailing ones that are equal to their default are omitted, so
                that a board which does not know them yet takes the call.
            defaults: Of the optional arguments.
            policy: The retry policy: see ``retry``.

        Returns:
            What the method returned.

        Raises:
            Fault: The method raised it, or no board has responded in time.
            PeerError: The method raised something else.
        """
        fingerprint = fingerprints
        if defaults:
            n = len(defaults)
            while n and _same(arguments[n - len(defaults) - 1], defaults[n - 1]):
                n -= 1
            fingerprint = fingerprints[n]
            arguments = arguments[: len(arguments) - len(defaults) + n]
        id = str(hexlify(os.urandom(8)), "utf-8") if policy == retry.KNOWN else ""
        left = ms = time_left(self._ms)
        began = clock.ticks()
        attempt = 0
        connection = None
        while True:
            connection = self._pick(connection)
            if connection is None:
                boards = ", ".join([each.board for each in self._connections])
                raise Fault(503, "%s on %s: it has failed again and again" % (target, boards))
            try:
                status, kind, frame = await connection.call(
                    target, fingerprint, id, arguments, left, policy
                )
                break
            except Lost as e:
                attempt += 1
                if e.late and e.sent:
                    connection.suspect(left)
                left = ms - clock.since(began)
                wait = retry.pause(e, policy, attempt, connection.is_starting(), left)
                if wait < 0:
                    text = "%s on %s: %s" % (target, connection.board, e.reason)
                    if e.late:
                        text += " within %d ms" % ms
                    if e.sent and not policy:
                        text += "; it may have been executed"
                    raise Fault(504 if e.late else 503, text)
                _log.debug("%s on %s: %s, again", target, connection.board, e.reason)
                await asyncio.sleep_ms(wait)
                left -= wait
        try:
            value = frames.decode(frame, kind)
        except ValueError:
            raise PeerError("%s on %s: the answer is not valid JSON" % (target, connection.board))
        if kind <= frames.TUPLE:
            return value
        raise self._error(status, kind, value, target, connection)

    def _pick(self, previous):
        """Return the connection to use, another than ``previous`` if there is one.

        None: the boards have failed so often that they are left alone for now.
        """
        connections = self._connections
        if len(connections) == 1:
            connection = connections[0]
            breaker = connection.breaker
            passes = not breaker.failures or breaker.allows() or connection.is_starting()
            return connection if passes else None
        chosen = None
        for _ in connections:
            self._last = (self._last + 1) % len(connections)
            connection = connections[self._last]
            if not connection.breaker.closed():
                if connection.breaker.allows():
                    asyncio.create_task(connection.probe())
            elif connection is previous:
                chosen = connection
            else:
                return connection
        return chosen

    def _error(self, status, kind, value, target, connection):
        """Return the exception that a response stands for."""
        if kind == frames.FAULT:
            return Fault(status, value[0], value[1])
        where = "%s on %s: " % (target, connection.board)
        if kind == frames.BUG:
            return PeerError(where + "%s; the log there says more" % value)
        if status == 409:
            version, text = value
            old = connection.here if version > self._version else connection.board
            mine = "this board was built for version %d of the contract, " % self._version
            text = "%s%s%s; update %s" % (where, mine, text, old)
            _log.error(text)
            return Fault(502, text)
        return Fault(502, where + value)


def _same(a, b) -> bool:
    return a == b and type(a) is type(b)
