"""One budget of TCP connections for all listeners of a board.

A Pico W has five, and silently drops the packet that would open a sixth. So one slot is kept free
for a newcomer, which then replaces a connection that is not being served. If all are being served,
the newcomer gets a 503 in the free slot. docs/internals/states.md shows the states.
"""

import asyncio

from micropython import const

from .. import clock, loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


# The states of a connection, in the order in which connections are evicted for a newcomer.
IDLE = const(0)  # kept alive after a response
FRESH = const(1)  # accepted, and nothing has come yet
READING = const(2)  # a request has begun and is not complete yet
STREAMING = const(3)  # a response is being sent in pieces, perhaps without end
SERVING = const(4)  # a request is being handled or its response written
HELD = const(5)  # the same request as at the watching task's last look; ``since`` is that time

_IDLE_MS = const(30000)  # how long a connection may be IDLE or FRESH
_READ_MS = const(10000)  # a request must be complete within this time, else 408
_WRITE_MS = const(10000)  # how long a client may accept no bytes of a response
# A connection may be evicted once its state has lasted this long (ms); from SERVING on, never.
_GIVES_WAY_MS = (0, 50, 250, 10000)
_ADMIT_MS = const(1000)  # how long a newcomer waits for a slot
_TURN_MS = const(10)
_SWEEP_MS = const(500)


class Budget:
    """The open connections of a board, in both directions.

    Args:
        places: The number of slots.
        outgoing: The number of other boards that this one calls. Some slots are reserved for them.
            Otherwise clients whose responses need another board could take all slots and wait for
            each other.
    """

    parked = None  # used as the connection of a request from the mailbox

    def __init__(self, places: int, outgoing: int = 0) -> None:
        self.places = places
        self.reserved = min(outgoing, max(1, places - 3))
        self.outgoing: list = []  # those of ``open`` that lead to other boards
        self.open: list = []
        self.turned_away = 0
        self.displaced = 0
        self.ended: int | None = None  # when the last connection that had sent something ended
        self.newcomer = False  # whether a client has the free slot: the listeners accept no other
        self._sweeper: asyncio.Task | None = None

    def has_slot(self, outgoing: bool = False) -> bool:
        """Return whether a slot is free now; close another connection if that frees one.

        Args:
            outgoing: Whether it is for a connection to another board, and not for a client.
        """
        connections = len(self.open)
        clients = (
            not outgoing and connections - len(self.outgoing) >= self.places - 1 - self.reserved
        )
        return not (clients or connections >= self.places - 1) or self._evict(clients)

    async def _wait(self, outgoing: bool) -> bool:
        """Wait for a slot; return False if none becomes free in time."""
        since = clock.ticks()
        while not self.has_slot(outgoing):
            if clock.since(since) > _ADMIT_MS:
                return False
            await asyncio.sleep_ms(_TURN_MS)
        return True

    async def admit_outgoing(self, connection: "Any") -> bool:
        """Find a slot for a connection to another board and count it; False if there is none."""
        if not await self._wait(True):
            return False
        self.add(connection)
        self.outgoing.append(connection)
        return True

    async def admit(self) -> bool:
        """Find a slot for a connection that was just accepted; False if there is none.

        The listener then turns the client away and sets ``newcomer`` to False.
        """
        self.newcomer = True
        try:
            if not await self._wait(False):
                self.turned_away += 1
                return False
        except BaseException:  # without memory too, or no listener would accept a client again
            self.newcomer = False
            raise
        self.newcomer = False
        return True

    def _evict(self, clients: bool) -> bool:
        """Close the connection that has been in the lowest state for the longest time.

        Args:
            clients: Whether it must be the connection of a client.

        Returns:
            Whether there was one.
        """
        best = None
        rank = age = -1
        for c in self.open:
            state = c.state
            if state < SERVING and not (clients and c in self.outgoing):
                for_ms = clock.since(c.since)
                if for_ms >= _GIVES_WAY_MS[state] and (
                    best is None or state < rank or (state == rank and for_ms > age)
                ):
                    best, rank, age = c, state, for_ms
        if best is None:
            return False
        self.displaced += 1
        best.drop()
        return True

    def add(self, connection: "Any") -> None:
        """Count a connection, and watch its deadlines from now on."""
        # A connection that has waited for its slot must not be evicted before its turn.
        connection.since = clock.ticks()
        self.open.append(connection)
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())

    def remove(self, connection: "Any") -> None:
        """Stop counting a connection that has been closed."""
        if connection in self.open:
            self.open.remove(connection)
            if connection in self.outgoing:
                self.outgoing.remove(connection)
            if connection.state != FRESH:
                self.ended = connection.since if connection.state == IDLE else clock.ticks()

    def drop_idle(self) -> None:
        """Close the connections that are not in use."""
        for c in list(self.open):
            if c.state <= FRESH:
                c.drop()

    async def _sweep(self) -> None:
        # Runs only while there are connections, so a board without clients is not woken.
        try:
            while self.open:
                await loop.pause(_SWEEP_MS)
                try:
                    for c in list(self.open):
                        self._look_at(c)
                except MemoryError:
                    pass  # there may be memory the next time
        finally:
            self._sweeper = None  # even if it runs out of memory: the next connection restarts it

    def _look_at(self, c) -> None:
        for_ms = clock.since(c.since)
        if c.state <= FRESH:
            if for_ms > _IDLE_MS:
                c.drop()
        elif c.state == READING:
            if for_ms > _READ_MS:
                c.time_out(408, "the request did not come in time")
        elif c.stalled:
            if clock.since(c.stalled) > _WRITE_MS:
                c.drop()
        elif c not in self.outgoing:
            c.watch()

    def left(self, task: "asyncio.Task | None") -> int:
        """Return how many ms the request of a task has left; -1 without a limit."""
        for c in self.open:
            if c not in self.outgoing and c.task is task:
                return c.left()
        return -1
