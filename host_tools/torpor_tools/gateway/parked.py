"""What waits for boards, and the answers that have come. No I/O.

The broker has everything here that must outlive the gateway: requests wait in the boards' sessions,
and answers, keys and status messages are retained. So a gateway that starts again, or a second one,
knows the same. Only requests whose clients wait are held here, and end with the connections.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .message import Answer, Status

_KEYS_S = 86_400  # after nobody waits any more; a board remembers its last 64 ids


class LostError(Exception):
    """The broker has lost the request, and will not give it to its board."""


class Parked:
    """The state of a gateway.

    ``limit``: requests that may wait for one board. ``keep_s``: how long an answer can be asked for
    after it has come; ``most``: how many at most.
    """

    def __init__(
        self,
        limit: int = 64,
        keep_s: float = 3600,
        most: int = 20_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.limit = limit
        self.boards: dict[str, Status] = {}
        self.waiting: dict[str, dict[str, float]] = {}  # board -> id -> until
        self.keys: dict[str, tuple[str, float]] = {}  # id -> fingerprint, until
        self._held: dict[str, dict[str, asyncio.Event]] = {}  # board -> id -> the board asks
        self._gone: dict[str, tuple[str, float]] = {}  # id whose client hung up -> board, until
        self._lost: dict[str, float] = {}  # ids of requests that a broker has lost -> since
        self._handing: Counter[str] = Counter()  # ids that are on their way to the broker
        self._taken: set[str] = set()  # ids in ``waiting`` that the broker has acknowledged
        self._keep_s = keep_s
        self._most = most
        self._clock = clock
        self._answers: OrderedDict[str, tuple[float, Answer]] = OrderedDict()  # id -> came, what
        self._waiters: dict[str, list[asyncio.Future[Answer]]] = {}

    # Answers

    def answered(self, id: str, answer: Answer) -> None:
        """An answer has come. One that is known stays: what comes twice is the same."""
        if id not in self._answers:
            self._answers[id] = (self._clock(), answer)
        self._lost.pop(id, None)
        self._taken.discard(id)
        for ids in self.waiting.values():
            ids.pop(id, None)
        for waiter in self._waiters.pop(id, ()):
            if not waiter.done():
                waiter.set_result(self._answers[id][1])

    def lose(self, board: str) -> int:
        """The broker has lost what waited for the board. Returns how many requests that were."""
        ids = self.waiting.pop(board, {})
        self._taken.difference_update(ids)
        for id in ids:
            self._lost[id] = self._clock()
            for waiter in self._waiters.pop(id, ()):
                if not waiter.done():
                    waiter.set_exception(LostError())
        return len(ids)

    def is_lost(self, id: str) -> bool:
        """Whether a broker has lost the request."""
        return id in self._lost

    def answer(self, id: str) -> Answer | None:
        """The answer of a request, if it has come."""
        found = self._answers.get(id)
        return found[1] if found else None

    async def wait(self, id: str, seconds: float) -> Answer | None:
        """The answer of a request as soon as it has come; None after ``seconds``.

        Raises ``LostError``.
        """
        if found := self.answer(id):
            return found
        if id in self._lost:  # while it was being published
            raise LostError
        waiter: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(id, [])
        waiters.append(waiter)
        try:
            async with asyncio.timeout(max(0, seconds)):
                return await waiter
        except TimeoutError:
            return None
        finally:
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters and self._waiters.get(id) is waiters:
                del self._waiters[id]

    def outdated(self) -> Iterator[str]:
        """Forget answers and keys that are old, or too many.

        Yields their ids, so that the broker forgets them too.
        """
        now = self._clock()
        for id in [id for id, since in self._lost.items() if now - since > self._keep_s]:
            del self._lost[id]
        for id in [id for id, (_, until) in self._gone.items() if until < now]:
            del self._gone[id]
        for id in [id for id, (_, until) in self.keys.items() if until + _KEYS_S < now]:
            del self.keys[id]
            yield id
        while len(self.keys) > self._most:
            id = next(iter(self.keys))
            del self.keys[id]
            yield id
        while self._answers:
            id, (came, _) = next(iter(self._answers.items()))
            if now - came < self._keep_s and len(self._answers) <= self._most:
                return
            del self._answers[id]
            yield id

    # Boards

    def is_full(self, board: str) -> bool:
        """Whether no more requests may wait for the board."""
        now = self._clock()
        ids = self.waiting.get(board, {})
        for id in [id for id, until in ids.items() if until < now]:
            del ids[id]
            self._taken.discard(id)
        return len(ids) + len(self._held.get(board, ())) >= self.limit

    def waits(self, board: str) -> int:
        """How many requests wait for the board."""
        return len(self.waiting.get(board, ())) + len(self._held.get(board, ()))

    @contextmanager
    def parking(self, board: str, id: str, until: float) -> Iterator[None]:
        """While a request is being handed to the broker; it waits unless that fails.

        Several clients may hand over the same request at once; one that succeeds is enough.
        """
        ids = self.waiting.setdefault(board, {})
        ids[id] = until
        self._lost.pop(id, None)
        self._handing[id] += 1
        try:
            yield
            if id in ids:  # it may have been answered already
                self._taken.add(id)
        finally:
            self._handing[id] -= 1
            if not self._handing[id]:
                del self._handing[id]
                if id not in self._taken:
                    ids.pop(id, None)

    def is_taken(self, board: str, id: str) -> bool:
        """Whether the request waits for the board, and the broker has acknowledged it."""
        return id in self._taken and id in self.waiting.get(board, ())

    @contextmanager
    def holding(self, board: str, id: str, until: float) -> Iterator[asyncio.Event]:
        """While the gateway holds a request; the event is set when the board asks for it."""
        asked = asyncio.Event()
        self._held.setdefault(board, {})[id] = asked
        try:
            yield asked
        finally:
            del self._held[board][id]
            if not asked.is_set():
                self._gone[id] = (board, until)

    def held(self, board: str) -> list[str]:
        """The ids of the requests that the gateway holds for the board."""
        return list(self._held.get(board, ()))

    def ask(self, id: str) -> str | None:
        """A board asks for a request. Returns its name if the client has hung up meanwhile."""
        for held in self._held.values():
            if event := held.get(id):
                event.set()
        board, _ = self._gone.pop(id, (None, 0))
        return board

    def retry_after(self, board: str) -> int:
        """In how many seconds the board may be awake: what it said, or a guess."""
        status = self.boards.get(board)
        if status and status.wakes_at:
            return max(1, round(status.wakes_at - self._clock()))
        return 5 if status and status.state == "awake" else 30
