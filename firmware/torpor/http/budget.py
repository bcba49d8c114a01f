"""One budget of TCP connections for all listeners of a board.

A Pico W holds five, and drops the packet that would open a sixth without a word. So one place is
kept for whoever comes next: a new client takes the place of a connection that is not being served,
and when all are being served it is told so (503) in the place that was kept.
"""

import asyncio

from micropython import const

from .. import clock, loop

# What a connection is doing; the order is the order in which connections give way.
IDLE = const(0)  # kept alive after an answer
FRESH = const(1)  # connected, and nothing has come yet
READING = const(2)  # a request has begun and is not whole yet
STREAMING = const(3)  # an answer without end is being sent
SERVING = const(4)  # a request is being handled or its answer written

_IDLE_MS = const(30000)  # a kept-alive connection is closed
_READ_MS = const(10000)  # a request must be whole (408)
_WRITE_MS = const(10000)  # a reader that takes nothing is cut
# A connection gives way to a newcomer once its state has lasted this long (ms).
_GIVES_WAY_MS = (0, 50, 250, 10000)
_ADMIT_MS = const(1000)  # how long a newcomer waits for a place
_TURN_MS = const(10)
_SWEEP_MS = const(500)


class Budget:
    """The open connections of a board, at most ``places`` of them, in both directions.

    ``links`` is to how many other boards this one connects. For those some places are kept, or
    clients whose answers need another board could take all places and wait for each other.
    """

    parked = None  # what stands in for the connection of a request out of the mailbox

    def __init__(self, places: int, links: int = 0) -> None:
        self.places = places
        self.reserved = min(links, max(1, places - 3))
        self.links: list = []  # those of ``open`` that lead to other boards
        self.open: list = []
        self.turned_away = 0
        self.displaced = 0
        self.ended: int | None = None  # when the last connection ended that had sent something
        self.newcomer = False  # a client has the place that is kept: the listeners accept no other
        self._sweeper: asyncio.Task | None = None

    def full(self) -> bool:
        """Whether only the places that are kept for links and for a newcomer are left."""
        return len(self.open) >= self.places - 1 or self._is_full_of_clients()

    def _is_full_of_clients(self) -> bool:
        return len(self.open) - len(self.links) >= self.places - 1 - self.reserved

    async def admit_link(self, link) -> bool:
        """Find a place for a connection to another board and count it; False: there is none."""
        since = clock.ticks()
        while len(self.open) >= self.places - 1 and not self._displace(False):
            if clock.since(since) > _ADMIT_MS:
                return False
            await asyncio.sleep_ms(_TURN_MS)
        self.links.append(link)
        self.add(link)
        return True

    async def admit(self) -> bool:
        """Find a place for a connection that was just accepted; False: there is none.

        The listener then turns the client away and sets ``newcomer`` to False.
        """
        if self.full() and not self._displace(self._is_full_of_clients()):
            self.newcomer = True
            try:
                since = clock.ticks()
                while self.full() and not self._displace(self._is_full_of_clients()):
                    if clock.since(since) > _ADMIT_MS:
                        self.turned_away += 1
                        return False
                    await asyncio.sleep_ms(_TURN_MS)
            except asyncio.CancelledError:
                self.newcomer = False
                raise
            self.newcomer = False
        return True

    def _displace(self, clients: bool) -> bool:
        """Close the connection that can best be spared: the longest in the lowest state.

        ``clients``: only one of a client helps.
        """
        best = None
        rank = age = -1
        for c in self.open:
            state = c.state
            if state < SERVING and not (clients and c in self.links):
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

    def add(self, connection) -> None:
        """Count a connection; from now on its deadlines are watched."""
        # What has waited for its place must not give way before it had a turn.
        connection.since = clock.ticks()
        self.open.append(connection)
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())

    def remove(self, connection) -> None:
        """Forget a connection that has been closed."""
        if connection in self.open:
            self.open.remove(connection)
            if connection in self.links:
                self.links.remove(connection)
            if connection.state != FRESH:
                self.ended = connection.since if connection.state == IDLE else clock.ticks()

    def drop_idle(self) -> None:
        """Close the connections that nobody is using."""
        for c in list(self.open):
            if c.state <= FRESH:
                c.drop()

    async def _sweep(self) -> None:
        # Runs only while there are connections, so a board without clients is not woken.
        try:
            while self.open:
                await loop.pause(_SWEEP_MS)
                for c in list(self.open):
                    for_ms = clock.since(c.since)
                    if c.state <= FRESH:
                        if for_ms > _IDLE_MS:
                            c.drop()
                    elif c.state == READING:
                        if for_ms > _READ_MS:
                            c.time_out()
                    elif c.stalled and clock.since(c.stalled) > _WRITE_MS:
                        c.drop()
        finally:
            self._sweeper = None  # even if it dies without memory: the next connection starts one
