"""The result of a build for one board, and its sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .plan import BoardPlan


@dataclass(frozen=True)
class SizeRow:
    """One line of the size table, in bytes on the chip."""

    name: str  # "alerts", "torpor.kernel", "microdot.sse"
    kind: str  # service, library, runtime, dependency, wiring or start
    compiled: int  # bytecode (of "start": the source of boot.py and main.py)
    static: int = 0  # files served as they are
    modules: tuple[str, ...] = ()  # that it counts

    @property
    def total(self) -> int:
        return self.compiled + self.static


@dataclass(frozen=True)
class SizeTable:
    """The sizes of all parts of an image; the rows are ordered by kind, then by name."""

    rows: tuple[SizeRow, ...]
    capacity: int  # bytes of the board's filesystem

    def of(self, kind: str) -> tuple[SizeRow, ...]:
        """The rows of one kind."""
        return tuple(row for row in self.rows if row.kind == kind)

    def row(self, name: str) -> SizeRow:
        """The row of that name. Raises ``KeyError``."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    @property
    def compiled(self) -> int:
        return sum(row.compiled for row in self.rows)

    @property
    def static(self) -> int:
        return sum(row.static for row in self.rows)

    @property
    def total(self) -> int:
        return self.compiled + self.static

    def share(self, row: SizeRow) -> float:
        """The part of the image that ``row`` takes, 0 to 1."""
        return row.total / self.total if self.total else 0.0


@dataclass(frozen=True)
class Image:
    """A built image: ``folder`` is replaced as a whole by the next build of the same board."""

    board: BoardPlan
    folder: Path  # build/<board>/
    tree: Path  # the root of the chip's filesystem, as a folder
    littlefs: Path  # the same as a LittleFS2 image
    sizes: SizeTable
