"""The requests that wait for boards, and the answers that have come. No I/O.

The broker has everything that must survive the gateway: requests wait in the boards' sessions, and
answers, keys and status messages are retained. So a restarted gateway, or a second one, knows the
same. Only requests with a waiting client are held here. They end with their connections.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .message import Answer, Status

_KEYS_S = 86_400  # after the last client has stopped waiting; a board remembers its last 64 ids


class LostError(Exception):
    """The broker has lost the request and will not deliver it to its board."""


class Parked:
    """The state of a gateway.

    Args:
        limit: How many requests may wait for one board.
        keep_s: How long an answer is kept, in seconds.
        most: How many answers and keys are kept.
        clock: Returns the Unix time.

    Attributes:
        boards: Board -> its newest status.
        waiting: Board -> id -> the Unix time until which the request may be executed.
        keys: Id -> (fingerprint of the request, that time).
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
        self._handing: Counter[str] = Counter()  # ids that are being sent to the broker
        self._taken: set[str] = set()  # ids in ``waiting`` that the broker has acknowledged
        self._keep_s = keep_s
        self._most = most
        self._clock = clock
        self._answers: OrderedDict[str, tuple[float, Answer]] = OrderedDict()  # id -> came, what
        self._waiters: dict[str, list[asyncio.Future[Answer]]] = {}

    # Answers

    def answered(self, id: str, answer: Answer) -> None:
        """Store an answer and wake its waiters. The first answer to an id stays."""
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
        """Give up all requests that the broker held for the board. Returns their number."""
        ids = self.waiting.pop(board, {})
        self._taken.difference_update(ids)
        for id in ids:
            self._lost[id] = self._clock()
            for waiter in self._waiters.pop(id, ()):
                if not waiter.done():
                    waiter.set_exception(LostError())
        return len(ids)

    def is_lost(self, id: str) -> bool:
        """Return whether the broker has lost the request."""
        return id in self._lost

    def answer(self, id: str) -> Answer | None:
        """Return the answer to a request, or None if it has not come."""
        entry = self._answers.get(id)
        return entry[1] if entry else None

    async def wait(self, id: str, seconds: float) -> Answer | None:
        """Wait for the answer to a request. Returns None after ``seconds``.

        Raises:
            LostError: The broker has lost the request.
        """
        if answer := self.answer(id):
            return answer
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
        """Forget answers and keys that are old or too many, and yield their ids.

        The caller deletes them from the broker.
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
        """Return whether the queue of the board is full."""
        now = self._clock()
        ids = self.waiting.get(board, {})
        for id in [id for id, until in ids.items() if until < now]:
            del ids[id]
            self._taken.discard(id)
        return len(ids) + len(self._held.get(board, ())) >= self.limit

    def waits(self, board: str) -> int:
        """Return how many requests wait for the board."""
        return len(self.waiting.get(board, ())) + len(self._held.get(board, ()))

    @contextmanager
    def parking(self, board: str, id: str, until: float) -> Iterator[None]:
        """Count a request as waiting during the block, which publishes it, and afterwards.

        If the block fails, the request no longer waits, unless another client is publishing the
        same request, or has published it.
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
        """Return whether the request waits and the broker has acknowledged it."""
        return id in self._taken and id in self.waiting.get(board, ())

    @contextmanager
    def holding(self, board: str, id: str, until: float) -> Iterator[asyncio.Event]:
        """Hold a request during the block. The event is set when the board asks for it."""
        asked = asyncio.Event()
        self._held.setdefault(board, {})[id] = asked
        try:
            yield asked
        finally:
            del self._held[board][id]
            if not asked.is_set():
                self._gone[id] = (board, until)

    def held(self, board: str) -> list[str]:
        """Return the ids of the requests that the gateway holds for the board."""
        return list(self._held.get(board, ()))

    def ask(self, id: str) -> str | None:
        """Note that a board asks for a request. Returns its name if the client has hung up."""
        for held in self._held.values():
            if event := held.get(id):
                event.set()
        board, _ = self._gone.pop(id, (None, 0))
        return board

    def retry_after(self, board: str) -> int:
        """Return in how many seconds the board may be awake: from its status, or a guess."""
        status = self.boards.get(board)
        if status and status.wakes_at:
            return max(1, round(status.wakes_at - self._clock()))
        return 5 if status and status.state == "awake" else 30
