"""From the wiring that the build generated (``cluster.py``) to services that run.

``run`` makes the services, sets their peers, starts them in order, and then the parts of the
runtime that the wiring names: the network, the listeners, the schedules. A part is a module with
``start(kernel)``; the kernel knows none of them, so what no service needs is not in the image.

A service that fails does not stop the others: its listener answers 503 with the reason, and so do
calls from its peers.

An overlay: nothing that lasts may be defined here. The one exception, ``Unavailable``, keeps the
module in the heap of a board on which a service has failed.
"""

import asyncio
import gc

from micropython import const

from . import log
from .service import Fault

_LATE_MS = const(5000)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .kernel import Kernel


async def run(kernel: "Kernel") -> None:
    """Make and start the services, then the parts of the runtime that this board needs."""
    load(kernel)
    await start(kernel)
    gc.collect()
    for part in kernel.cluster.parts():
        part.start(kernel)
    _forget(kernel.cluster)


class Unavailable:
    """Stands where a service would be that did not start."""

    def __init__(self, name: str, reason: str) -> None:
        self._fault = Fault(503, "%s did not start: %s" % (name, reason))

    def __getattr__(self, method: str):
        return self._refuse

    async def _refuse(self, *args, **kwargs):
        raise self._fault


def _fail(kernel: "Kernel", name: str, error: Exception) -> None:
    reason = "%s: %s" % (type(error).__name__, error)
    log.Log(name).exception(error, "failed to start: " + reason)
    kernel.failed[name] = reason
    kernel.services[name] = Unavailable(name, reason)


def load(kernel: "Kernel") -> None:
    """Make the services and set their peers. One that fails becomes ``Unavailable``."""
    for name in kernel.cluster.SERVICES:
        gc.collect()  # so that what lives for ever lies without holes
        try:
            kernel.services[name] = kernel.cluster.load(name)
        except Exception as e:
            _fail(kernel, name, e)
    kernel.cluster.wire(kernel.services)


async def start(kernel: "Kernel") -> None:
    """Start the services, in the order of the wiring. One that fails becomes ``Unavailable``."""
    starting = [""]
    watch = asyncio.create_task(_tell_late(starting))
    for name in kernel.cluster.SERVICES:
        if name not in kernel.failed:
            starting[0] = name
            try:
                await kernel.services[name].start()
            except Exception as e:
                _fail(kernel, name, e)
                kernel.cluster.wire(kernel.services)  # peers must not call into half a service
    watch.cancel()
    await asyncio.sleep_ms(0)  # it ends, or its frame would lie among what lives for ever


async def _tell_late(starting: list[str]) -> None:
    """Say of a start that it does not end: nothing else on the board would begin."""
    before = ""
    while True:
        name = starting[0]
        if name == before:
            log.Log(name).warning("its start has not ended yet")
        before = name
        await asyncio.sleep_ms(_LATE_MS)


def _forget(cluster) -> None:
    # What is called once: 1.7 kB in 64-bit MicroPython for the five services of the sample.
    for name in dir(cluster):
        if name in ("load", "wire", "parts", "ROUTES") or name.endswith("_routes"):
            delattr(cluster, name)
