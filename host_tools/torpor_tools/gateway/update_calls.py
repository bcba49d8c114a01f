"""Tool calls to one sleeping board, one after the other, within a budget for each wake."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..client.rpc import FAULT, REFUSED, CallError
from ..client.sealed import ForgedError, SealedCall, is_greeting, note
from .message import Status

CALLER = "~gateway"  # no board can have this name
WAKE_CALLS = 48  # in one wake
WAKE_BYTES = 49_152
WAKE_S = 30.0
_DEADLINE_MS = 60_000  # a check reads the whole image, at a chip's speed
_MOST_SEALS = 24  # of a call; each after the first means that the board restarted before answering
_SETTLE_S = 1.0  # after this time a board that has announced its sleep really sleeps
_NEVER_S = 600.0  # after this time a board that does not sleep gets its budget again

_NO_CALLS = b"held"  # from a board whose image accepts no calls through its mailbox

_log = logging.getLogger("torpor.gateway")
Publish = Callable[[str, bytes, bool], None]


class Line:
    """Makes calls to a board. A call waits, like a request, until the board wakes.

    Within one wake the gateway begins at most ``WAKE_CALLS`` calls, sends at most ``WAKE_BYTES``,
    and begins none after ``WAKE_S`` seconds. Then it waits for the next wake.

    Args:
        base: The first levels of the cluster's topics, ``torpor/<cluster>``.
        board: The name of the board.
        keys: The cluster's keys.
        publish: Publishes ``(topic, payload, retain)`` as soon as there is a connection.

    Attributes:
        heard_at: When the board last answered a call, in Unix time.
    """

    def __init__(self, base: str, board: str, keys: Sequence[bytes], publish: Publish) -> None:
        self.heard_at = 0.0
        self._base = base
        self._board = board
        self._keys = keys
        self._publish = publish
        self._call: SealedCall | None = None
        self._answer: asyncio.Future[Any] | None = None
        self._message = b""  # what was last published for the call
        self._greeting = b""  # of this wake of the board
        self._received = False  # whether the board has sent a message about the call in this wake
        self._woken = asyncio.Event()  # the budget is full again
        self._calls = self._bytes = 0  # of this wake
        self._timer: asyncio.TimerHandle | None = None  # refills the budget of a board that sleeps
        self._since = 0.0  # when the board first answered in this wake, by the monotonic clock

    async def ask(self, tool: str, **arguments: Any) -> Any:
        """Call a tool, and return its result. Waits for a wake of the board, and for its budget.

        Raises:
            CallError: The board refuses the call.
        """
        await self._budget()
        call = SealedCall(
            self._base, self._board, CALLER, self._keys, tool, arguments, _DEADLINE_MS
        )
        self._call = call
        self._answer = asyncio.get_running_loop().create_future()
        self._received = False
        try:
            self._say((self._greeting and call.seal(self._greeting)) or call.note())
            return await self._answer
        finally:
            self._call = self._answer = None
            if not call.seals:
                self._say(call.note(held=False))  # the board need not ask for this call

    def receive(self, id: str, payload: bytes) -> None:
        """Handle a message of the board about the call with that id."""
        call = self._call if self._call and self._call.id == id else None
        if not payload:
            return
        self._note_heard()
        if payload == _NO_CALLS:
            if call and self._answer and not self._answer.done():
                self._answer.set_exception(CallError(404, f"{self._board} has no service", REFUSED))
            return
        if is_greeting(payload):
            self._greeting = payload
            if call is None:
                self._say(note(self._reply(id), id, held=False))
            else:
                self._greeted(call, payload)
            return
        self._publish(self._reply(id), b"", True)  # it is no longer needed
        if call is None or self._answer is None or self._answer.done():
            return
        try:
            self._answer.set_result(call.result(payload))
        except ForgedError:
            _log.error("%s: an answer is not signed with the cluster's key", self._board)
        except (CallError, ValueError, KeyError) as error:
            self._answer.set_exception(error)

    def _greeted(self, call: SealedCall, greeting: bytes) -> None:
        """Send the call, or give up."""
        assert self._answer
        try:
            if call.seals >= _MOST_SEALS:
                text = f"the board restarted {call.seals} times before it had answered"
                raise CallError(500, text, FAULT)
            sealed = call.seal(greeting)
        except CallError as error:
            if not self._answer.done():
                self._answer.set_exception(error)
            return
        if sealed:
            self._say(sealed)

    def _note_heard(self) -> None:
        self._received = True
        self.heard_at = time.time()
        self._since = self._since or time.monotonic()

    def receive_status(self, status: Status) -> None:
        """Handle a status that the board, or its will, has just published."""
        self._greeting = b""
        if self._timer:
            self._timer.cancel()
        if status.state == "awake":
            if status.fresh:
                self.repeat()
            self.refill()
            return
        if not self._received:
            self.repeat()  # a message was lost, in one direction or the other
        self._received = False
        self._timer = asyncio.get_running_loop().call_later(_SETTLE_S, self.refill)

    def repeat(self) -> None:
        """Publish the message for the call again, because it may be lost."""
        if self._call:
            self._publish(f"{self._base}/{self._board}/in", self._message, False)

    def refill(self) -> None:
        """Give the board a full budget, because it has woken or is awake anyway."""
        self._calls = 1 if self._call else 0  # the call that waits for the board to wake
        self._bytes = len(self._message) if self._call else 0
        self._since = 0.0
        self._woken.set()

    async def _budget(self) -> None:
        """Wait until the board may have another call."""
        overdue = self._since and time.monotonic() - self._since > WAKE_S
        if overdue or self._calls >= WAKE_CALLS or self._bytes >= WAKE_BYTES:
            self._woken.clear()
            try:
                async with asyncio.timeout(_NEVER_S):
                    await self._woken.wait()
            except TimeoutError:
                self.refill()
        self._calls += 1

    def _reply(self, id: str) -> str:
        return f"{self._base}/answers/{CALLER}/{self._board}/{id}"

    def _say(self, message: bytes) -> None:
        self._message = message
        self._bytes += len(message)
        self._publish(f"{self._base}/{self._board}/in", message, False)
