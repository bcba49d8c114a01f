"""The lines of services that ran, for coverage.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path


class Coverage:
    """Lines by file, of all interpreters of a run."""

    def __init__(self) -> None:
        self.lines: dict[str, list[int]] = {}

    def add(self, lines: Mapping[str, Iterable[int]]) -> None:
        """Add lines that ran."""
        for file, numbers in lines.items():
            self.lines[file] = sorted({*self.lines.get(file, ()), *numbers})

    def write(self, root: Path) -> Path:
        """Write ``.coverage`` into ``root``, for ``coverage report``; returns its path."""
        from coverage import CoverageData

        path = root / ".coverage"
        data = CoverageData(basename=str(path))
        data.erase()
        data.add_lines(self.lines)
        data.write()
        return path
