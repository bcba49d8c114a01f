"""A base for classes that hold a connection and are used in a ``with`` statement."""

from __future__ import annotations

from typing import Self


class Closing:
    """Calls ``_close`` at the end of a ``with`` block.

    The name begins with an underscore because the methods of a contract may have any other.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._close()

    def _close(self) -> None:
        raise NotImplementedError
