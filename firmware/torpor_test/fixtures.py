"""The fixtures that every test may request, in addition to those of its own file."""

import asyncio
import gc
import os
import sys

from torpor import cold, kernel

from . import reserve
from .arguments import NUMBER, expect, refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_VALUES = (bool, int, float, str, bytes, bytearray, list, tuple, dict, set)
_SETTING = "text, a number, True, False, or a list or dict of them, as in cluster.toml"


class Absent:
    """A peer for which the test gave no stand-in: each call raises ``AssertionError``."""

    def __init__(self, peer: str, attribute: str) -> None:
        self._text = "no stand-in for %s was given: start(%s=...)" % (peer, attribute)

    def __getattr__(self, method: str):
        raise AssertionError(self._text)


class Canned:
    """A stand-in from a dict: method -> a result, an exception, or an async function."""

    def __init__(self, peer: str, answers: dict) -> None:
        self._peer = peer
        self._answers = answers

    def __getattr__(self, method: str):
        if method not in self._answers:
            raise AssertionError(
                "the stand-in for %s has no answer for %s()" % (self._peer, method)
            )
        answer = self._answers[method]
        if callable(answer):
            return _computed(self._peer, method, answer)

        async def canned(*args, **kwargs):
            if isinstance(answer, Exception):
                raise answer
            return answer

        return canned


class Object:
    """A stand-in from an object of the test: its methods, which must be ``async``."""

    def __init__(self, peer: str, stand_in: "Any") -> None:
        self._peer = peer
        self._stand_in = stand_in

    def __getattr__(self, method: str):
        return _computed(self._peer, method, getattr(self._stand_in, method))


def _computed(peer: str, method: str, function):
    """Return ``function`` as a method of a peer.

    MicroPython awaits a list or a dict without an error, so a result that is a plain value is an
    ``AssertionError`` here.
    """

    async def computed(*args, **kwargs):
        result = function(*args, **kwargs)
        if result is None or isinstance(result, _VALUES):
            raise AssertionError(
                "%s() of the stand-in for %s is not async: write async def" % (method, peer)
            )
        return await result

    return computed


class Start:
    """The fixture ``start``: make and start the service of this folder.

    ``service = await start(readings=Readings(), config={"low": 2.0})``
    """

    def __init__(self, test: "Any") -> None:
        self._test = test

    async def __call__(self, config=None, jobs=False, **peers):
        """Make and start the service.

        Args:
            config: A dict that replaces settings of cluster.toml. It may have the settings of
                cluster.toml and others that the service reads.
            jobs: Whether methods with ``@every`` run too.
            peers: A stand-in for each peer, under the attribute that the service has it as: an
                object with all methods of the peer's contract, or a dict of canned answers (a
                value, an exception, or an async function).

        Returns:
            The service as a peer sees it: calls go through the wire encoding.

        Raises:
            AssertionError: A stand-in does not fit the contract of its peer.
            TypeError: ``config`` or ``jobs`` is not valid.
        """
        cluster = self._test.cluster
        name = cluster.SERVICES[0]
        service = cluster.load(name)
        expect("start()", "jobs", jobs, bool, "True or False")
        if config is not None:
            _check_config(name, config, cluster.SETTINGS)
            service.config.update(config)
        running = kernel.current = kernel.Kernel(cluster)
        running.services = self._stand_ins(cluster.PEERS, peers)
        running.services[name] = service
        cluster.wire(running.services)
        self._test.service = service
        await service.start()
        if jobs:
            for part in cluster.parts():
                if part.__name__ == "torpor.schedule":
                    part.start(running)
        return cluster.seen_by_test(service)

    def _stand_ins(self, needed, given):
        for attribute in given:
            if attribute not in needed:
                known = ", ".join(["config", "jobs"] + sorted(needed))
                raise AssertionError("start() has no argument %s; it takes %s" % (attribute, known))
        stand_ins: dict = {}
        for attribute, (peer, methods) in needed.items():
            if attribute not in given:
                stand_ins[peer] = Absent(peer, attribute)
            elif isinstance(given[attribute], dict):
                _check_canned(peer, given[attribute], methods)
                stand_ins[peer] = Canned(peer, given[attribute])
            else:
                _check_complete(peer, given[attribute], methods)
                stand_ins[peer] = Object(peer, given[attribute])
        return stand_ins


def _check_config(service: str, config, known) -> None:
    """Raise ``TypeError`` unless ``config`` is a dict of settings that the service knows.

    ``known`` is None if the service may read others than those that can be found in its source.
    """
    expect("start()", "config", config, dict, "a dict of settings")
    for key in config:
        if known is not None and key not in known:
            names = ", ".join(known) or "none"
            text = "start(): config has the key %r, which %s does not read; its settings: %s"
            raise TypeError(text % (key, service, names))
        _check_setting("config[%r]" % (key,), config[key])


def _check_setting(path: str, value) -> None:
    if isinstance(value, dict):
        for key in value:
            expect("start()", "a key of " + path, key, str, "text")
            _check_setting("%s[%r]" % (path, key), value[key])
    elif isinstance(value, list):
        for i in range(len(value)):
            _check_setting("%s[%d]" % (path, i), value[i])
    elif not isinstance(value, (str, bool) + NUMBER):
        refuse("start()", path, value, _SETTING)


def _check_complete(peer, stand_in, methods) -> None:
    if isinstance(stand_in, type):
        name = stand_in.__name__
        raise AssertionError("%s is a class: give an object of it, %s()" % (name, name))
    lacking = [methods[m] for m in sorted(methods) if not hasattr(stand_in, m)]
    if lacking:
        raise AssertionError(
            "%s cannot stand in for %s, its contract also has: %s"
            % (type(stand_in).__name__, peer, "; ".join(lacking))
        )


def _check_canned(peer, answers, methods) -> None:
    for method in answers:
        if method not in methods:
            raise AssertionError(
                "%s has no method %s; its contract has: %s"
                % (peer, method, "; ".join([methods[m] for m in sorted(methods)]))
            )
        if isinstance(answers[method], type):
            name = answers[method].__name__
            text = "the answer of the stand-in for %s to %s() is a class: give an object, %s(...)"
            raise AssertionError(text % (peer, method, name))


def _start(test):
    """Return the fixture ``start``: ``service = await start(peer=stand_in)``."""
    return Start(test)


def _client(test):
    """Return the fixture ``client``: HTTP through the listener's code, without a socket."""
    from .client import Client, NoBudget

    budget = NoBudget()
    return Client(lambda: _listener(test, 0, budget))


def _listener(test, port, budget):
    from torpor.http.listener import Listener

    service = test.service
    if service is None:
        raise AssertionError("there is no service to ask yet: await start(...) first")
    routes = test.cluster.ROUTES.get(service.name)
    return Listener(service.name, port, budget, routes(service) if routes else {}, None)


def _socket_client(test):
    """Return the fixture ``socket_client``: HTTP over a socket.

    Skips the test on a board that has no connection to itself.
    """
    import errno
    import socket

    from torpor.http.budget import Budget

    from .client import SocketClient

    probe = socket.socket()
    try:
        probe.connect(socket.getaddrinfo("127.0.0.1", 1)[0][-1])
    except OSError as e:  # refused, if the board can reach itself
        if e.errno == errno.EHOSTUNREACH:
            from . import skip

            skip("this board has no connection to itself")
    finally:
        probe.close()
    opened = []

    def address():
        if not opened:
            budget = Budget(test.cluster.CONNECTIONS)
            listener = _listener(test, test.cluster.PORTS[test.service.name], budget)
            listener.open()
            opened.append((listener, asyncio.create_task(listener.run())))
        return "127.0.0.1", opened[0][0].port

    def close():
        for listener, task in opened:
            task.cancel()
            listener._sock.close()

    test.finally_(close)
    return SocketClient(address)


def _clock(test):
    """Return the fixture ``clock``, which stands still until a task waits."""
    from . import fake_clock

    clock = fake_clock.Clock()
    clock.install()
    test.finally_(clock.remove)
    return clock


def _board(test):
    """Return the fixture ``board``: probes, pins and Wi-Fi around the board."""
    from .board import Board

    return Board()


def _events(test):
    """Return the events that the service publishes, and a way to deliver events to it."""
    from .events import Events

    return Events(test)


def _store(test):
    """Return the folder of the services' stores, which is empty when a test begins."""
    try:
        os.mkdir(data)
    except OSError:
        pass  # it exists
    return data


data = ""
"""The folder of the tests' stores. On a board, the image's stores are in another one."""

_moved = False
_clear = None  # releases rarely used code, which stays loaded between tests while there is room
_ROOM = 48 * 1024  # bytes: a store and a response of 8 kB fit in one piece


def make_room() -> None:
    """Collect the heap, and release rarely used code of the runtime if little is free."""
    gc.collect()
    if _clear:
        reserve.keep()
    if _clear and gc.mem_free() < _ROOM:
        _clear()
        gc.collect()


def move_data() -> None:
    """Open stores in ``data`` from now on. An image may lack the modules of the store."""
    global _moved, _clear
    if _moved:
        return
    _moved = True
    try:
        if data != "/data":
            # Loading a module takes a board 50 ms, and each test would load ten of them again.
            _clear = cold.clear
            cold.clear = lambda: None
        from torpor.store import database

        made = database.Store
        database.Store = lambda name, root=None: made(name, data)  # type: ignore[assignment]
    except ImportError:
        pass
    try:
        from torpor.store import state

        state._FOLDER = data
        state._FILE = data + "/state"
    except ImportError:
        pass


def forget_data() -> None:
    """Empty the stores before a test begins."""
    _remove(data)
    state = sys.modules.get("torpor.store.state")
    if state:
        state._states.clear()
        state._saved.clear()
        state._in_flash = None  # type: ignore[attr-defined]


def _remove(path) -> None:
    try:
        entries = list(os.ilistdir(path))
    except OSError:
        return
    for entry in entries:
        inner = "%s/%s" % (path, entry[0])
        if entry[1] == 0x4000:
            _remove(inner)
        else:
            os.remove(inner)
    os.rmdir(path)


BUILT_IN = {
    "start": _start,
    "client": _client,
    "socket_client": _socket_client,
    "clock": _clock,
    "board": _board,
    "store": _store,
    "events": _events,
}
