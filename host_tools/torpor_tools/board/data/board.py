"""A board's databases as its tools see them; over calls signed with the cluster's key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...client.find import urls
from ...client.rpc import BoardConnection, CallError, connect
from ...errors import UserError, fail
from ...model.plan import BoardPlan, PlacedService, Plan
from ...project.secrets import cluster_keys
from ...suggest import did_you_mean, listing

Row = tuple[int | str, dict[str, Any]]
_DEADLINE_MS = 60_000  # a count reads a whole table, at a chip's speed
_BATCH = 4000  # bytes of rows in a call that writes


class Data(ABC):
    """The database of one service."""

    def __init__(self, service: str) -> None:
        self.service = service

    @abstractmethod
    def ask(self, do: str, **arguments: Any) -> Any:
        """The answers of ``firmware/torpor/store/admin.py``. Raises ``UserError``."""

    def state(self) -> dict[str, Any]:
        """``migrations`` and ``tables``; of a service that runs also ``failed`` and ``wear``."""
        found: dict[str, Any] = self.ask("state")
        return found

    def rows(self, table: str) -> Iterator[Row]:
        """Every row of a table, lowest key first, one page per call."""
        since = None
        while True:
            rows, since = self.ask("page", table=table, since=since)
            yield from ((key, row) for key, row in rows)
            if since is None:
                return

    def put(self, table: str, rows: Sequence[Row]) -> None:
        """Write rows as one commit."""
        self.ask("put", table=table, rows=[list(row) for row in rows])


class CalledData(Data):
    """Access by calls over the network."""

    def __init__(self, peer: BoardConnection, service: str) -> None:
        super().__init__(service)
        self._peer = peer

    def ask(self, do: str, **arguments: Any) -> Any:
        asked = {"do": do, "service": self.service, **arguments}
        try:
            return self._peer.call("", "data", asked, fingerprint="0", deadline_ms=_DEADLINE_MS)
        except CallError as error:
            remedy = "see the board's log"
            older = any(text in error.message for text in ("no service", "keeps no data"))
            if error.status == 409 or (error.status == 404 and older):
                remedy = "build and flash the board again: its image cannot do this"
            raise fail(f"{self.service}: {error.message}", remedy) from None
        except OSError as error:
            raise fail(f"the board does not answer: {error}", "try again") from None


def batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows in lists that one call can carry."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        length = len(str(row))
        if batch and (size + length > _BATCH or len(batch) >= 50):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    if batch:
        yield batch


@contextmanager
def opened(plan: Plan, root: Path, service: str, at: str | None) -> Iterator[Data]:
    """The database of a service, on its board or in the running simulator. Raises ``UserError``.

    ``at`` is the address of the board, as for ``torpor call``.
    """
    board, placed = find(plan, service)
    keys = cluster_keys(root)
    if not keys:
        raise fail(
            "access to a board's data needs the cluster's key, and there is none",
            "make one, then build and start the board again: torpor secrets init",
        )
    reasons: list[UserError] = []
    for address in _addresses(plan, root, board, placed, at):
        try:
            peer = connect(address, board.name, keys)
        except UserError as error:
            reasons.append(error)
            continue
        except OSError as error:  # it fell asleep or restarted
            reasons.append(fail(f"board {board.name} does not answer: {error}", "try again"))
            continue
        try:
            peer.call("", "data", {"do": "state", "service": service}, fingerprint="0")
        except UserError as error:
            reasons.append(error)
            continue
        except (CallError, OSError):
            pass  # it answers, so the first call will show what is wrong
        with peer:
            yield CalledData(peer, service)
        return
    if reasons:
        raise reasons[0]
    raise fail(f"the address of board {board.name} is not known", "start torpor sim, or use --at")


def find(plan: Plan, name: str) -> tuple[BoardPlan, PlacedService]:
    """The board of a service that keeps data, and the service. Raises ``UserError``."""
    keeping = {}
    for board in plan.boards:
        for placed in board.services:
            if placed.contract.has_store:
                keeping[placed.name] = (board, placed)
    if name not in keeping:
        remedy = did_you_mean(name, keeping) or f"services that do: {listing(keeping) or 'none'}"
        raise fail(f"there is no service {name} that keeps data", remedy)
    return keeping[name]


def _addresses(
    plan: Plan, root: Path, board: BoardPlan, placed: PlacedService, at: str | None
) -> Iterator[tuple[str, int]]:
    """Any listener of the board takes the call; the service's own first, if it has one."""
    listening = sorted((s for s in board.services if s.port), key=lambda s: s.name != placed.name)
    for service in listening[:1]:
        for url in urls(plan, root, service, at):
            parts = urlsplit(url)
            yield parts.hostname or "", parts.port or 80
