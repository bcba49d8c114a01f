"""The couriers of all boards that sleep and accept updates, and the messages for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from hashlib import sha256

from ..model.plan import Plan
from ..project.secrets import cluster_keys
from ..project.signers import public_keys
from ..update.pending import Held, Report, report, unpacked
from .message import Status, Topics
from .update_calls import CALLER, Line, Publish
from .update_courier import Courier

_log = logging.getLogger("torpor.gateway")


class Couriers:
    """A courier for each board that sleeps and accepts signed updates.

    Args:
        plan: The cluster.
        topics: Its topics.
        send: Publishes ``(topic, payload, retain)`` as soon as there is a connection.
    """

    def __init__(self, plan: Plan, topics: Topics, send: Publish) -> None:
        root = plan.cluster.root
        self._topics = topics
        self._send = send
        self._signers = public_keys(root)
        self._keys = cluster_keys(root)
        self._live = False  # whether messages are new, and not retained ones
        self._refused: list[tuple[Courier, str, str]] = []  # to be reported when they are
        self._tasks: list[asyncio.Task[None]] = []
        self._all: dict[str, Courier] = {}
        if self._signers and self._keys:
            boards = [board for board in plan.boards if board.can_update and board.sleeps]
            self._all = {board.name: self._courier(board.name, plan) for board in boards}

    def _courier(self, name: str, plan: Plan) -> Courier:
        def publish(made: Report) -> None:
            self._send(self._topics.report(name), made.packed(), True)

        def done(held: Held) -> None:
            self._send(self._topics.update(name), b"", True)

        line = Line(f"torpor/{plan.cluster.name}", name, self._keys, self._send)
        return Courier(plan.board(name), line, publish, done)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics whose messages ``receive`` needs."""
        if not self._all:
            return ()
        base = f"torpor/{self._topics.cluster}"
        return f"{base}/answers/{CALLER}/+/+", f"{base}/+/update", f"{base}/+/report"

    def receive(self, parts: Sequence[str], payload: bytes) -> bool:
        """Handle a message; return whether it is for a courier.

        Args:
            parts: The levels of its topic, without the first two.
            payload: Its content.

        Raises:
            ValueError: It cannot be read.
        """
        if len(parts) == 4 and parts[:2] == ["answers", CALLER]:
            if sender := self._all.get(parts[2]):
                sender.line.receive(parts[3], payload)
            return True
        courier = self._all.get(parts[0]) if len(parts) == 2 else None
        if courier and parts[1] == "update":
            self._offer(parts[0], courier, payload)
            return True
        if courier and parts[1] == "report":
            if payload and not self._live:
                courier.know(report(payload))
            return True
        return False

    def _offer(self, name: str, courier: Courier, payload: bytes) -> None:
        """Give a courier the update that the broker holds. Refuse one with a wrong signature."""
        if not payload:
            courier.offer(None)
            return
        try:
            held = unpacked(payload, self._signers)
            if held.manifest.board != name:
                raise ValueError(f"it is for {held.manifest.board}")
        except ValueError as error:
            _log.error("the update for %s is dropped: %s", name, error)
            self._send(self._topics.update(name), b"", True)
            self._refused.append((courier, sha256(payload).hexdigest(), str(error)))
            self._report_refused()
            return
        courier.offer(held)

    def _report_refused(self) -> None:
        """Report refusals, but not before the earlier reports have come, which this changes."""
        while self._live and self._refused:
            courier, digest, reason = self._refused.pop(0)
            courier.refuse(digest, reason)

    def receive_status(self, board: str, status: Status) -> None:
        """Handle a board's status, unless it is a retained message from earlier."""
        if self._live and (courier := self._all.get(board)):
            courier.line.receive_status(status)

    def caught_up(self, is_caught_up: bool) -> None:
        """Handle a new connection to the broker, or the end of its retained messages."""
        self._live = is_caught_up
        if not is_caught_up:
            return
        self._report_refused()
        for courier in self._all.values():
            courier.line.repeat()  # a board may have answered while there was no connection
        if not self._tasks:
            self._tasks = [asyncio.create_task(courier.run()) for courier in self._all.values()]

    async def stop(self) -> None:
        """End all couriers. Boards keep what they have received."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
