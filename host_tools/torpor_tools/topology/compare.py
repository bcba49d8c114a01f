"""The changes of another placement: boards to build again, calls that become remote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..image.tree import read_tree
from ..link import image_files
from ..model.plan import Plan
from .placed import graph
from .record import Record

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class BoardChange:
    """A board's image before and after; a board without services has no files."""

    board: str
    before: Files
    after: Files

    @property
    def is_rebuilt(self) -> bool:
        return self.before != self.after

    @property
    def files(self) -> int:
        """The number of files added, changed or removed."""
        names = {*self.before, *self.after}
        return sum(self.before.get(name) != self.after.get(name) for name in names)

    @property
    def growth(self) -> int:
        """Bytes that the image grows by."""
        return sum(map(len, self.after.values())) - sum(map(len, self.before.values()))


@dataclass(frozen=True)
class Traffic:
    """Calls between services: how many in all, and how many of them over the network."""

    remote: int
    total: int


def images(plan: Plan, cache: Path) -> dict[str, Files]:
    """The files of each board's image. Raises ``UserError``."""
    return {b.name: image_files(plan, b.name, cache) if b.services else {} for b in plan.boards}


def built(plan: Plan, out: Path) -> dict[str, Files]:
    """The same from the last build, below ``out``; boards that were never built are missing."""
    found: dict[str, Files] = {}
    for board in plan.boards:
        tree = out / board.name / "fs"
        if tree.is_dir():
            found[board.name] = read_tree(tree)
    return found


def changes(before: Mapping[str, Files], after: Mapping[str, Files]) -> list[BoardChange]:
    """The change of each board in ``after``, and of those that are gone."""
    names = dict.fromkeys([*after, *before])
    return [BoardChange(name, before.get(name, {}), after.get(name, {})) for name in names]


def traffic(plan: Plan, record: Record | None) -> Traffic:
    """The calls of a recorded run under this placement.

    Without a record, each pair of methods, one of which calls the other, counts once.
    """
    counts = None if record is None else record.between()
    found = graph(plan, counts)
    sites = found.calls.sites()
    remote = total = 0
    for pair, is_remote in found.pairs().items():
        own = sum((a.service, b.service) == pair for a, b in sites)
        count = own if counts is None else counts.get(pair, 0)
        total += count
        remote += count if is_remote else 0
    return Traffic(remote, total)
