"""Listeners for the services that have a port. ``start`` is what the kernel calls."""

from .. import log, supervise
from .budget import Budget
from .listener import Listener

_log = log.Log("http")


def start(kernel) -> None:
    """Open a listener for each port of the wiring; ``kernel.budget`` is what they share."""
    cluster = kernel.cluster
    budget = kernel.budget = Budget(cluster.CONNECTIONS, cluster.LINKS)
    for name, port in cluster.PORTS.items():
        failed = kernel.failed.get(name)
        routes = cluster.ROUTES.get(name)
        tree = routes(kernel.services[name]) if routes and not failed else {}
        tree.update(kernel.branches)
        listener = Listener(name, port, budget, tree, failed)
        try:
            listener.open()
            _log.info("%s listens on port %d", name, port)
        except OSError as e:
            _log.error("%s cannot listen on port %d: %s", name, port, e)
        kernel.listeners.append(listener)
        kernel.rejoined.append(listener.renew)
        supervise.spawn(log.Log(name), listener.run)
