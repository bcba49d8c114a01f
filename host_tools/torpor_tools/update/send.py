"""The exchange with a board during an update: docs/wire.md, tool ``.update``.

The board's side is ``firmware/torpor/update/receive.py``. Every call reports what has arrived, so
each step can be repeated after a lost connection.
"""

from __future__ import annotations

import re
import time
import zlib
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from typing import Any

from ..client.rpc import NotReachedError
from ..client.tools import NoToolError, Tools
from ..errors import UserError, fail
from ..model.plan import BoardPlan
from ..suggest import listing
from .manifest import Line, Manifest

PIECE = 1024  # bytes in a call, before they are compressed
_WINDOW_BITS = 10
_DEADLINE_MS = 60_000  # a check reads the whole image, at a chip's speed
TRIES = 100
PAUSE_S = 1.0
ANSWER_S = 30.0  # a connection is taken for dead if an answer takes longer
PIECE_S = 5.0  # the same for the steps that send a piece, which a board answers soon
_PIECES = ("head", "put", "fwput")
NOTE_S = 3.0  # without an answer for this time, there is a note for the user
END_S = 60.0  # without an answer for this time, an update ends
RESTART_S = 120  # a chip copies files, restarts and joins, perhaps twice

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Status:
    """The state of a board, as reported by the board."""

    cluster: str
    board: str
    build: str
    counter: int
    firmware: str
    production: bool
    free: int
    trial: Mapping[str, Any] | None = None
    failed: Mapping[str, Any] | None = None
    down: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""  # MicroPython's name of the board, "... with RP2040"; an older image lacks it
    data: Sequence[str] = ()  # services that have data there, also if they are not in the image

    @classmethod
    def reported(cls, values: Mapping[str, Any]) -> Status:
        """Return the status from a board's answer, whose image may be newer than this tool."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True)
class Changes:
    """The files that an update sends, and those that it removes."""

    send: tuple[str, ...]
    remove: tuple[str, ...]
    size: int  # bytes of what is sent

    def __bool__(self) -> bool:
        return bool(self.send or self.remove)


class Target(ABC):
    """A board that gets an update: ``Updater``, or ``asleep.Sleeper`` for one that sleeps.

    Attributes:
        sent: The bytes that went over the network for the update.
    """

    sent: int

    @abstractmethod
    def status(self) -> Status:
        """Return what the board runs. Raises ``UserError``."""

    @abstractmethod
    def installed(self) -> dict[str, str]:
        """Return the image's files by the board's own list: path -> SHA-256."""

    @abstractmethod
    def migrations(self, services: Iterable[str]) -> dict[str, int]:
        """Return how many migrations the data of services has had, if the board has such data.

        Args:
            services: Their names. The image that the board runs need not have them.
        """

    def on_its_way(self) -> str:
        """Return the build that is being sent already, as the user should see it; empty: none."""
        return ""

    @abstractmethod
    def send(
        self,
        manifest: Manifest,
        signature: bytes,
        files: Mapping[str, bytes],
        progress: Progress | None = None,
        report: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Send the files that the board needs, and start the trial. Raises ``UserError``.

        Args:
            manifest: What is sent.
            signature: That of the manifest.
            files: The image.
            progress: Is called with the bytes of files that the board has, and with their total.
            report: Is called with a text for the user if the board does not answer for a while.
        """

    @abstractmethod
    def wait(
        self, manifest: Manifest, confirm_s: int, report: Callable[[str], None] = lambda text: None
    ) -> None:
        """Wait until the board has confirmed the image. Raises ``UserError`` if it has not."""

    def least_counter(self) -> int:
        """Return the least counter of an update that the board accepts."""
        return self.status().counter + 1

    def changes(self, files: Mapping[str, bytes]) -> Changes:
        """Compare an image with the files that the board lists. Raises ``UserError``."""
        there = self.installed()
        send = [p for p, data in files.items() if there.get(p) != sha256(data).hexdigest()]
        send = [path for path in send if path != "image.txt"]
        remove = [path for path in there if path not in files and path != "secrets.json"]
        size = sum(len(files[path]) for path in send)
        return Changes(tuple(sorted(send)), tuple(sorted(remove)), size)


class Updater(Target):
    """An update of one board.

    Args:
        tools: The board.
        pause: Waits for a number of seconds.
        clock: Returns a time in seconds.
    """

    def __init__(
        self,
        tools: Tools,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tools = tools
        self.pause = pause
        self._clock = clock
        self._heard = clock()  # when the board last answered
        self.sent = 0  # bytes of all calls, as they were encoded

    def status(self) -> Status:
        """Ask the board what it runs. Raises ``UserError``."""
        return Status.reported(self.ask("status"))

    def installed(self) -> dict[str, str]:
        """The image's files by the board's own list: path -> SHA-256. Raises ``UserError``."""
        text = b""
        while part := self.ask("listing", at=len(text)):
            text += part
        return {line[66:]: line[:64] for line in text.decode().splitlines()}

    def migrations(self, services: Iterable[str]) -> dict[str, int]:
        """Ask how many migrations the data of services has had."""
        counts = {}
        for name in services:
            try:
                answer = self._tools.ask("data", do="state", service=name)
            except NotReachedError:
                raise
            except UserError:
                continue  # the board has no data of it
            counts[name] = int(answer["migrations"])
        return counts

    def send(
        self,
        manifest: Manifest,
        signature: bytes,
        files: Mapping[str, bytes],
        progress: Progress | None = None,
        report: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Send the files that the board needs, and restart it. Raises ``UserError``."""

        def work() -> None:
            self._send(manifest, signature, files, progress)
            self.ask("commit")

        self.repeat(work, manifest.counter, report)

    def repeat(self, work: Callable[[], None], counter: int, report: Callable[[str], None]) -> None:
        """Do ``work`` until no connection is lost meanwhile, or the board has that counter.

        Raises:
            NotReachedError: The board has not answered for ``END_S``, or ``work`` has lost
                ``TRIES`` connections.
            UserError: The board refuses a step.
        """
        self._heard = self._clock()
        noted: float | None = None
        for attempt in range(1, TRIES + 1):
            try:
                work()
                return
            except NotReachedError as error:
                silent = self._clock() - self._heard
                if attempt == TRIES or silent >= END_S:
                    raise self._given_up(error) from None
                if silent >= NOTE_S and noted != self._heard:
                    noted = self._heard
                    report(f"{self.board} does not answer; trying again for up to {END_S:.0f} s")
                self.pause(PAUSE_S)
                if self.has_committed(counter):
                    return

    def _given_up(self, error: NotReachedError) -> NotReachedError:
        """Say in a board's last error that the update can be continued."""
        remedy = f"{self.board} keeps what has arrived: run it again to continue"
        problems = [replace(problem, remedy=remedy) for problem in error.problems]
        return NotReachedError(problems)

    def wait(
        self, manifest: Manifest, confirm_s: int, report: Callable[[str], None] = lambda text: None
    ) -> None:
        """Wait until the board has confirmed the image. Raises ``UserError`` if it has not."""
        board = self.board
        end = time.monotonic() + 2 * confirm_s + RESTART_S
        shown = ""
        while time.monotonic() < end:
            self.pause(PAUSE_S)
            try:
                status = self.status()
            except NotReachedError:
                text = "restarting"
            else:
                if status.failed and status.failed.get("counter") == manifest.counter:
                    reason = status.failed.get("reason")
                    raise fail(f"{board} went back to build {status.build}: {reason}", REMEDY)
                self.check_newest(status, manifest.counter)
                if status.build == manifest.build and not status.trial:
                    return
                text = "on trial" if status.trial else "restarting"
            if text != shown:
                report(text)
                shown = text
        raise fail(
            f"{board} has not confirmed the update in time", "torpor update --status shows it"
        )

    @property
    def board(self) -> str:
        """The board's name."""
        return self._tools.board.name

    def has_committed(self, counter: int) -> bool:
        """Return whether the board has taken the update of that counter, if it answers.

        Raises ``UserError`` if it has taken a newer one.
        """
        try:
            status = self.status()
        except NotReachedError:
            return False
        self.check_newest(status, counter)
        return status.counter == counter

    def check_newest(self, status: Status, counter: int) -> None:
        """Check that no update is newer than the one of that counter. Raises ``UserError``."""
        if status.counter > counter:
            raise fail(f"another update of {self.board} came in between", "run it again")

    def _send(
        self,
        manifest: Manifest,
        signature: bytes,
        files: Mapping[str, bytes],
        progress: Progress | None,
    ) -> None:
        have = 0
        while have < len(manifest.text):
            have = self.ask("head", at=have, data=packed(manifest.text[have : have + PIECE]))
        answer = self.ask("check", signature=b64encode(signature).decode())
        needed = [(manifest.at(place), have) for place, have in answer["needed"]]
        total = sum(line.size for line, _ in needed)
        done = sum(have for _, have in needed)
        for line, have in needed:
            done += self._send_file(line, have, files[line.path])
            if progress:
                progress(done, total)

    def _send_file(self, line: Line, have: int, data: bytes) -> int:
        """Send the rest of a file and return its size."""
        start = have
        while have < line.size or line.size == 0:
            piece = packed(data[have : have + PIECE])
            have = self.ask("put", line=line.place, at=have, data=piece)
            if line.size == 0:
                break
        return line.size - start

    def ask(self, do: str, **arguments: Any) -> Any:
        """Execute a step on the board, and return its answer. Raises ``UserError``."""
        self.sent += sum(len(str(value)) for value in arguments.values())
        answer_s = PIECE_S if do in _PIECES else ANSWER_S
        try:
            answer = self._tools.ask(
                "update", deadline_ms=_DEADLINE_MS, answer_s=answer_s, do=do, **arguments
            )
            self._heard = self._clock()
            return answer
        except NotReachedError:
            raise
        except NoToolError:
            raise fail(
                without_key(self.board), f"torpor build, then torpor flash {self.board}"
            ) from None
        except UserError as error:
            changed = [replace(p, remedy=remedy(p.what) or p.remedy) for p in error.problems]
            raise UserError(changed) from None


def without_key(board: str) -> str:
    """Describe a board whose image accepts no updates."""
    return f"{board} was built without signing.pub: build it and flash it once"


def not_running(board: BoardPlan, down: Mapping[str, str]) -> str:
    """Describe the services that do not run: ``Status.down``. Empty if all run."""
    texts = []
    for service in board.services:
        if why := down.get(service.name):
            had = re.search(r"has had (\d+) migrations, this image has (\d+)", why)
            known = service.contract.migrations
            names = [each.name for each in known[int(had[2]) : int(had[1])]] if had else []
            if had:
                ran = listing(names) or "a newer migration"
                verb = "have" if len(names) > 1 else "has"
                why = f"because {ran} {verb} run: send a build that has it, or use --data-loss"
                texts.append(f"{service.name} does not start any more, {why}")
            else:
                texts.append(f"{service.name} failed: {why}")
    return "; ".join(texts)


REMEDY = "torpor logs and torpor crashes show more; correct it and update again"
_AGAIN = "another update of this board was running: run it again"
_ROOM = (
    "delete data on the board, make the image smaller (torpor build shows what takes room), or "
    "change the board over USB"
)
_REMEDIES = {
    "not signed with a key that this board knows": "use the signing.pem that it was flashed with, "
    "or a retired key with --key; or flash it over USB",
    "not signed with a key of signing.pub": "start torpor gateway with the current signing.pub",
    "there is no manifest": _AGAIN,
    "no file of the manifest": _AGAIN,
    "has not arrived": _AGAIN,
    "was committed before": _AGAIN,
    "was started before": _AGAIN,
    "is older than": _AGAIN,
    "the update is for": "check --at, and `host` and the cluster's name in cluster.toml",
    "the firmware is for chip": "use firmware for that chip",
    "the firmware is for": "check --at, and `host` and the cluster's name in cluster.toml",
    "is on trial": "wait: torpor update --status",
    "more bytes, and": _ROOM,
    "no empty line": "the image on the board is of an older torpor, which cannot drop data: flash "
    "the board over USB",
    "the update needs MicroPython": "torpor flash, over USB",
}


def remedy(reason: str) -> str:
    """Return what to do about an update that is refused for that reason; empty: not known."""
    return next((each for words, each in _REMEDIES.items() if words in reason), "")


def packed(data: bytes) -> str:
    """Return a piece in the form that a board expects: compressed, in base64."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW_BITS)
    return b64encode(packer.compress(data) + packer.flush()).decode()


def order(names: Sequence[str], needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the boards in an order in which no call breaks: called boards before their callers.

    Args:
        names: The boards.
        needs: Board -> the boards that it calls.

    Returns:
        The same names. Boards that call each other in a ring stay in the order of ``names``: a
        released contract keeps older callers working.
    """
    ordered: list[str] = []
    visited: set[str] = set()

    def visit(name: str) -> None:
        if name in visited:
            return
        visited.add(name)
        for called in needs.get(name, ()):
            if called in names:
                visit(called)
        ordered.append(name)

    for name in names:
        visit(name)
    return ordered
