"""The kernel of a board: ``run`` starts the wiring that the build generated (``cluster.py``).

It creates the services, sets their peers, and starts them in order. Then it starts the parts of the
runtime that the wiring names: the network, the listeners, the schedules. A part is a module with
``start(kernel)``. The kernel names none of them, so the image contains only the parts in use.

A service that fails does not stop the others: its listener answers 503 with the reason, and calls
from its peers get the same ``Fault``.
"""

import asyncio
import gc
import sys

from micropython import const

from . import Fault, heap, log, loop
from .cold import clear, cold, startup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .http.budget import Budget
    from .power.pins import Pins
    from .schedule import Schedule

_SPARE_NAMES = const(0)  # created at the start: see host_tools/torpor_tools/link/names.py
_LATE_MS = const(5000)
_OUTPUTS = const(0)  # 1 in an image with safe outputs: see link/flags.py
_LOAD_MS = const(8000)  # how long a service may take to load, if the board has a watchdog
_START_MS = const(30000)  # how long the start of a service may take

_log = log.Log("kernel")


class Kernel:
    """The running services of a board."""

    starting = ""  # the service that is being started

    def __init__(self, cluster: "Any") -> None:
        self.cluster = cluster
        self.services = {}
        self.failed = {}  # service name -> reason
        self.safe = {}  # in safe mode: the services that crashed the board, and why
        self.savers = []  # what save calls: functions without arguments
        self.budget: Budget | None = None
        self.branches: dict = {}  # routes that every listener serves besides its own
        self.tools: dict = {}  # for calls of the cluster's tools: name -> async function
        self.listeners = []
        self.rejoined = []  # functions to call when the network is back
        self.schedule: Schedule | None = None
        self.pins: Pins | None = None

    async def run(self) -> None:
        """Start everything and keep it running."""
        _look_back(self)
        await self.start()
        while True:
            await loop.pause(1 << 28)  # a timer would keep the board from sleeping

    async def start(self) -> None:
        """Create and start the services, then the parts of the runtime that this board needs."""
        asyncio.get_event_loop().set_exception_handler(_unhandled)
        await _start(self)
        heap.settle()
        del heap.settle  # it runs once
        _log.info("ready")

    def save(self) -> None:
        """Flush all pending writes: call this before a sleep or a planned reset."""
        for work in self.savers:
            work()


@startup
def _look_back(kernel: "Kernel") -> None:
    from . import crashes

    crashes.begin(kernel)


@startup
async def _start(kernel: "Kernel") -> None:
    from . import port, watchdog

    room = _room_for_names()
    if kernel.cluster.WATCHDOG:
        port.arm(_LOAD_MS)
    _load_services(kernel)
    watchdog.begin(kernel)
    del watchdog.begin, loop.observe  # they run once
    await _start_services(kernel)
    room = None  # noqa: F841  for the table
    _collect()
    for i in range(_SPARE_NAMES):
        hasattr(kernel, "~%d" % i)  # turns the text into a name
    if _OUTPUTS:
        kernel.savers.insert(0, make_all_safe)
    for part in kernel.cluster.parts():
        port.feed()
        part.start(kernel)
        del part.start  # it runs once
        _collect()  # frees the code that only the start needs before more is loaded
    _release_wiring(kernel.cluster)


def _room_for_names():
    """Return a block as large as the table of names may become, or None.

    MicroPython doubles the table when it is full, in one block (``py/qstr.c``): 1,280 names take
    8 kB, or 14 kB in a 64-bit build. Later, there may be no free block of that size, and creating
    a name would fail. So the kernel holds the block while services are loaded. If the table would
    grow later, the build makes the kernel create names at the start until the table grows.
    """
    try:
        return bytearray(15360 if sys.maxsize >> 32 else 7936)
    except MemoryError:
        return None


def _load_services(kernel: "Kernel") -> None:
    """Create the services and set their peers. One that fails becomes ``Unavailable``."""
    from . import port

    for name in kernel.cluster.SERVICES:
        _collect()  # so that long-lived objects leave no holes between them
        port.feed()
        port.crumb(log.crumb_of(4, name, "load"))
        if name in kernel.safe:
            _refuse(kernel, name, kernel.safe[name])
            continue
        try:
            kernel.services[name] = kernel.cluster.load(name)
        except Exception as e:
            _fail(kernel, name, e)
    kernel.cluster.wire(kernel.services)


async def _start_services(kernel: "Kernel") -> None:
    """Start the services in order. One that fails becomes ``Unavailable``."""
    from . import port

    watch = asyncio.create_task(_report_late(kernel, asyncio.current_task()))
    for name in kernel.cluster.SERVICES:
        if name not in kernel.failed:
            kernel.starting = name
            port.crumb(log.crumb_of(4, name, "start"))
            try:
                await kernel.services[name].start()
                await asyncio.sleep_ms(0)  # so that the watchdog can still report its name
                continue
            except asyncio.CancelledError:
                error: Exception = asyncio.TimeoutError("not done within %d ms" % _START_MS)
            except Exception as e:
                error = e
            _fail(kernel, name, error)
            kernel.cluster.wire(kernel.services)  # peers must not call a half-started service
    kernel.starting = ""
    watch.cancel()
    await asyncio.sleep_ms(0)  # lets the task end, so that its frame leaves no hole in the heap


def _collect() -> None:
    clear()
    gc.collect()


def _fail(kernel: "Kernel", name: str, error: Exception) -> None:
    reason = "%s: %s" % (type(error).__name__, error)
    log.Log(name).exception(error, "failed to start: " + reason, "failed start")
    _refuse(kernel, name, reason)


def _refuse(kernel: "Kernel", name: str, reason: str) -> None:
    kernel.failed[name] = reason
    kernel.services[name] = Unavailable(name, reason)
    if _OUTPUTS:
        _make_safe(kernel, name)


def make_all_safe() -> None:
    """Give all outputs their safe values, before a planned reset, a deep sleep and an update."""
    for service in current.services:
        _make_safe(current, service)


def _make_safe(kernel: "Kernel", service: str) -> None:
    """Give the outputs of a service their safe values: ``self.output(pin, safe=0)``.

    ``boot.py`` and ``main.py`` do so too, before the runtime is loaded and after it has ended.
    """
    from machine import Pin

    for pin, value in kernel.cluster.OUTPUTS.get(service, ()):
        Pin(pin, Pin.OUT, value=value)


@cold
class Unavailable:
    """Stands in for a service that did not start: every call ends in a ``Fault`` 503."""

    def __init__(self, name: str, reason: str) -> None:
        self._fault = Fault(503, "%s did not start: %s" % (name, reason))

    def __getattr__(self, method: str):
        return self._refuse

    async def _refuse(self, *args, **kwargs):
        raise self._fault


async def _report_late(kernel: "Kernel", starter) -> None:
    """Log that a start takes long, and cancel it later, because the other services wait."""
    before = ""
    late_ms = 0
    while True:
        name = kernel.starting
        late_ms = late_ms + _LATE_MS if name == before else 0
        if late_ms:
            log.Log(name).warning("its start has not ended yet")
        if late_ms >= _START_MS:
            starter.cancel()
        before = name
        await asyncio.sleep_ms(_LATE_MS)


def _release_wiring(cluster) -> None:
    """Release the code that runs once: 1.7 kB in 64-bit MicroPython for the sample's services."""
    for routes in cluster.ROUTES.values():
        delattr(cluster, routes.__name__)
    for name in ("load", "wire", "parts", "ROUTES", "PORTS"):
        delattr(cluster, name)


def _unhandled(loop, context) -> None:
    _log.exception(context["exception"], "a task died")
    # asyncio keeps this dict, which would keep the task's locals until the next task dies.
    context["exception"] = context["future"] = None


def run() -> None:
    """Run the image's cluster until the chip is reset."""
    global current
    try:
        import cluster  # generated by the build

        current = Kernel(cluster)
        asyncio.run(current.run())
    except KeyboardInterrupt:  # somebody wants the prompt, which a production image lacks
        from . import port

        port.pause(True)
        raise
    except BaseException as e:  # also SystemExit, which the loop lets pass
        _log.exception(e, "the kernel died", "kernel died")
        raise


current: Kernel = None  # type: ignore[assignment]
"""The kernel that runs."""
