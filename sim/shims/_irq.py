"""Interrupts of pins and timers: a thread watches them while the program runs.

A soft handler runs when the program lets it, as on a chip. A hard one runs at once, in the middle
of whatever the program does, and cannot allocate memory.
"""

import sys

import _clock_steps
import _sim
import micropython
from _pin import Pin, _devices, level
from _sim import facts, time

_ESP32 = facts["port"] == "esp32"
_LOOK_MS = 1
_MOST_MS = 5  # that asyncio waits before it checks whether a handler has run
_OPTIONS = ("wake",) if _ESP32 else ("hard",)
_pins: dict = {}  # pin -> its Irq
timers: list = []  # what is counting: each has ``due`` in _sim.ticks and ``_fire()``
_calls = 0  # of handlers
_running = False


class Irq:
    """The object that ``Pin.irq`` returns."""

    def __init__(self, pin):
        self._pin = pin
        self._handler = None
        self._trigger = 0
        self._hard = False
        self._flags = 0
        self._last = level(pin._id)

    def __call__(self):
        if self._handler:
            self._handler(self._pin)

    def flags(self):
        return self._flags

    def trigger(self, trigger=None):
        old = self._trigger
        if trigger is not None:
            self._trigger = trigger
        return old

    def look(self):
        """Call the handler if the level has changed as it requires."""
        now = level(self._pin._id)
        # In one step: a test and the thread may look at the same time.
        last, self._last = self._last, now
        if now != last:
            flag = Pin.IRQ_RISING if now else Pin.IRQ_FALLING
            if self._handler and self._trigger & flag:
                self._flags = flag
                call(self._handler, self._pin, self._hard)


def of(pin, handler=None, trigger=Pin.IRQ_FALLING | Pin.IRQ_RISING, **options):
    """``Pin.irq``. Raises as the port does."""
    for option in options:
        if option not in _OPTIONS:
            raise TypeError("extra keyword arguments given")
    irq = _pins.get(pin._id)
    if irq is None:
        irq = Irq(pin)
    irq._last = level(pin._id)
    irq._handler = handler
    irq._trigger = trigger
    irq._hard = bool(options.get("hard"))
    _pins[pin._id] = irq
    start()
    return irq


def changed(pin):
    """Check a pin at once: a test has set its level."""
    irq = _pins.get(str(pin))
    if irq:
        irq.look()


def call(handler, argument, hard=False):
    """Run a handler, as an interrupt of that kind does."""
    global _calls
    if hard:
        _calls += 1
        micropython.heap_lock()
        try:
            handler(argument)
        except Exception as e:
            print("Uncaught exception in IRQ callback handler")
            sys.print_exception(e)  # type: ignore[attr-defined]
        finally:
            micropython.heap_unlock()
        return
    try:
        micropython.schedule(_soft, (handler, argument))
    except RuntimeError:
        pass  # the queue is full: a chip loses it too


def _soft(call):
    global _calls
    _calls += 1
    call[0](call[1])


def start():
    """Begin to watch. On a chip, where tests run too, a test reports changes of a level."""
    global _running
    if _running or sys.platform != "linux":
        return
    _running = True
    _clock_steps.steps["irq"] = sys.modules[__name__]
    _wake_asyncio()
    import _thread

    _thread.start_new_thread(_watch, ())


def _watch():
    while True:
        time.sleep_ms(_LOOK_MS)
        if _state or _clock_steps.stepped:
            continue
        try:
            _look()
        except MemoryError:
            pass  # the program needs the memory now: try again at the next check


def _look():
    """Fire the timers that are due, and check the pins."""
    now = _sim.ticks()
    for timer in timers[:]:
        if time.ticks_diff(now, timer.due) >= 0:
            timer._fire()
    for irq in list(_pins.values()):
        irq.look()


def _left():
    """The ms until a timer fires or a device may change a pin by itself; None: none will."""
    least = None
    now = _sim.ticks()
    for timer in timers:
        ms = max(0, time.ticks_diff(timer.due, now))
        least = ms if least is None else min(ms, least)
    for pin in _pins:
        for device in (_devices or {}).get(pin, ()):
            ms = device.due()
            if ms is not None:
                least = ms if least is None else min(ms, least)
    return least


def shift(ms):
    """Move the timers: from here on ``_sim.ticks`` is another clock, ``ms`` ahead."""
    for timer in timers:
        timer.due = time.ticks_add(timer.due, ms)
        timer._since = time.ticks_add(timer._since, ms)


def _wake_asyncio():
    """Have the loop look for tasks that a handler has made ready, while it waits."""
    from asyncio import core

    wait = core.IOQueue.wait_io_event

    def wait_io_event(self, dt):
        calls = _calls
        end = time.ticks_add(time.ticks_ms(), dt)
        while True:
            slice = _MOST_MS if dt < 0 else min(_MOST_MS, time.ticks_diff(end, time.ticks_ms()))
            wait(self, max(0, slice))
            if _is_due(core) or (calls != _calls and dt > 0):  # without end, it needs a task
                return
            if dt >= 0 and time.ticks_diff(end, time.ticks_ms()) <= 0:
                return

    core.IOQueue.wait_io_event = wait_io_event  # type: ignore[method-assign]


def _is_due(core):
    """Whether a task of the loop can run."""
    try:
        task = core._task_queue.peek()
    except IndexError:
        return False
    return task and core.ticks_diff(task.ph_key, core.ticks()) <= 0


_state = False  # whether interrupts are off


def disable_irq():
    """``machine.disable_irq``: no handler runs until ``enable_irq``."""
    global _state
    old, _state = _state, True
    return old


def enable_irq(state):
    global _state
    _state = bool(state)
