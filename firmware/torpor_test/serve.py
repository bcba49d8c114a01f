"""Runs tests one by one, on orders of the host.

An order is a line of JSON on the input. An answer is a line on the output that begins with a record
separator and the order's token; everything else on the output was printed by the tests. See
``runner.py`` on the host.
"""

import asyncio
import gc
import io
import json
import sys
import time

import _clock_steps  # of the simulator

from torpor import kernel

from . import Ended, Skipped, check, fixtures, reserve, world

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    core: Any
    builtins: Any
else:
    import builtins
    from asyncio import core


_ROOM = 96 * 1024  # bytes, free and mostly in one piece, for a service, Microdot, a file of tests


class Late(BaseException):
    """Thrown into a test to learn where it waits."""


def _hasten(hits, mark):
    """Put the list of marks into the service's modules, because a look-up is faster there."""
    for name, module in sys.modules.items():
        if name.startswith("services.") and ".tests" not in name:
            setattr(module, "_tc", hits)
            setattr(module, "_tk", mark)


class Test:
    """The current test, as the fixtures see it."""

    def __init__(self, cluster: "Any") -> None:
        self.cluster = cluster
        self.service = None
        self._finalizers = []

    def finally_(self, function: "Any") -> None:
        """Call ``function`` when the test is over, the newest first."""
        self._finalizers.append(function)

    async def finish(self) -> None:
        """Run the finalizers of all fixtures, then raise the first error, if there was one."""
        error = None
        while self._finalizers:
            try:
                result = self._finalizers.pop()()
                if hasattr(result, "send"):
                    await result
            except Exception as e:
                error = error or e
        if error:
            raise error


_token = ""


def _send(**answer) -> None:
    sys.stdout.write("\x1e" + _token + json.dumps(answer) + "\n")


def _trace(error) -> str:
    buffer = io.StringIO()
    sys.print_exception(error, buffer)
    return buffer.getvalue()


_hits = bytearray(0)  # a 1 for each mark that was passed


def _count(marks: int):
    """Make the marks of an instrumented service (see ``link/probes.py`` on the host)."""
    global _hits
    hits = _hits = bytearray(marks)

    def mark(number):
        hits[number] = 1

    builtins._tc = hits
    builtins._tk = mark
    return hits, mark


def run(service: str, root: str = "") -> None:
    """Serve orders for tests of ``service`` until the input ends; ``root`` is their folder."""
    global _token
    sys.path.insert(0, "")
    if root:  # on a board
        reserve.keep()
    fixtures.data = root + "/data"
    server = _begin(root + "/t/" + service)
    _send(ready=True)
    while True:
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            continue  # it was meant for a test that has ended in the meantime
        if not line:
            return
        if line.strip():
            order = json.loads(line)
            _token = order.get("token", "")
            if "end" in order:
                return
            if "next" in order:
                server = _begin(root + "/t/" + order["next"])
                _send(ready=True, low=gc.mem_free() < _ROOM)  # the host starts a new one if so
            else:
                server.obey(order)


def _begin(folder: str):
    """Begin with a test file whose ``cluster.py`` is in ``folder``: no service is loaded yet."""
    sys.path[0] = folder
    kernel.current = None  # type: ignore[assignment]
    libraries = getattr(sys.modules.get("cluster"), "LIBRARIES", ())
    for name in list(sys.modules):
        if name.split(".")[0] in ("cluster", "services", "lib") or name.split(".")[0] in libraries:
            del sys.modules[name]
    gc.collect()
    return _Server()


class _Server:
    def __init__(self) -> None:
        self._module: Any = None
        self._cluster: Any = None

    def obey(self, order) -> None:
        if "load" in order:
            self._load(order["load"], order["marks"])
        elif "test" in order:
            self._test(order)
        else:
            _send(marks=[n for n in range(len(_hits)) if _hits[n]])

    def _load(self, name, marks) -> None:
        """Import the test file; with ``marks`` its service is counted."""
        try:
            made = _count(marks) if marks else None
            self._cluster = __import__("cluster")
            fixtures.move_data()
            self._module = __import__(name)
            for part in name.split(".")[1:]:
                self._module = getattr(self._module, part)
            if made:
                for service in self._cluster.SERVICES:  # the tests of lib/ have none
                    __import__("services." + service)
                _hasten(*made)
        except BaseException as e:
            _send(outcome="failed", kind=type(e).__name__, text=str(e), trace=_trace(e))
        else:
            gc.collect()
            _send(outcome="passed", free=gc.mem_free())

    def _test(self, order) -> None:
        world.reset()
        fixtures.forget_data()
        check.forget()
        fixtures.make_room()
        began = time.ticks_ms()
        answer = self._outcome(order)
        answer["ms"] = time.ticks_diff(time.ticks_ms(), began)
        gc.collect()
        _send(**answer)

    def _outcome(self, order):
        from torpor import strict

        strict.found.clear()
        asyncio.new_event_loop()
        _notice_idleness()
        died = []
        core.Loop.set_exception_handler(lambda loop, context: died.append(context["exception"]))
        test = Test(self._cluster)
        task = core.create_task(self._body(order, test))
        error = None
        try:
            error = core.run_until_complete(task)
        except BaseException as e:  # such as the interrupt of a test that takes too long
            error = e
        late = isinstance(error, KeyboardInterrupt)
        if not task.done() and not _is_inside(error):
            error = _where(task)
        elif isinstance(error, Idle):
            error = None
        if died and error is None:
            return _failed(died[0], "a background task died")
        if strict.found and (error is None or not isinstance(error, strict.StrictError)):
            return _failed(strict.found[0], "")
        if late:
            return {"outcome": "late", "trace": _trace(error), "kind": "", "text": ""}
        if isinstance(error, Late):
            return {"outcome": "stuck", "trace": _trace(error), "kind": "", "text": ""}
        if error is None:
            return {"outcome": "passed"}
        if isinstance(error, Skipped):
            return {"outcome": "skipped", "text": str(error), "trace": _trace(error)}
        return _failed(error, "")

    async def _body(self, order, test):
        """Make the fixtures, call the test, undo the fixtures. Returns the error or None."""
        error = None
        try:
            values = eval(order["args"])
            for name, function, kind, needs in order["fixtures"]:
                if function is None:
                    values[name] = fixtures.BUILT_IN[name](test)
                else:
                    made = getattr(self._module, function)(*[values[n] for n in needs])
                    values[name] = await _made(made, kind, test)
            function = self._module
            for part in order["test"].split("."):
                function = getattr(function, part)
                if isinstance(function, type):
                    function = function()
            result = function(*[values[n] for n in order["names"]])
            if hasattr(result, "send"):
                await result
        except (Exception, Ended, Skipped) as e:
            error = e
        try:
            await test.finish()
        except Exception as e:
            error = error or e
        return error


class Idle(Exception):
    """Raised when no task can run any more."""


def _notice_idleness() -> None:
    """Make the event loop raise ``Idle`` instead of waiting forever."""
    queue = core._io_queue
    wait = queue.wait_io_event

    def idle(dt):
        # In this case a newer asyncio waits in small steps, an older one forever or not at all.
        if dt and not queue.map and not core._task_queue.peek():
            return _interrupted()
        return wait(dt)

    queue.wait_io_event = idle


def _interrupted() -> None:
    """Wait until an interrupt has made a task ready. Raise ``Idle`` if none can come."""
    interrupts = _clock_steps.steps.get("irq")
    while not core._task_queue.peek():
        if interrupts is None or interrupts._left() is None:
            raise Idle
        time.sleep_ms(1)


def _is_inside(error) -> bool:
    """Return whether the traceback of ``error`` already shows a line of the test."""
    return error is not None and "/tests/test_" in _trace(error)


def _where(task):
    """Return an exception whose traceback shows where a task waits."""
    late = Late()
    try:
        task.coro.throw(late)
    except BaseException as e:
        return e
    return late


async def _made(made, kind, test):
    """Return the value of a fixture of the test's file."""
    if kind == "async":
        return await made
    if kind == "yields":
        value = next(made)
        test.finally_(lambda: next(made, None))
        return value
    if kind == "async yields":
        value = await _Step(made)
        test.finally_(lambda: _Step(made))
        return value
    return made


class _Step:
    """Awaits an ``async def`` with ``yield`` up to its next value: its awaits yield None."""

    def __init__(self, generator) -> None:
        self._generator = generator

    def __iter__(self):
        return self

    __await__ = __iter__

    def __next__(self):
        return self.send(None)

    def send(self, value):
        result = self._generator.send(value)  # raises StopIteration at the end
        if result is None:
            return None
        raise StopIteration(result)


def _failed(error, note):
    answer = {
        "outcome": "failed",
        "kind": type(error).__name__,
        "text": str(error),
        "trace": _trace(error),
        "note": note,
    }
    detail = getattr(error, "detail", None)
    if detail:
        answer["detail"] = detail
    cause = getattr(error, "cause", None)  # of a Fault that a peer's bug became
    if cause:
        answer["cause"] = _trace(cause)
    return answer
