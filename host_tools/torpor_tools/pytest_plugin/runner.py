"""Runs the tests of one file in one interpreter, and starts another one when it is lost."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torpor_sim.lines import LogLine, Reader

from .image import TestImage
from .source import Fixture
from .transport import Transport

_MARK = b"\x1e"
_READY_S = 30.0
_GRACE_S = 3.0  # for an interrupted test to report where it was
_MOST_LINES = 2000


@dataclass(frozen=True)
class Order:
    """A test to run: its path in the module, its arguments' names, and where their values are."""

    test: str
    names: tuple[str, ...]
    args: str  # a dict display: the values that parameters give
    fixtures: Sequence[Fixture]
    timeout: float  # s on this computer; the transport's slowness comes on top

    def line(self) -> dict[str, Any]:
        return {
            "test": self.test,
            "names": self.names,
            "args": self.args,
            "fixtures": [(f.name, f.function, f.kind, f.needs) for f in self.fixtures],
        }


@dataclass
class Outcome:
    """The outcome of a test. ``outcome`` is passed, skipped, failed, stuck, late, lost or hung."""

    outcome: str
    kind: str = ""  # the exception's class
    text: str = ""
    trace: str = ""
    note: str = ""
    cause: str = ""  # the traceback of a peer's bug, which the caller sees as a 500
    detail: dict[str, Any] = field(default_factory=dict)
    ms: int = 0  # by the device's clock
    free: int = 0
    printed: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)


class Lost(Exception):  # noqa: N818
    """The interpreter has ended or does not answer; ``args[0]`` says what happened."""


class Runner:
    """The interpreter that has loaded one test file, if there is one."""

    def __init__(
        self,
        transport: Transport,
        image: Callable[[], TestImage],
        module: str,
        counted: Callable[[list[int]], None] | None = None,
    ) -> None:
        self._transport = transport
        self._image = image
        self._module = module
        self._counted = counted
        self._running = False
        self._rest = b""
        self._answers = _MARK  # what the answer to the last order begins with
        self._loaded = Outcome("passed")

    def run(self, order: Order) -> Outcome:
        """Run a test; whatever happens to the interpreter, there is an outcome."""
        if not self._running:
            failed = self._begin()
            if failed:
                return failed
        if self._loaded.outcome != "passed":
            return self._loaded
        return self._ask(order.line(), order.timeout * self._transport.slowness)

    def end(self) -> None:
        """End the file: take its line counts and release the interpreter."""
        if self._running:
            self._count()
            self._running = False
            self._transport.leave()

    def _begin(self) -> Outcome | None:
        """Start the interpreter and load the test file."""
        image = self._image()
        self._transport.start(image)
        self._running = True
        self._rest = b""
        limit = _READY_S * max(1.0, self._transport.slowness / 4)
        outcome = self._ask(None, limit)
        if outcome.outcome == "low":
            self._stop()
            self._transport.start(image)
            self._running = True
            outcome = self._ask(None, limit)
        if outcome.outcome == "ready":
            outcome = self._ask({"load": self._module, "marks": len(image.probes.places)}, limit)
        self._loaded = outcome
        return None if outcome.outcome == "passed" else outcome

    def _ask(self, order: dict[str, Any] | None, timeout: float) -> Outcome:
        """Send an order and wait for its answer. Without an order, wait until it is ready."""
        self._order(order)
        printed: list[str] = []
        logged: list[str] = []
        reader = Reader("")
        try:
            answer = self._answer(timeout, reader, printed, logged)
        except Lost as lost:
            outcome = Outcome("lost" if lost.args[0] else "hung", text=lost.args[0])
            self._stop()
        else:
            if answer.get("ready"):
                answer = {"outcome": "low" if answer.get("low") else "ready"}
            outcome = Outcome(**answer)
            if outcome.kind == "Failed":
                outcome.kind = "AssertionError"
            if outcome.outcome in ("late", "stuck"):
                self._count()
                self._stop()  # what it has left behind must not disturb the next test
        outcome.printed, outcome.logged = printed, logged
        return outcome

    def _order(self, order: dict[str, Any] | None) -> None:
        """Send an order with a token that marks its answer, which no test can print."""
        self._answers = _MARK
        if order is not None:
            token = secrets.token_hex(4)
            self._transport.write(json.dumps({**order, "token": token}).encode() + b"\n")
            self._answers += token.encode()

    def _answer(
        self, timeout: float, reader: Reader, printed: list[str], logged: list[str]
    ) -> dict[str, Any]:
        """The next answer; what is printed meanwhile goes to the lists. Raises ``Lost``."""
        deadline = time.monotonic() + timeout
        interrupted = False
        while True:
            line = self._line(deadline)
            if line is None:
                if interrupted:
                    raise Lost("")
                interrupted = True
                self._transport.interrupt()
                deadline = time.monotonic() + _GRACE_S * self._transport.slowness
                continue
            text, mark, answer = line.partition(self._answers)
            found = _parse(answer) if mark else None
            if found is not None and (self._answers != _MARK or found.get("ready")):
                if text:
                    _keep(reader, text + b"\n", printed, logged)
                if interrupted and found.get("outcome") == "late":
                    found["text"] = f"{timeout:g}"
                return found
            text = _without_event(line)
            if text or not line:
                _keep(reader, text + b"\n", printed, logged)

    def _line(self, deadline: float) -> bytes | None:
        """The next line of output, None at the deadline. Raises ``Lost``."""
        while b"\n" not in self._rest:
            data = self._transport.read(deadline - time.monotonic())
            if data is None:
                if time.monotonic() >= deadline:
                    return None
                continue
            if not data:
                raise Lost(self._transport.ending())
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r")

    def _count(self) -> None:
        if self._counted is None:
            return
        self._order({"marks": True})
        try:
            answer = self._answer(_READY_S * self._transport.slowness, Reader(""), [], [])
        except Lost:
            return
        if "marks" in answer:
            self._counted(answer["marks"])

    def _stop(self) -> None:
        self._running = False
        self._transport.stop()


def _parse(answer: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(answer)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _without_event(line: bytes) -> bytes:
    """Return a line without what a shim has added for a supervisor, which tests do not have."""
    text, mark, event = line.partition(_MARK)
    return text if mark and "event" in (_parse(event) or ()) else line


def _keep(reader: Reader, line: bytes, printed: list[str], logged: list[str]) -> None:
    for item in reader.feed(line):
        if isinstance(item, LogLine):
            into = logged if item.level else printed
            if len(into) < _MOST_LINES:
                into.append(str(item))
