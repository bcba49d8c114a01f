"""Sends signed updates to a board that sleeps, and asks it what it runs.

Start reading at ``Courier.run``. The broker holds the update; the board's side is
``firmware/torpor/update``. The board keeps everything that has arrived, so an update can take
several wakes, and each step can be repeated.
"""

from __future__ import annotations

import asyncio
import logging
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..client.rpc import CallError
from ..model.plan import BoardPlan
from ..update.pending import Held, Pending, Report
from ..update.send import PIECE, packed, without_key
from .update_calls import Line

_LOOK_S = 86_400  # how often a board without an update is asked what it runs
_TRIAL_S = 2.0  # between questions about a trial
_STALE_S = 60.0  # an unchanged report is published again after this time
_STEP = 8192  # bytes of files between two reports
_ROUNDS = 30  # questions to a board that is neither on trial nor done

_log = logging.getLogger("torpor.gateway")


class _GivenUpError(Exception):
    """The update cannot be carried out, or the board went back."""


class Courier:
    """The updates of one board.

    Args:
        board: The board.
        line: Makes calls to it.
        publish: Publishes its report.
        done: Removes the update with this counter from the broker.

    Attributes:
        report: What the gateway knows about the board.
    """

    def __init__(
        self,
        board: BoardPlan,
        line: Line,
        publish: Callable[[Report], None],
        done: Callable[[Held], None],
    ) -> None:
        self.report = Report()
        self.line = line
        self._board = board
        self._publish = publish
        self._done = done
        self._held: Held | None = None
        self._changed = asyncio.Event()

    def offer(self, held: Held | None) -> None:
        """Replace the current update; None if the broker no longer holds one."""
        if held and self._held and held.manifest.text == self._held.manifest.text:
            return  # the broker has sent it again, after a lost connection
        if held is None and self._held is None:
            return
        self._held = held
        self._changed.set()

    def know(self, report: Report) -> None:
        """Use the report that a gateway published before this one started.

        A board that had no key then is asked again: it may have been flashed since.
        """
        if not self.report.status and not report.keyless:
            self.report = report

    def refuse(self, digest: str, reason: str) -> None:
        """Report that the message with that SHA-256 is not an update that can be sent."""
        self._note(refused={"sha256": digest, "reason": reason, "at": time.time()})

    async def run(self) -> None:
        """Work until this is cancelled."""
        while True:
            self._changed.clear()
            work = asyncio.create_task(self._work(self._held))
            change = asyncio.create_task(self._changed.wait())
            try:
                await asyncio.wait((work, change), return_when=asyncio.FIRST_COMPLETED)
                if work.done() and (error := work.exception()):
                    _log.error("%s: its update stopped: %r", self._board.name, error)
                    await asyncio.wait((change,), timeout=_TRIAL_S)
            finally:
                work.cancel()
                change.cancel()
                await asyncio.gather(work, change, return_exceptions=True)

    async def _work(self, held: Held | None) -> None:
        if held:
            await self._carry(held)
            return
        if self.report.pending:  # it was withdrawn
            self._note(pending=None)
        await asyncio.sleep(max(0.0, self.report.at + _LOOK_S - time.time()))
        try:
            await self._look()
        except _GivenUpError as error:
            _log.error("%s; the gateway asks it again in a day", error)

    # An update

    async def _carry(self, held: Held) -> None:
        """Send the update, wait for its trial, and report the result."""
        made = held.manifest
        name = self._board.name
        _log.info("%s: build %s waits for the board to wake", name, made.build)
        self._note(pending=Pending(made.build, made.counter, time.time()), refused=None)
        try:
            await self._transfer(held)
            await self._trial(held)
        except _GivenUpError as error:
            _log.error("%s: build %s was not kept: %s", name, made.build, error)
            failed = {"build": made.build, "counter": made.counter, "reason": str(error)}
            self._finish(held, failed={**failed, "at": time.time()})
        else:
            _log.info("%s: build %s is confirmed", name, made.build)
            await self._look()
            self._finish(held, failed=None)

    def _finish(self, held: Held, failed: dict[str, Any] | None) -> None:
        self._note(pending=None, failed=failed)
        if self._held is held:
            self._held = None
            self._done(held)
        self._changed.set()

    async def _transfer(self, held: Held) -> None:
        """Send the files that the board needs, until it has committed the update."""
        refusals: set[str] = set()
        while True:
            status = await self._status()
            if status["counter"] > held.manifest.counter:
                raise _GivenUpError("the board has had a newer update")
            if status["counter"] == held.manifest.counter:
                return
            if status["trial"]:
                await self._pause()
                continue
            try:
                await self._send(held)
                return
            except CallError as error:
                if error.message in refusals:
                    raise _GivenUpError(error.message) from None
                refusals.add(error.message)
                _log.warning("%s: %s; once more", self._board.name, error.message)

    async def _send(self, held: Held) -> None:
        text = held.manifest.text
        have = 0
        while have < len(text):
            have = await self._ask("head", at=have, data=packed(text[have : have + PIECE]))
        signature = b64encode(held.signature).decode()
        answer = await self._ask("check", signature=signature)
        needed = [(held.manifest.at(place), have) for place, have in answer["needed"]]
        total = sum(line.size for line, _ in needed)
        done = sum(have for _, have in needed)
        for line, have in needed:
            data = held.files[line.path]
            while have < line.size or line.size == 0:
                self._step("receives files", done, total)
                piece = packed(data[have : have + PIECE])
                before, have = have, await self._ask("put", line=line.place, at=have, data=piece)
                done += have - before
                if line.size == 0:
                    break
        self._step("restarts", done, total)
        await self._ask("commit")

    async def _trial(self, held: Held) -> None:
        """Wait until the board has confirmed the image."""
        made = held.manifest
        rounds = 0
        while rounds < _ROUNDS:
            self._step("tries the image")
            status = await self._status()
            failed = status["failed"]
            if failed and failed.get("counter") == made.counter:
                text = f"went back to build {status['build']}: {failed.get('reason')}"
                raise _GivenUpError(text)
            if status["build"] == made.build and not status["trial"]:
                return
            rounds += not status["trial"]
            await self._pause()
        raise _GivenUpError("it does not run the new image, and reports no reason")

    async def _pause(self) -> None:
        """Wait before the next question about a trial, which keeps the board awake anyway."""
        await asyncio.sleep(_TRIAL_S)
        self.line.refill()

    # What the board runs

    async def _look(self) -> None:
        """Ask the board for everything that a report contains."""
        status = await self._status()
        text = b""
        while part := await self._ask("listing", at=len(text)):
            text += part
        files = {line[66:]: line[:64] for line in text.decode().split("\n")[:-1]}
        stores = [each.name for each in self._board.services if each.contract.has_store]
        migrations = {}
        for name in dict.fromkeys([*stores, *status.get("data", ())]):
            try:
                state = await self.line.ask("data", do="state", service=name)
            except CallError:
                continue  # the board has no data of it
            migrations[name] = int(state["migrations"])
        self._note(files=files, migrations=migrations)

    async def _status(self) -> dict[str, Any]:
        status: dict[str, Any] = await self._ask("status")
        self._note(status=status, keyless=False)
        return status

    async def _ask(self, do: str, **arguments: Any) -> Any:
        try:
            return await self.line.ask("update", do=do, **arguments)
        except CallError as error:
            if not error.is_no_tool:
                raise
            self._note(status={}, files={}, migrations={}, keyless=True)
            raise _GivenUpError(without_key(self._board.name)) from None

    def _step(self, step: str, sent: int = 0, total: int = 0) -> None:
        """Report the progress of the update, but not after each piece."""
        pending = self.report.pending
        if pending is None:
            return
        if total == 0:
            sent, total = pending.sent, pending.total
        if step != pending.step or total != pending.total or sent - pending.sent >= _STEP:
            self._note(pending=replace(pending, step=step, sent=sent, total=total))

    def _note(self, **changes: Any) -> None:
        """Change the report, and publish it if it differs from the last one or that is old."""
        before = self.report
        self.report = replace(before, **{"at": self.line.heard_at or before.at, **changes})
        if replace(self.report, at=before.at) != before or self.report.at - before.at > _STALE_S:
            self._publish(self.report)
