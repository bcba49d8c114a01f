"""What a test may ask for by the names of its arguments, beside the fixtures of its own file."""

import asyncio
import os
import sys

from torpor import kernel

from . import fake_clock, world


class Absent:
    """Stands where the test gave no stand-in for a peer."""

    def __init__(self, peer: str, attribute: str) -> None:
        self._text = "no stand-in for %s was given: start(%s=...)" % (peer, attribute)

    def __getattr__(self, method: str):
        raise AssertionError(self._text)


class Canned:
    """A stand-in from a dict: method -> what it answers, raises or is computed by."""

    def __init__(self, peer: str, answers: dict) -> None:
        self._peer = peer
        self._answers = answers

    def __getattr__(self, method: str):
        if method not in self._answers:
            raise AssertionError(
                "the stand-in for %s has no answer for %s()" % (self._peer, method)
            )
        answer = self._answers[method]
        if callable(answer) and not isinstance(answer, type):
            return answer

        async def canned(*args, **kwargs):
            if isinstance(answer, Exception):
                raise answer
            return answer

        return canned


class Start:
    """The fixture ``start``: makes the service of this folder, with stand-ins for its peers.

    ``service = await start(readings=Readings(), config={"low": 2.0})``. A stand-in is an object
    with all methods of the peer's contract, or a dict of canned answers: a value, an exception, or
    an async function. ``config`` replaces settings of cluster.toml. ``jobs=True`` also runs what
    ``@every`` marks. What comes back is called as a peer calls it, through the wire encoding.
    """

    def __init__(self, test) -> None:
        self._test = test

    async def __call__(self, config=None, jobs=False, **peers):
        cluster = self._test.cluster
        name = cluster.SERVICES[0]
        service = cluster.load(name)
        if config:
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
        found = {}
        for attribute, (peer, methods) in needed.items():
            if attribute not in given:
                found[peer] = Absent(peer, attribute)
                continue
            stand_in = given[attribute]
            if isinstance(stand_in, dict):
                _check_canned(peer, stand_in, methods)
                stand_in = Canned(peer, stand_in)
            else:
                _check_complete(peer, stand_in, methods)
            found[peer] = stand_in
        return found


def _check_complete(peer, stand_in, methods) -> None:
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


def _start(test):
    return Start(test)


def _client(test):
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
    import errno
    import socket

    from torpor.http.budget import Budget

    from .client import SocketClient

    probe = socket.socket()
    try:
        probe.connect(socket.getaddrinfo("127.0.0.1", 1)[0][-1])
    except OSError as e:  # refused, where there is a way
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
    clock = fake_clock.Clock()
    clock.install()
    test.finally_(clock.remove)
    return clock


def _board(test):
    return world.Board()


def _store(test):
    """The folder that the services' stores are in; empty when a test begins."""
    try:
        os.mkdir(data)
    except OSError:
        pass  # it is there
    return data


data = ""
"""Where the stores of the tests are: on a board not where those of its image are."""

_moved = False


def move_data() -> None:
    """Have stores opened in ``data``; what the image has no store for is not there."""
    global _moved
    if _moved:
        return
    _moved = True
    try:
        from torpor import store

        if data != "/data":
            # A board takes 50 ms to load a module, and each test would load ten of them again.
            store.forget = lambda name: None
        from torpor.store import database

        made = database.Store
        database.Store = lambda name, root=None: made(name, data)  # type: ignore[assignment,misc]
    except ImportError:
        pass
    try:
        from torpor.store import state

        state._FOLDER = data
        state._FILE = data + "/state"
    except ImportError:
        pass


def forget_data() -> None:
    """Begin a test with empty stores."""
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
}
