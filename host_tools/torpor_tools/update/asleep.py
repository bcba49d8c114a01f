"""Updates of boards that sleep: left at the broker, from where a gateway sends them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..errors import fail
from ..model.plan import BoardPlan
from .manifest import Manifest
from .pending import Held, Report
from .send import REMEDY, Progress, Status, Target, remedy, without_key

if TYPE_CHECKING:
    from ..gateway.updates_at_broker import Desk

_AGAIN_S = 3.0
KEYLESS = "torpor build, then torpor flash {0}; then start torpor gateway again, which asks it"
_TAKEN_S = 30.0  # a running gateway takes an update within this time


class Sleeper(Target):
    """An update of a sleeping board. Has the same methods as ``send.Updater``.

    Args:
        board: The board.
        desk: The broker.

    Raises:
        UserError: No gateway has reported what the board runs.
    """

    def __init__(self, board: BoardPlan, desk: Desk) -> None:
        self.sent = 0
        self._board = board
        self._desk = desk
        found = desk.known().reports.get(board.name)
        if found and found.keyless:
            raise fail(without_key(board.name), KEYLESS.format(board.name))
        if found is None or not found.status:
            raise fail(
                f"{board.name} sleeps, and no gateway has reported what it runs",
                "start torpor gateway: it asks the board at its next wake",
            )
        self.report: Report = found

    def status(self) -> Status:
        """Return what the board last reported. An update replaces one that is not committed."""
        return Status.reported(self.report.status)

    def installed(self) -> dict[str, str]:
        """Return the image's files by the board's own list: path -> SHA-256."""
        return dict(self.report.files)

    def migrations(self, services: Iterable[str]) -> dict[str, int]:
        """Return how many migrations the data of services has had: of those the gateway knows."""
        return dict(self.report.migrations)

    def on_its_way(self) -> str:
        """Return the build that a gateway is sending, and how far it is."""
        pending = self.report.pending
        return f"build {pending.build} ({pending.step})" if pending else ""

    def least_counter(self) -> int:
        """Return the least counter of an update that the board accepts, and the gateway too."""
        pending = self.report.pending
        return max(self.status().counter, pending.counter if pending else 0) + 1

    def send(
        self,
        manifest: Manifest,
        signature: bytes,
        files: Mapping[str, bytes],
        progress: Progress | None = None,
        report: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Leave the update at the broker, and wait until a gateway takes it.

        Raises:
            UserError: No gateway has taken it, or the update is too large.
        """
        data = Held(manifest, signature, files).packed()
        self.sent = len(data)
        self._desk.leave(self._board.name, data)
        digest = sha256(data).hexdigest()

        def is_over(found: Report) -> bool:
            self.report = found
            return _knows(found, manifest) or _refusal(found, digest) is not None

        taken = self._follow(is_over, _TAKEN_S)
        if why := _refusal(self.report, digest):
            what = f"the gateway refuses the update for {self._board.name}: {why}"
            raise fail(what, remedy(why) or "the gateway's log shows more")
        if not taken:
            raise fail(
                f"the update for {self._board.name} is at the broker, and no gateway has taken it",
                "start torpor gateway: it sends the update when the board wakes",
            )

    def wait(
        self, manifest: Manifest, confirm_s: int, report: Callable[[str], None] = lambda text: None
    ) -> None:
        """Wait until the board has confirmed the image. Raises ``UserError`` if it has not."""
        ended: list[Report] = []

        def is_over(found: Report) -> bool:
            self.report = found
            if found.pending and found.pending.counter == manifest.counter:
                report(found.pending.step)
                return False
            if _knows(found, manifest) or (found.pending and _is_newer(found, manifest)):
                ended.append(found)
                return True
            return False

        while not self._follow(is_over, _TAKEN_S):
            pass
        last = ended[-1]
        if last.failed and last.failed["counter"] == manifest.counter:
            reason = last.failed["reason"]
            between = " " if reason.startswith("went back") else ": "
            raise fail(f"{self._board.name}{between}{reason}", remedy(reason) or REMEDY)
        if last.status["build"] != manifest.build:
            raise fail(f"another update of {self._board.name} came in between", "run it again")

    def _follow(self, until: Callable[[Report], bool], seconds: float) -> bool:
        """Read reports until one satisfies ``until``; return whether one did in that time.

        A nats-server may send a new subscriber the second-newest report instead of the newest one,
        so this subscribes again every few seconds.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._desk.follow(self._board.name, until, _AGAIN_S):
                return True
        return False


def _knows(report: Report, manifest: Manifest) -> bool:
    """Return whether the report is of a time after a gateway has taken the update."""
    counters = [report.status.get("counter")]
    counters += [report.pending.counter] if report.pending else []
    counters += [report.failed["counter"]] if report.failed else []
    return manifest.counter in counters


def _refusal(report: Report, digest: str) -> str | None:
    """Return why the gateway has not taken the message with that SHA-256, if it has not."""
    refused = report.refused or {}
    return str(refused.get("reason")) if refused.get("sha256") == digest else None


def _is_newer(report: Report, manifest: Manifest) -> bool:
    return bool(report.pending and report.pending.counter > manifest.counter)


def shown(report: Report | None, seen: float) -> dict[str, Any]:
    """Return what ``torpor update --status`` shows for a board that sleeps.

    Args:
        report: The gateway's report, if there is one.
        seen: When the board last announced its sleep, in Unix time; 0: not known.
    """
    report = report or Report()
    pending = ""
    if found := report.pending:
        share = f", {100 * found.sent // found.total} %" if found.total else ""
        pending = f"{found.build} ({found.step}{share})"
    return {
        "build": str(report.status.get("build", "")),
        "pending": pending,
        "at": max(report.at, seen),
        "failed": report.refused or report.failed or report.status.get("failed"),
        "down": report.status.get("down") or {},
        "keyless": report.keyless,
    }
