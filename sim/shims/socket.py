"""Stands in for ``socket``: the board's own address, its ports, and as few sockets as a chip has.

Only what opens sockets goes through here. A connection that a listener accepts is the native
socket, so the path of a request is the port's own; unless the chip numbers errors otherwise.
"""

import gc
import io
import json
import select
import time

from _sim import facts, native, trace

_native = native("socket")
_PORTS = facts["ports"]  # the port that the program asks for -> the one it gets here
_LISTENERS = facts["listeners"]
_CONNECTIONS = facts["connections"]
_SOCKETS = facts["sockets"]
_BEHAVES = facts["behaves"]
_ROOM = 192  # bytes that MicroPython takes to accept a connection
_LOOK_MS = 20  # how often to check whether a name is there by now
_errno = native("errno")
# This computer's numbers -> the chip's.
_NUMBERS = {getattr(_errno, k): n for k, n in _BEHAVES["errno"].items() if hasattr(_errno, k)}

IPPROTO_TCP = 6
TCP_NODELAY = 1

_listeners = []
_others = []  # connections, and sockets that may become one
_udp = []


def __getattr__(name):
    return getattr(_native, name)


def _live(sockets):
    """Forget closed sockets; return how many are left."""
    for i in range(len(sockets) - 1, -1, -1):
        if sockets[i].fileno() == -1:
            sockets.pop(i)
    return len(sockets)


def _none_left():
    """Whether there is no socket of any kind left."""
    return _live(_listeners) + _live(_others) + _live(_udp) >= _SOCKETS


def _full():
    """Return whether all slots for connections are taken."""
    return _none_left() or len(_others) >= _CONNECTIONS


def _peers():
    """Host -> where that board is; the supervisor's file changes as the boards do."""
    try:
        with open("/.sim/peers.json") as file:
            return json.load(file)
    except OSError:
        return {}


def _peer(host, port):
    """The address of another board of the cluster.

    A name in ``.local`` that no board answers blocks the program as long as on the chip.
    """
    name = host.lower()
    peer = _peers().get(name)
    if name[-6:] == ".local":
        if peer is None:
            peer = _wait_for(name, _BEHAVES["names"]["local_ms"])
        trace("lookup", host=host, found=peer is not None)
        if peer is None:
            raise OSError(_BEHAVES["names"]["not_found"])
    if peer is None:
        return host, port
    return peer["address"], peer["ports"].get(str(port), port)


def _wait_for(name, ms):
    """The board of that name when it is there within ``ms``."""
    since = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), since) < ms:
        time.sleep_ms(max(_LOOK_MS, int(facts["speed"])))
        peer = _peers().get(name)
        if peer:
            return peer
    return None


def _no_dns():
    """A look-up at a DNS server that does not answer."""
    time.sleep_ms(_BEHAVES["names"]["dns_ms"])
    return OSError(_BEHAVES["names"]["not_found"])


def getaddrinfo(host, port, family=0, type=1, proto=0, flags=0):
    host, port = _peer(host, port)
    if host in ("0.0.0.0", "", facts["address"]):
        host = facts["address"]
        port = _PORTS.get(str(port), port)
    found = _native.getaddrinfo(host, port, 2, type or 1)
    return [(f, t, proto, "", address) for f, t, _, _, address in found]


def _address(address):
    """A socket address as the port requires it; chips also take (host, port)."""
    return getaddrinfo(*address)[0][-1] if isinstance(address, tuple) else address


def socket(family=2, type=1, proto=0):
    is_full = _full if type == 1 else _none_left
    if is_full():
        gc.collect()  # as the chip does: it closes what nothing refers to any more
        if is_full():
            trace("refused", what="connection", limit=_CONNECTIONS)
            raise OSError(_BEHAVES["socket_full"])
    native_socket = _native.socket(family, type)
    if type != 1:  # not TCP
        _udp.append(native_socket)
        return native_socket
    _others.append(native_socket)
    return _Tcp(native_socket)


def _own(error):
    """The error with the chip's number."""
    return OSError(_NUMBERS[error.errno]) if error.errno in _NUMBERS else error


def _numbered(function):
    def call(*args):
        try:
            return function(*args)
        except OSError as e:
            raise _own(e)

    return call


class _Tcp(io.IOBase):
    """A TCP socket whose use is not known yet: it may listen or connect."""

    def __init__(self, native_socket):
        self._native = native_socket
        self._holding = False  # a client waits in the backlog for a slot
        self._blocking = True

    def __getattr__(self, name):
        # Kept in the instance, so that the next call goes straight to the native socket.
        value = getattr(self._native, name)
        if _NUMBERS:
            value = _numbered(value)
        setattr(self, name, value)
        return value

    def ioctl(self, request, argument):
        if request == 10:  # MP_STREAM_GET_FILENO
            # While a client waits for a slot, the file number is withheld: poll() would report it
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
        try:
            return self._native.readinto(buffer) if n < 0 else self._native.readinto(buffer, n)
        except OSError as e:
            raise _own(e)

    def write(self, data):
        try:
            return self._native.write(data)
        except OSError as e:
            raise _own(e)

    def close(self):
        self._native.close()

    def setblocking(self, value):
        self._blocking = bool(value)
        self._native.setblocking(value)

    def bind(self, address):
        # The supervisor holds the port by a socket that is bound and does not listen.
        self._native.setsockopt(1, 2, 1)  # SOL_SOCKET, SO_REUSEADDR
        _numbered(self._native.bind)(_address(address))

    def connect(self, address):
        _numbered(self._native.connect)(_address(address))

    def listen(self, backlog=2):
        if _live(_listeners) >= _LISTENERS:
            trace("refused", what="listener", limit=_LISTENERS)
            raise OSError(_BEHAVES["listen_full"])
        self._native.listen(backlog)
        _others.remove(self._native)
        _listeners.append(self._native)

    def accept(self):
        self._wait_for_slot()
        # As on a chip, a MemoryError comes before the connection is taken, and the client waits.
        # Afterwards nobody would close it: a collection now finds this room again.
        bytearray(_ROOM)
        connection, address = self._native.accept()
        try:
            if _full():  # only where accept() fails then
                trace("connection_dropped", limit=_SOCKETS)
                raise OSError(_BEHAVES["accept_full"])
            _, host, port = _native.sockaddr(address)
            address = ("%d.%d.%d.%d" % tuple(host), port)
            accepted = _Tcp(connection) if _NUMBERS else connection, address
            _others.append(connection)
            return accepted
        except (OSError, MemoryError):
            connection.close()
            raise

    def _wait_for_slot(self):
        """On ports that drop a SYN without a free slot, the client waits as in a backlog."""
        while not _BEHAVES["accept_full"] and _full():
            if not self._holding:
                self._holding = True
                trace("connection_dropped", limit=_CONNECTIONS)
            if not self._blocking:
                raise OSError(_errno.EAGAIN)
            poller = select.poll()
            poller.register(self, 1)
            poller.poll()
        self._holding = False


def _wait():
    """Sleep until there is something to read or to accept."""
    poller = select.poll()
    for each in _listeners + _others:
        if each.fileno() != -1:
            poller.register(each, 1)
    poller.poll()
