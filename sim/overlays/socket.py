"""Stands in for ``socket``: the board's own address, its ports, and as few sockets as a chip has.

Only what opens sockets goes through here. A connection that a listener accepts is the native
socket, so the path of a request is the port's own.
"""

import io
import json
import select

from _sim import facts, native, trace

_native = native("socket")
_PORTS = facts["ports"]  # the port that the program asks for -> the one it gets here
_LISTENERS = facts["listeners"]
_CONNECTIONS = facts["connections"]
_SOCKETS = facts["sockets"]
_ESP32 = facts["port"] == "esp32"

IPPROTO_TCP = 6
TCP_NODELAY = 1

_listeners = []
_others = []  # connections, and sockets that may become one


def __getattr__(name):
    return getattr(_native, name)


def _live(sockets):
    """Forget what has been closed; how many are left."""
    for i in range(len(sockets) - 1, -1, -1):
        if sockets[i].fileno() == -1:
            sockets.pop(i)
    return len(sockets)


def _full():
    """Whether there is no place for one more connection."""
    others = _live(_others)
    return others >= _CONNECTIONS or _live(_listeners) + others >= _SOCKETS


def _peer(host, port):
    """Where another board of the cluster is; the supervisor's file changes as the boards do."""
    try:
        with open("/.sim/peers.json") as file:
            peers = json.load(file)
    except OSError:
        return host, port
    if host not in peers:
        if host[-6:] == ".local":
            raise OSError(-2)  # nobody answers to that name
        return host, port
    peer = peers[host]
    return peer["address"], peer["ports"].get(str(port), port)


def getaddrinfo(host, port, family=0, type=1, proto=0, flags=0):
    host, port = _peer(host, port)
    if host in ("0.0.0.0", "", facts["address"]):
        host = facts["address"]
        port = _PORTS.get(str(port), port)
    found = _native.getaddrinfo(host, port, 2, type or 1)
    return [(f, t, proto, "", address) for f, t, _, _, address in found]


def _address(address):
    """A socket address as the port wants it; chips also take (host, port)."""
    return getaddrinfo(*address)[0][-1] if isinstance(address, tuple) else address


def socket(family=2, type=1, proto=0):
    if type != 1:  # not TCP
        if _live(_listeners) + _live(_others) >= _SOCKETS:
            raise OSError(23 if _ESP32 else 12)
        return _native.socket(family, type, proto)
    if _full():
        trace("refused", what="connection", limit=_CONNECTIONS)
        raise OSError(23 if _ESP32 else 12)
    native_socket = _native.socket(family, type)
    _others.append(native_socket)
    return _Tcp(native_socket)


class _Tcp(io.IOBase):
    """A TCP socket whose use is not known yet: it may listen or connect."""

    def __init__(self, native_socket):
        self._native = native_socket
        self._holding = False  # a client waits in the backlog for a place
        self._blocking = True

    def __getattr__(self, name):
        # Kept in the instance, so that the next call goes straight to the native socket.
        value = getattr(self._native, name)
        setattr(self, name, value)
        return value

    def ioctl(self, request, argument):
        if request == 10:  # MP_STREAM_GET_FILENO
            # While a client waits for a place the file number is withheld: poll() would report it
            # again and again. poll() then asks every millisecond, by request 3.
            return -22 if self._holding else self._native.fileno()
        if request == 3:  # MP_STREAM_POLL
            if _full():
                return 0
            self._holding = False
            poller = select.poll()
            poller.register(self._native, argument)
            for _, events in poller.ipoll(0):
                return events
            return 0
        if request == 4:  # MP_STREAM_CLOSE
            self._native.close()
            return 0
        return -22

    def readinto(self, buffer, n=-1):
        return self._native.readinto(buffer) if n < 0 else self._native.readinto(buffer, n)

    def write(self, data):
        return self._native.write(data)

    def close(self):
        self._native.close()

    def setblocking(self, value):
        self._blocking = bool(value)
        self._native.setblocking(value)

    def bind(self, address):
        # The supervisor holds the port by a socket that is bound and does not listen.
        self._native.setsockopt(1, 2, 1)  # SOL_SOCKET, SO_REUSEADDR
        self._native.bind(_address(address))

    def connect(self, address):
        self._native.connect(_address(address))

    def listen(self, backlog=2):
        if _live(_listeners) >= _LISTENERS:
            trace("refused", what="listener", limit=_LISTENERS)
            raise OSError(12)
        self._native.listen(backlog)
        _others.remove(self._native)
        _listeners.append(self._native)

    def accept(self):
        while _full():
            if not self._holding:
                self._holding = True
                trace("connection_dropped", limit=_CONNECTIONS)
            if not self._blocking:
                raise OSError(11)  # EAGAIN
            poller = select.poll()
            poller.register(self, 1)
            poller.poll()
        self._holding = False
        connection, address = self._native.accept()
        _others.append(connection)
        _, host, port = _native.sockaddr(address)
        return connection, ("%d.%d.%d.%d" % tuple(host), port)


def _wait():
    """Sleep until there is something to read or to accept."""
    poller = select.poll()
    for each in _listeners + _others:
        if each.fileno() != -1:
            poller.register(each, 1)
    poller.poll()
