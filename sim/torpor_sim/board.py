"""One board of the simulator across all its restarts, for tests and ``torpor sim``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TextIO

from torpor_tools.model.image import Image

from . import slots
from .clock import Clock, duration
from .crash import Crash, backoff, last_traceback, reason, watchdog_resets
from .flash import BoardFolder, write_json
from .inputs import Inputs, defaults
from .lines import Event, LogLine, LogListener
from .output_feed import Feed
from .ports import Place
from .process import Process
from .start import Start, facts_of, heap_of
from .wake import WakePins
from .watchdog import Watchdog
from .wiring import wire, wired_devices

_RESET_S = 0.2  # until firmware that does not start is reset; on the chip up to 9 s
_LOOK_S = 0.05  # how often the pins of a sleeping board are checked


class SimBoard:
    """A board. ``log``, ``trace`` and ``crashes`` keep the newest entries of all its runs."""

    def __init__(
        self,
        image: Image,
        place: Place,
        folder: BoardFolder,
        clock: Clock,
        on_log: LogListener,
        record: bool = False,
        lookup_ms: int | None = None,
        announced: Callable[[], None] = lambda: None,
    ) -> None:
        self.image = image
        self.place = place
        self.log: Feed[LogLine] = Feed()
        self.trace: Feed[Event] = Feed()
        self.crashes: list[Crash] = []
        self.starts = 0
        self.is_ready = False
        self._ready_run = 0  # the last run that became ready; it may sleep by now
        self.inputs = Inputs(folder.inputs)
        self.announced = ""  # its host name in mDNS, as its firmware read it when it joined
        self._folder = folder
        self._clock = clock
        self._on_log = on_log
        self._record = record
        self._lookup_ms = lookup_ms
        self._on_announced = announced
        self._next_image: Image | None = None
        self._next: Start | None = None  # set when the current run is being ended
        self._fault = ""  # of the firmware that the boot loader has started
        self._pressed = asyncio.Event()
        self._changed = asyncio.Event()
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._started_at = 0.0
        self._first_line = 0  # of the current run
        self._watchdog = Watchdog(self._bitten, clock.speed)
        self._trace_file: TextIO | None = None
        self._wake_pins = WakePins(self.inputs)

    @property
    def name(self) -> str:
        return self.image.board.name

    @property
    def hosts(self) -> list[str]:
        """The names under which it is found now: a name in ``.local`` only if it announces it."""
        host = (self.image.board.host or f"{self.name}.local").lower()
        has_radio = self.image.board.board.port != "unix"  # otherwise its computer announces itself
        found = [] if host.endswith(".local") and has_radio else [host]
        return found + [f"{self.announced.lower()}.local"] * bool(self.announced)

    @property
    def pid(self) -> int | None:
        """The process of the current run."""
        return self._process.pid if self._process else None

    @property
    def is_asleep(self) -> bool:
        """Whether it is in deep sleep, for a board with the policy deep."""
        last = self.trace[-1] if self.trace and self.is_ready else {}
        return self._is_off or (last.get("event"), last.get("start")) == ("sleep", self.starts)

    @property
    def _is_off(self) -> bool:
        return self._process is None and self._next is not None and self._next.cause == "deepsleep"

    @property
    def is_failing(self) -> bool:
        """Whether it has crashed and has not become ready since."""
        crashed = bool(self.crashes) and self.crashes[-1].start >= self.starts - 1
        return crashed and not self.is_ready

    # For tests

    async def ready(self, timeout: float = 30.0, *, start: int | None = None) -> None:
        """Wait until its listeners are open, in the run ``start`` (None: this one) or a later one.

        Raises ``UserError`` if that run crashes first, ``TimeoutError`` after ``timeout`` seconds.
        They begin again after a reset by the watchdog, because three resets lead to safe mode.
        """
        start = start or self.starts or 1
        bites = 0
        try:
            async with asyncio.timeout(timeout) as limit:
                while self._ready_run < start:
                    if (bitten := self._raise_if_lost(start)) > bites:
                        bites = bitten
                        limit.reschedule(asyncio.get_running_loop().time() + timeout)
                    await self._changed.wait()
        except TimeoutError:
            tail = "".join(f"\n  {line}" for line in self.log[-20:])
            raise TimeoutError(
                f"board {self.name} was not ready within {timeout:g} s; its log:{tail}"
            ) from None

    async def wait_log(self, text: str, timeout: float = 30.0, *, since: int = 0) -> LogLine:
        """Return the first log line with ``text``, from the mark ``since`` (``log.mark()``) on.

        Raises ``TimeoutError`` after ``timeout`` seconds.
        """
        return await self.log.wait(
            lambda line: text in str(line), what=f"{text!r}", timeout=timeout, since=since
        )

    async def wait_trace(self, event: str, timeout: float = 30.0, *, since: int = 0) -> Event:
        """Return the first such trace event, from the mark ``since`` (``trace.mark()``) on.

        Raises ``TimeoutError`` after ``timeout`` seconds.
        """
        return await self.trace.wait(
            lambda each: each["event"] == event, what=event, timeout=timeout, since=since
        )

    def shown(self, device: str) -> dict[str, Any] | None:
        """Return what a device shows, as its model reports it; None if it has shown nothing.

        Raises ``KeyError`` for a device that is not wired to the board.
        """
        wired_devices(self._folder)[device]
        path = self._folder.run / f"shown-{device}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    async def reset(self, timeout: float = 30.0) -> None:
        """Press its reset button, even while it sleeps, and wait until it is ready again."""
        start = self.starts + 1
        self._begin(Start("power-on"))
        await self.ready(timeout, start=start)

    def wake(self) -> bool:
        """End a deep sleep now, as its timer does. Returns whether the board was asleep.

        A Pico's program sleeps lightly instead, so its power is cut for a moment.
        """
        if self._is_off:
            self._pressed.set()
        elif self.is_asleep:
            self.kill()
        else:
            return False
        return True

    def kill(self) -> None:
        """Cut its power now and restore it; does not wait."""
        self._begin(Start("power-on"))

    async def replace(
        self, image: Image, place: Place | None = None, timeout: float = 30.0
    ) -> None:
        """Put another image on its flash, start that, and wait until it is ready.

        Raises ``UserError`` if it crashes before it is ready.
        """
        start = self.starts + 1
        self._next_image = image
        self.place = place or self.place
        self._begin(Start("reset"))
        await self.ready(timeout, start=start)

    def runs(self, image: Image, place: Place) -> bool:
        """Return whether it already runs that image at that place."""
        same_chip = self.image.board.board == image.board.board
        same_wiring = self.image.board.devices == image.board.devices
        same_place = same_chip and same_wiring and self.place == place
        return same_place and self._folder.holds(image.tree)

    def cut(self) -> None:
        """Cut its power and leave it off, until ``reset`` or ``kill``; does not wait."""
        self._begin(Start("power-on", None))
        self._pressed.clear()

    # For the simulator

    def set_peers(self, peers: dict[str, dict[str, Any]]) -> None:
        """Set the places of the other boards: host -> address, and port there -> port here."""
        write_json(self._folder.peers, peers)

    def start(self, *, fresh: bool) -> None:
        """Make the board's folder and switch it on. Raises ``UserError``."""
        self._folder.prepare(self.image.board.board, fresh=fresh, real_time=self._clock.speed == 1)
        self._next_image = self.image
        self._install()
        self._trace_file = self._folder.trace.open("w", buffering=1, encoding="utf-8", newline="\n")
        self._task = asyncio.create_task(self._supervise(), name=f"board {self.name}")

    async def stop(self) -> None:
        """Switch it off and wait for the end of its process."""
        self._stopping = True
        self._pressed.set()
        if self._process:
            await self._process.stop()
        try:
            if self._task:
                await self._task
        finally:
            if self._trace_file:
                self._handle_event({"event": "end"})  # the time before it counts too
                self._trace_file.close()
                self._trace_file = None

    async def _supervise(self) -> None:
        start = Start("power-on")
        try:
            while not self._stopping:
                start = await self._run(start)
        except Exception as error:  # otherwise it would only show when everything is stopped
            self._report("ERROR", f"this board is lost by a bug in the simulator: {error!r}")
            raise
        finally:
            self._watchdog.off()
            self.is_ready = False
            self._notify()

    async def _run(self, start: Start) -> Start:
        """Run the board once; return how the next run begins."""
        if start.after_s != 0:
            start = await self._asleep(start)
        self._next = None
        self._pressed.clear()
        if self._stopping:
            return start
        self._install()
        booted = await asyncio.to_thread(slots.boot, self._folder.run, start.cause)
        if self._stopping or self._next:  # ended meanwhile
            return self._next or start
        token = self._prepare(start, booted)
        if self._fault:
            self._report("ERROR", f"the firmware does not start: {self._fault}")
            return Start("watchdog", _RESET_S)
        heap = heap_of(self.image)
        self._process = Process(self.name, self._folder, heap, self._receive, token)
        status = await self._process.run()
        self._process = None
        self._watchdog.off()
        self.is_ready = False
        if self._stopping or self._next:
            return self._next or start
        return self._crashed(reason(status, self._traceback()))

    async def _asleep(self, start: Start) -> Start:
        """Wait until the next run begins; return how, because a button or a pin may change that."""
        until = None if start.after_s is None else self._clock.now() + start.after_s
        while not self._pressed.is_set():
            if start.cause == "deepsleep" and (kind := self._wake_pins.met()):
                return replace(start, wake_reason=kind)
            left = None if until is None else until - self._clock.now()
            if left is not None and left <= 0:
                break
            look = _LOOK_S if self._wake_pins else None
            await self._clock.wait(self._pressed, min(filter(None, (left, look)), default=None))
        return self._next or start

    def _prepare(self, start: Start, booted: dict[str, Any]) -> str:
        """Prepare a run; return the token of its events."""
        self._wake_pins.clear()
        self._install()
        if start.cause == "power-on":
            self._folder.power_on()
        board_facts = facts_of(
            self.image,
            self.place,
            self._folder,
            start,
            booted,
            clock=self._clock,
            lookup_ms=self._lookup_ms,
            record=self._record,
        )
        write_json(self._folder.run / "facts.json", board_facts)
        self.starts += 1
        self._started_at = self._clock.now()
        self._first_line = self.log.mark()
        if "states" in booted:
            self._handle_event({"event": "firmware", **booted})
        self._fault = booted.get("fault", "")
        return str(board_facts["token"])

    def _install(self) -> None:
        if self._next_image:
            self.image = self._next_image
            self._next_image = None
            self._folder.install(self.image.tree)
            self._folder.publish(self.image.folder / "openapi")
            wire(self._folder, self.image.board)
            self.inputs.prepare(defaults(self.image.board))

    def _begin(self, start: Start) -> None:
        """End the current run, if any, and continue with ``start``."""
        self._next = start
        self.is_ready = False
        self._pressed.set()
        if self._process:
            self._process.kill()

    def _receive(self, item: LogLine | Event) -> None:
        if isinstance(item, LogLine):
            self._handle_line(item)
        elif self._next is None:  # events of a run that is being ended are ignored
            self._handle_event(item)

    def _handle_line(self, line: LogLine) -> None:
        self.log.append(line)
        self._on_log(line)
        if line.service == "kernel" and line.text == "ready" and self._next is None:
            self.is_ready = True
            self._ready_run = self.starts
            self._handle_event({"event": "ready"})
            self._notify()

    def _handle_event(self, event: Event) -> None:
        event |= {"board": self.name, "start": self.starts, "at": round(self._clock.now(), 4)}
        if self._trace_file:
            self._trace_file.write(json.dumps(event) + "\n")
        match event["event"]:
            case "reset":
                self._begin(Start(event["cause"]))
            case "deepsleep":
                self._sleep(event["ms"])
            case "wake_source":
                self._wake_pins.add(event)
            case "hostname":
                self.announced = event["name"]
                self._on_announced()
            case "watchdog":
                self._watchdog.feed(event["timeout"] / 1000)
        self.trace.append(event)

    def _sleep(self, ms: int | None) -> None:
        until = "until it is reset" if ms is None else f"for {duration(ms / 1000)}"
        self._report("INFO", f"deep sleep {until}")
        self._begin(Start("deepsleep", None if ms is None else ms / 1000, "timer"))
        self._pressed.clear()

    def _bitten(self, seconds: float) -> None:
        self._begin(self._crashed(f"its watchdog was not fed for {seconds:g} s", bitten=True))
        self._pressed.clear()

    def _crashed(self, why: str, *, bitten: bool = False) -> Start:
        """Report the crash. After a pause, the next run begins as after a watchdog reset."""
        ran = self._clock.now() - self._started_at
        self.crashes.append(Crash(self.starts, why, ran, self._traceback(), bitten))
        wait = backoff(self.crashes)
        self._report("ERROR", f"crashed: {why}; starts again in {wait:g} s as by its watchdog")
        self._notify()
        return Start("watchdog", wait)

    def _traceback(self) -> tuple[str, ...]:
        return last_traceback(self.log.since(self._first_line))

    def _report(self, level: str, text: str) -> None:
        self._handle_line(LogLine(self.name, level, "sim", text))

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _raise_if_lost(self, start: int) -> int:
        """Return how often its watchdog has reset it since ``start``. Raises ``UserError``."""
        bites = watchdog_resets(self.name, self.crashes, start)
        if self._task is None or self._task.done():
            raise RuntimeError(f"board {self.name} is switched off")
        return bites
