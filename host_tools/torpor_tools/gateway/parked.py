"""What waits for boards, and the answers that have come. No I/O.

Everything here can be had again from the broker: requests wait in the boards' sessions, answers and
status messages are retained. So a gateway that starts anew, or a second one, knows the same.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .message import Answer, Status


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
        for ids in self.waiting.values():
            ids.pop(id, None)
        for waiter in self._waiters.pop(id, ()):
            if not waiter.done():
                waiter.set_result(self._answers[id][1])

    def answer(self, id: str) -> Answer | None:
        """The answer of a request, if it has come."""
        found = self._answers.get(id)
        return found[1] if found else None

    async def wait(self, id: str, seconds: float) -> Answer | None:
        """The answer of a request as soon as it has come; None after ``seconds``."""
        if found := self.answer(id):
            return found
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
        """Forget answers that are old, or too many; their ids, so that the broker forgets too."""
        now = self._clock()
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
        return len(ids) >= self.limit

    @contextmanager
    def parking(self, board: str, id: str, until: float) -> Iterator[None]:
        """While a request is being handed to the broker; it waits unless that fails."""
        ids = self.waiting.setdefault(board, {})
        ids[id] = until
        try:
            yield
        except BaseException:
            ids.pop(id, None)
            raise

    def retry_after(self, board: str) -> int:
        """In how many seconds the board may be awake: what it said, or a guess."""
        status = self.boards.get(board)
        if status and status.wakes_at:
            return max(1, round(status.wakes_at - self._clock()))
        return 5 if status and status.state == "awake" else 30
