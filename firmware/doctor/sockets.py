"""Print how many sockets there are, and which error the next one raises. Needs no network."""

import json
import socket

_FIRST_PORT = 9100
_ENOUGH = 40  # no board has as many


def _open(sockets: list, udp: bool, listen: bool) -> "int | None":
    """Open sockets until the firmware refuses one, and return the error number."""
    try:
        while len(sockets) < _ENOUGH:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
            try:
                if listen:
                    sock.bind(("0.0.0.0", _FIRST_PORT + len(sockets)))
                    sock.listen(1)
            except OSError:
                sock.close()
                raise
            sockets.append(sock)
    except OSError as e:
        return e.errno
    return None


def _close(sockets: list) -> None:
    for sock in sockets:
        sock.close()


def _accept(sock: "socket.socket") -> "int | None":
    """The error number of ``accept`` when no client waits."""
    sock.setblocking(False)
    try:
        sock.accept()
    except OSError as e:
        return e.errno
    return None


listening: list = []
listen_error = _open(listening, False, True)
accept_error = _accept(listening[0])
others: list = []  # TCP sockets that do not listen, while the listeners are open
tcp_error = _open(others, False, False)
_close(others)
_close(listening)
datagram: list = []
udp_error = _open(datagram, True, False)
_close(datagram)
print(
    json.dumps(
        {
            "listeners": len(listening),
            "listen_errno": listen_error,
            "accept_errno": accept_error,
            "tcp_beside_listeners": len(others),
            "tcp_errno": tcp_error,
            "udp": len(datagram),
            "udp_errno": udp_error,
        }
    )
)
