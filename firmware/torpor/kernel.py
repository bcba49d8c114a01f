"""Wiring, start, supervision: what makes services out of an image.

``run`` reads the wiring that the build generated (``cluster.py``), makes the services, sets their
peers, starts them in order and opens their listeners. A service that fails does not stop the
others: its listener answers 503 with the reason, and so do calls from its peers.
"""

import asyncio
import sys

from . import heap, log, supervise
from .service import Fault

_log = log.Log("kernel")


class Unavailable:
    """Stands where a service would be that did not start."""

    def __init__(self, name: str, reason: str) -> None:
        self._fault = Fault(503, "%s did not start: %s" % (name, reason))

    def __getattr__(self, method: str):
        return self._refuse

    async def _refuse(self, *args, **kwargs):
        raise self._fault


class Kernel:
    """The running services of a board."""

    def __init__(self, cluster) -> None:
        self.cluster = cluster
        self.services = {}
        self.failed = {}  # service name -> reason
        self.budget = None

    async def run(self) -> None:
        """Start everything and keep it running."""
        asyncio.get_event_loop().set_exception_handler(_unhandled)
        self._load()
        await self._start()
        await self._network()
        self._listen()
        self._schedule()
        heap.settle()
        _log.info("ready")
        await heap.keep()

    def _fail(self, name: str, error: Exception) -> None:
        reason = "%s: %s" % (type(error).__name__, error)
        log.Log(name).exception(error, "failed to start: " + reason)
        self.failed[name] = reason
        self.services[name] = Unavailable(name, reason)

    def _load(self) -> None:
        for name in self.cluster.SERVICES:
            try:
                self.services[name] = self.cluster.load(name)
            except Exception as e:
                self._fail(name, e)
        self.cluster.wire(self.services)

    async def _start(self) -> None:
        for name in self.cluster.SERVICES:
            if name not in self.failed:
                try:
                    await self.services[name].start()
                except Exception as e:
                    self._fail(name, e)
                    self.cluster.wire(self.services)  # peers must not call into half a service

    async def _network(self) -> None:
        from . import net

        net.begin()
        supervise.spawn(log.Log("net"), net.keep)

    def _listen(self) -> None:
        if not self.cluster.PORTS:
            return
        from .http.budget import Budget
        from .http.listener import Listener

        self.budget = Budget(self.cluster.CONNECTIONS)
        for name, port in self.cluster.PORTS.items():
            service = self.services[name]
            failed = self.failed.get(name)
            app = None if failed else getattr(service, "app", None)
            if app:
                app.service = service
            routes = self.cluster.ROUTES.get(name)
            listener = Listener(
                name,
                port,
                self.budget,
                routes(service) if routes and not failed else {},
                app,
                failed,
            )
            try:
                listener.open()
                _log.info("%s listens on port %d", name, port)
            except OSError as e:
                _log.error("%s cannot listen on port %d: %s", name, port, e)
            supervise.spawn(log.Log(name), listener.run)

    def _schedule(self) -> None:
        if not self.cluster.SCHEDULE:
            return
        from . import schedule

        for name, method, period in self.cluster.SCHEDULE:
            if name not in self.failed:
                service = self.services[name]
                asyncio.create_task(schedule.every(service.log, getattr(service, method), period))


def _unhandled(loop, context) -> None:
    _log.exception(context["exception"], "a task died")


def run() -> None:
    """Run the image's cluster until the chip is reset."""
    import cluster

    global current
    current = Kernel(cluster)
    try:
        asyncio.run(current.run())
    except Exception as e:
        _log.exception(e, "the kernel died")
        raise
    finally:
        sys.stdout.write("")


current = None
"""The kernel that runs, or None."""
