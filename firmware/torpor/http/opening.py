"""Opens the listeners of the services that have a port."""

import asyncio
import socket

from .. import log
from ..cold import cold
from .budget import Budget
from .listener import Listener

_log = log.Log("http")


@cold
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
        asyncio.create_task(listener.run())


@cold
def listen(port: int) -> socket.socket:
    """A socket that listens on the port. Raises ``OSError``."""
    address = socket.getaddrinfo("0.0.0.0", port)[0][-1]
    sock = socket.socket()
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(4)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
