"""Problems that are reported to the user, and the only exceptions a user sees.

Everything else that reaches the top is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Where:
    """A place in the user's files; ``line`` and ``column`` count from 1, 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.file]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is, what is wrong, and what to do about it."""

    where: Where | None
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n    {self.remedy}" if self.remedy else text


class UserError(Exception):
    """One or more problems, all found in the same pass."""

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def fail(what: str, remedy: str = "", where: Where | None = None) -> UserError:
    """A ``UserError`` of a single problem, to be raised by the caller."""
    return UserError(Problem(where, what, remedy))


@contextmanager
def writing(shown: str) -> Iterator[None]:
    """Write a file that the user has named. Raises ``UserError`` if that is not possible."""
    try:
        yield
    except OSError as error:
        raise fail(f"{shown} cannot be written: {error.strerror}", "name another file") from None
