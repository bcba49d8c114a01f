"""Lets the cluster's tools look into the databases of a board's services while they run."""

import os

from .. import clock, kernel
from ..service import Fault
from . import admin, forget, wear
from .database import Store

forget("admin")
forget("wear")


async def ask(do: str, service: str, **arguments):
    """What the function ``do`` of ``look`` says of the database of a service."""
    store = _store(service)
    told = await getattr(admin, do)(store, **arguments)
    if do == "state":
        blocks = os.statvfs("/")[2]
        told["failed"] = kernel.current.failed.get(service)
        told["wear"] = wear.report(store, clock.uptime_ms() // 1000, blocks)
    return told


def _store(service: str) -> Store:
    """The database of a service, also of one that did not start."""
    k = kernel.current
    if service not in k.cluster.SERVICES:
        raise Fault(404, "%s has no service %s" % (k.cluster.BOARD, service))
    if service not in k.failed:
        store = getattr(k.services[service], "store", None)
        if store:
            return store
    elif service in os.listdir("/data"):
        return Store(service)
    raise Fault(404, "%s keeps no data" % service)
