"""Services that start when a client connects to their port, and are unloaded when unused.

``start = "on-request"`` in ``cluster.toml``. On a chip, code lives in the heap: a page that is used
once a day, and the framework that serves it, need not stay there. The port is always open. While
the service is unloaded, it needs only the port and its ``Activation``.

The build ensures that unloading loses nothing: such a service has no callers, no store and state,
no schedules and no tasks. Its values in memory are lost when it is unloaded.
"""

import asyncio

from micropython import const

from .. import clock, heap, log, loop
from ..cold import cold, forget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel import Kernel
    from .listener import Listener


_REST_MS = const(60000)  # time without a client after which the service is unloaded
_LOOK_MS = const(30000)
_TURN_MS = const(10)

_ASLEEP = const(0)
_STARTING = const(1)
_RUNS = const(2)

_log = log.Log("http")


def start(kernel: "Kernel") -> None:
    """Make the listeners of such services start them."""
    for listener in kernel.listeners:
        modules = kernel.cluster.ON_REQUEST.get(listener.name)
        if modules and listener.name not in kernel.safe:
            listener.activation = Activation(kernel, listener, modules)


class Activation:
    """Loads and unloads the service of a listener.

    ``modules``: the names of the modules that only this service uses; the wiring's is the first.
    """

    _state = _ASLEEP
    _clients = 0
    _used = 0  # when the last client came or went

    def __init__(self, kernel: "Kernel", listener: "Listener", modules: str) -> None:
        self._kernel = kernel
        self._listener = listener
        self._modules = modules
        self._asleep = listener.routes

    async def enter(self) -> None:
        """Count a client and return when the service runs, or has failed to start.

        The listener's ``failed`` then says why, and the next client makes it try again. ``leave``
        must follow.
        """
        self._clients += 1
        self._used = clock.ticks()
        if self._state == _ASLEEP:
            try:
                await _wake(self)
            except MemoryError:  # its code cannot be loaded
                self._listener.failed = "out of memory"
        while self._state == _STARTING:
            await asyncio.sleep_ms(_TURN_MS)

    def leave(self) -> None:
        """Count a client that has gone."""
        self._clients -= 1
        self._used = clock.ticks()

    def _load(self):  # what the simulator weighs
        wiring = __import__(self._modules.split(" ", 1)[0])
        return wiring, wiring.load(self._kernel.services)

    async def _rest(self) -> None:
        """Unload the service when all clients have gone and none has come for a while."""
        while self._clients or clock.since(self._used) < _REST_MS:
            await loop.pause(_LOOK_MS)
        _give_back(self)
        _log.info("%s unloaded", self._listener.name)


@cold
async def _wake(activation: Activation) -> None:
    activation._state = _STARTING
    listener = activation._listener
    try:
        listener.routes = await _start(activation)
        listener.failed = None
        loop.spawn(_log, activation._rest)
        _log.info("%s started for a client", listener.name)
        activation._state = _RUNS
    except Exception as e:
        listener.failed = "%s: %s" % (type(e).__name__, e)
        log.Log(listener.name).exception(e, "failed to start: " + listener.failed)
    finally:
        if activation._state == _STARTING:
            _give_back(activation)


async def _start(activation: Activation) -> dict:
    """Load and start the service, and return its routes."""
    heap.collect()  # so that its memory is contiguous
    wiring, service = activation._load()
    await service.start()
    routes = wiring.routes(service)
    routes.update(activation._asleep)
    return routes


@cold
def _give_back(activation: Activation) -> None:
    activation._state = _ASLEEP
    activation._listener.routes = activation._asleep
    shared = []
    for listener in activation._kernel.listeners:
        other = listener.activation
        if other and other._state:
            shared += other._modules.split(" ")
    for name in activation._modules.split(" "):
        if name not in shared:
            forget(name)
    heap.collect()
