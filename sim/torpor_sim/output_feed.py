"""The output of a board so far, and a way to wait for more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

T = TypeVar("T")

_TAIL = 20  # items that a time-out shows


class Feed(Sequence[T], Generic[T]):
    """A growing sequence that keeps its newest ``keep`` items."""

    def __init__(self, keep: int = 20_000) -> None:
        self._items: list[T] = []
        self._dropped = 0
        self._keep = keep
        self._grown = asyncio.Event()

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def append(self, item: T) -> None:
        """Add ``item`` and wake the waiters."""
        self._items.append(item)
        if len(self._items) > self._keep:
            half = len(self._items) // 2
            del self._items[:half]
            self._dropped += half
        self._grown.set()
        self._grown = asyncio.Event()

    def mark(self) -> int:
        """The current position, for ``since``."""
        return self._dropped + len(self._items)

    def since(self, mark: int) -> list[T]:
        """The items that came after the mark."""
        return self._items[max(mark - self._dropped, 0) :]

    async def wait(
        self, wanted: Callable[[T], bool], *, what: str, timeout: float, since: int = 0
    ) -> T:
        """Return the first item from ``since`` on that is ``wanted``, waiting for it if necessary.

        Raises ``TimeoutError`` after ``timeout`` seconds, with ``what`` and the newest items.
        """
        position = since
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for item in self.since(position):
                        if wanted(item):
                            return item
                    position = self.mark()
                    await self._grown.wait()
        except TimeoutError:
            tail = "".join(f"\n  {item}" for item in self._items[-_TAIL:])
            raise TimeoutError(f"no {what} within {timeout:g} s; the newest is:{tail}") from None
