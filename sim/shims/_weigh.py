"""Run in place of ``main.py`` and report how much heap each part of the image takes.

A module's own share is what the heap has grown by while it was imported, less what its imports
took. A service also has what its object and its ``start`` took, and a part of the runtime what its
``start`` took. Services that start on request are started when the board is ready.
"""

import asyncio
import builtins
import gc
import sys

import _sim
import micropython

_NAMES = 2600  # the table grows at 2,540 names, and then at 5,100; the sample has about 1,500

_import = builtins.__import__
_inner = [0]  # for each measurement under way: what the measurements inside it have counted
_found = {}  # name of a module or a service -> bytes


def _collect():
    """Collect, between two measurements also what was loaded for one call."""
    cold = sys.modules.get("torpor.cold")
    if cold and len(_inner) == 1:
        cold.clear()
    gc.collect()


def _begin():
    _collect()
    _inner.append(0)
    return gc.mem_alloc()


def _end(name, before):
    inner = _inner.pop()
    _collect()
    grown = gc.mem_alloc() - before
    own = grown - inner
    _inner[-1] += grown
    _found[name] = _found.get(name, 0) + max(0, own)


def _load(name):
    """Import one module, and measure it; its packages have been imported."""
    if name in sys.modules or name in _found:
        return
    before = _begin()
    try:
        _import(name, None, None, (), 0)
    except ImportError:
        _inner.pop()
        raise
    _end(name, before)


def _weigh(name, globals=None, locals=None, fromlist=None, level=0):
    """Stands in for ``__import__``: imports module by module."""
    full = name
    if level:
        base = globals["__name__"] if globals else ""
        for _ in range(level - (1 if globals and "__path__" in globals else 0)):
            base = base.rpartition(".")[0]
        full = base + "." + name if name else base
    parts = full.split(".")
    try:
        for i in range(len(parts)):
            _load(".".join(parts[: i + 1]))
        for each in fromlist if isinstance(fromlist, tuple) else ():
            if not hasattr(sys.modules.get(full), each):
                _load(full + "." + each)
    except ImportError:
        pass  # a name in a module, or the import itself will fail
    return _import(name, globals, locals, fromlist, level)


class _Part:
    """A part of the runtime whose ``start`` is measured."""

    def __init__(self, part):
        self._part = part
        self.start = self._start  # the kernel deletes it

    def _start(self, kernel):
        before = _begin()
        self._part.start(kernel)
        del self._part.start
        _end(self._part.__name__, before)


def _watch_start(name, service):
    start = service.start

    async def started():
        before = _begin()
        await start()
        _end(name, before)

    service.start = started


async def _start_on_request(listeners):
    """Start them; return why some could not."""
    from torpor.http.on_request import Activation

    load = Activation._load

    def loaded(self):
        name = self._listener.name
        before = _begin()
        wiring, service = load(self)
        _end(name, before)
        _watch_start(name, service)
        return wiring, service

    Activation._load = loaded  # type: ignore[method-assign]
    for listener in listeners:
        if listener.activation:
            await listener.activation.enter()
    return {each.name: each.failed for each in listeners if each.activation and each.failed}


def _watch(cluster):
    """Have the wiring's functions measured."""
    load, parts = cluster.load, cluster.parts

    def made(name):
        before = _begin()
        service = load(name)
        _end(name, before)
        _watch_start(name, service)
        return service

    cluster.load = made
    cluster.parts = lambda: [_Part(part) for part in parts()]


async def _main(kernel):
    await kernel.start()
    _collect()
    from torpor import heap as policy

    used, free = gc.mem_alloc(), policy.mem_free()
    heap = _stays()
    _found.clear()
    failed = {}
    if hasattr(kernel.cluster, "ON_REQUEST"):
        failed = await _start_on_request(kernel.listeners)
    micropython.qstr_info()  # prints how many names there are
    _sim.end("weighed", heap=heap, on_request=_stays(), failed=failed, used=used, free=free)


def _stays():
    """Heap that a start needs and releases again is not counted."""
    return {name: _found[name] for name in _found if "." not in name or name in sys.modules}


def _make_room_for_names():
    """Let the table of names grow now, or the part that fills it would be blamed for that."""
    for i in range(_NAMES):
        hasattr(gc, "~~%d" % i)  # makes a name of the text


def run():
    _make_room_for_names()
    micropython.qstr_info()
    builtins.__import__ = _weigh
    import cluster

    from torpor import kernel

    _watch(cluster)
    kernel.current = kernel.Kernel(cluster)
    asyncio.run(_main(kernel.current))
