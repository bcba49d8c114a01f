"""Counts the calls from service to service and weighs the services, for ``torpor sim --record``.

The image is the same with and without: each peer is replaced by one that counts, when the wiring
has set it. ``/.sim/facts.json`` says in ``links`` which there are: service, attribute, peer.
"""

import asyncio
import gc

import _sim

_TELL_MS = 200  # calls of this time are told together

gc.collect()
_own = gc.mem_alloc()  # what is there without the program: the overlays
_heap: dict = {}  # service -> bytes
_counts: dict = {}  # (service, peer, method) -> calls that are not told yet


class _Counted:
    """A peer whose methods count; each is made when it is first called."""

    def __init__(self, peer, service, name):
        self._peer = peer
        self._key = (service, name)

    def __getattr__(self, method):
        function = getattr(self._peer, method)
        key = self._key + (method,)

        def counted(*args, **kwargs):
            _count(key)
            return function(*args, **kwargs)

        setattr(self, method, counted)
        return counted


def _count(key):
    if not _counts:
        asyncio.create_task(_tell_soon())
    _counts[key] = _counts.get(key, 0) + 1


async def _tell_soon():
    await asyncio.sleep_ms(_TELL_MS)
    _tell()


def _tell():
    if _counts:
        _sim.trace("calls", counts=[list(key) + [count] for key, count in _counts.items()])
        _counts.clear()


async def _tell_heap():
    await asyncio.sleep_ms(_TELL_MS)
    gc.collect()
    base = gc.mem_alloc() - _own - sum(_heap.values())
    _sim.trace("heap", services=_heap, base=base)


def _weighed(service, before):
    gc.collect()
    _heap[service] = _heap.get(service, 0) + gc.mem_alloc() - before


def watch():
    """Take the place of the wiring's functions. Before ``main.py``."""
    import cluster

    load, wire, parts = cluster.load, cluster.wire, cluster.parts

    def weighing(name):
        before = gc.mem_alloc()
        service = load(name)
        _weighed(name, before)
        start = service.start

        async def started():
            gc.collect()
            before = gc.mem_alloc()
            await start()
            _weighed(name, before)

        service.start = started
        return service

    def counting(services):
        wire(services)
        for service, attribute, peer in _sim.facts["links"]:
            counted = _Counted(getattr(services[service], attribute), service, peer)
            setattr(services[service], attribute, counted)

    def telling():
        asyncio.create_task(_tell_heap())  # when what follows here has started
        return parts()

    cluster.load, cluster.wire, cluster.parts = weighing, counting, telling
    _sim.endings.append(_tell)
