"""Sockets: how many there are, and how the firmware refuses one more."""

from __future__ import annotations

from collections.abc import Callable

from ..fact import AtLeast, Fact, Subject, key, no_less

_TABLE = "{port}: sockets"


def facts() -> list[Fact]:
    """All facts about sockets; none needs a network."""
    return [*_listeners(), *_others()]


def _listeners() -> list[Fact]:
    return [
        Fact("listening sockets", "sockets", _TABLE, _of_pool("listeners"), key("listeners")),
        Fact(
            "error of one more listener",
            "sockets",
            _TABLE,
            lambda subject: _number(subject, _first_full(subject)),
            key("listen_errno"),
        ),
        Fact(
            "error of accept() without a client",
            "sockets",
            "{port}: errno.EAGAIN",
            lambda subject: subject.port.errno["EAGAIN"],
            key("accept_errno"),
        ),
    ]


def _others() -> list[Fact]:
    return [
        Fact(
            "TCP sockets besides the listeners",
            "sockets",
            _TABLE,
            lambda subject: 0 if subject.port.sockets.shared else subject.board.connections,
            key("tcp_beside_listeners"),
        ),
        Fact("error of one more TCP socket", "sockets", _TABLE, _full, key("tcp_errno")),
        Fact("UDP sockets", "sockets", "{board}: sockets", _datagram, key("udp"), no_less),
        Fact("error of one more UDP socket", "sockets", _TABLE, _full, key("udp_errno")),
    ]


def _of_pool(own: str) -> Callable[[Subject], int]:
    """The number of a kind: all sockets if the pool is shared, else its own limit."""
    return lambda subject: int(
        getattr(subject.board, "sockets" if subject.port.sockets.shared else own)
    )


def _datagram(subject: Subject) -> AtLeast:
    board = subject.board
    left = 0 if subject.port.sockets.shared else board.listeners + board.connections
    return AtLeast(board.sockets - left)


def _first_full(subject: Subject) -> str:
    sockets = subject.port.sockets
    return sockets.full if sockets.shared else sockets.listen_full


def _full(subject: Subject) -> int:
    return _number(subject, subject.port.sockets.full)


def _number(subject: Subject, name: str) -> int:
    return subject.port.errno[name]
