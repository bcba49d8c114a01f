"""The address of each board, and the local port for each port of its services.

A socket that is bound but does not listen reserves each port. So no other program gets the number
while a board restarts, and a number from the operating system is safe to pass to the board, which
binds the same with SO_REUSEADDR.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from torpor_tools.errors import Problem, UserError
from torpor_tools.model.plan import BoardPlan

Mode = Literal["fixed", "os"]

_IN_A_NET = 254
_LOOPBACK = "127.0.0.1"
_STEP = 1000  # between the ports of boards that share an address


@dataclass(frozen=True)
class Place:
    """The place of a board: its address, and its services' ports -> the ports they have here."""

    address: str
    ports: dict[int, int]

    def url(self, port: int) -> str:
        """The URL of the service that asks for ``port``. Raises ``KeyError``."""
        host = "127.0.0.1" if self.address == "0.0.0.0" else self.address
        return f"http://{host}:{self.ports[port]}"


class Ports:
    """The ports of a cluster.

    Args:
        bind: One address for all boards, instead of one each. A computer that has only 127.0.0.1,
            as macOS does, uses that.
        base: The services' ports are numbered from here.
        mode: "os" takes any free port.
    """

    def __init__(self, *, bind: str | None, base: int | None, mode: Mode) -> None:
        self._shared = bind is None and not _has(_own_address(0))
        self._bind = _LOOPBACK if self._shared else bind
        self._base = base
        self._mode = mode
        self._boards: dict[str, int] = {}  # in the order of their appearance
        self._held: dict[tuple[str, int], socket.socket] = {}  # (board, service's port)
        self._refused: set[int] = set()  # in this round

    def place(self, boards: Iterable[BoardPlan]) -> dict[str, Place]:
        """Reserve a port for every service of ``boards`` and release all others.

        A reserved port stays the same. Raises ``UserError`` with all ports that are taken.
        """
        boards = tuple(boards)
        wanted = {(b.name, port): name for b in boards for name, port in b.listeners.items()}
        for key in self._held.keys() - wanted.keys():
            self._held.pop(key).close()
        problems: list[Problem] = []
        self._refused.clear()
        for board, port in sorted(wanted, key=_order(wanted)):
            service = wanted[board, port]
            if port is not None and (board, port) not in self._held:
                problem = self._hold(board, port, service)
                problems += [problem] if problem else []
        if problems:
            raise UserError(problems)
        return {b.name: Place(self._address(b.name), self._numbers(b.name)) for b in boards}

    def close(self) -> None:
        """Release all ports."""
        for held in self._held.values():
            held.close()
        self._held.clear()

    def _address(self, board: str) -> str:
        index = self._boards.setdefault(board, len(self._boards))
        return self._bind or _own_address(index)

    def _numbers(self, board: str) -> dict[int, int]:
        return {port: _number(s) for (name, port), s in self._held.items() if name == board}

    def _hold(self, board: str, port: int, service: str) -> Problem | None:
        address = self._address(board)
        number = self._next() if self._base is not None else port if self._mode == "fixed" else 0
        who = self._holder(address, number)
        while who and self._shared:
            number += _STEP
            who = self._holder(address, number)
        if who:
            return Problem(
                None,
                f"boards {who} and {board} both have port {number} on {address}",
                "number all ports of the cluster with --port-base",
            )
        held = socket.socket()
        try:
            if number:
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((address, number))
            # After the bind: a free number must be free, not one that another simulator holds.
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        except (OSError, OverflowError) as error:
            held.close()
            self._refused.add(number)
            return _refused(error, address, number, f"{service} on {board}")
        self._held[board, port] = held
        return None

    def _next(self) -> int:
        taken = {_number(held) for held in self._held.values()} | self._refused
        number = self._base or 0
        while number in taken:
            number += 1
        return number

    def _holder(self, address: str, number: int) -> str | None:
        for (board, _), held in self._held.items():
            if number and self._address(board) == address and _number(held) == number:
                return board
        return None


def _order(wanted: Iterable[tuple[str, int | None]]) -> Callable[[Any], tuple[bool, int]]:
    """Return the order in which services are numbered: by their ports, as in the gateway.

    The gateway has one number for a port that several boards have, so all but the first board's
    come at the end.
    """
    first: dict[int | None, str] = {}
    for board, port in wanted:
        first.setdefault(port, board)
    return lambda key: (first[key[1]] != key[0], key[1] or 0)


def _own_address(index: int) -> str:
    return f"127.0.{1 + index // _IN_A_NET}.{1 + index % _IN_A_NET}"


def _has(address: str) -> bool:
    """Whether this computer has an address, as Linux has all of 127.0.0.0/8."""
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _number(held: socket.socket) -> int:
    number: int = held.getsockname()[1]
    return number


def _refused(error: Exception, address: str, number: int, service: str) -> Problem:
    number_them = "number the ports from another one with --port-base, for example 9000"
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        what = f"port {number} on {address} ({service}) is taken by another program"
        return Problem(None, what, f"stop it (another torpor sim?), or {number_them}")
    if code == errno.EACCES:
        return Problem(None, f"port {number} ({service}) is reserved for root", number_them)
    if code == errno.EADDRNOTAVAIL:
        what = f"this computer does not have the address {address}"
        return Problem(None, what, "give one that it has: --bind 127.0.0.1 --port-base 9000")
    return Problem(None, f"cannot use port {number} on {address} ({service}): {error}", number_them)
