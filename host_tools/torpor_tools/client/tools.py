"""The tools of a board's runtime, called over the network and signed with the cluster's key.

A tool is an entry of ``kernel.tools`` on the board (target ``.name`` of docs/wire.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from torpor_sim import simulated

from ..closing import Closing
from ..errors import Problem, UserError, fail
from ..model.plan import BoardPlan
from ..project.secrets import cluster_keys
from .find import address_of
from .rpc import BoardConnection, CallError, NotReachedError, connect

_DEADLINE_MS = 5000
_CONNECT_S = 3.0


class NoToolError(UserError):
    """The image of the board does not have the tool."""


class Tools(Closing):
    """The tools of one board. The connection is opened at the first call, and again if it broke.

    Args:
        root: The folder of the project.
        board: The board.
        at: Where it is: a host, host:port or URL. None: the simulator of the project if it runs,
            else the board's ``host``.

    Raises:
        UserError: The cluster has no key, or the board has no port.
    """

    def __init__(self, root: Path, board: BoardPlan, at: str | None = None) -> None:
        self.board = board
        self._keys = cluster_keys(root)
        self._at = at
        self._root = root
        self._peer: BoardConnection | None = None
        if not self._keys:
            raise fail(
                "access to a board needs the cluster's key, and there is none",
                "make one, then build and start the board again: torpor secrets init",
            )
        if not board.port:
            what = f"no service of {board.name} has a port, so the board takes no calls"
            raise fail(what, "give one of them a port in cluster.toml")

    def _close(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._peer:
            self._peer.close()
            self._peer = None

    def ask(
        self,
        tool: str,
        deadline_ms: int = _DEADLINE_MS,
        answer_s: float | None = None,
        **arguments: Any,
    ) -> Any:
        """Call a tool and return its answer.

        Args:
            tool: Its name.
            deadline_ms: When the board gives the call up, in ms.
            answer_s: How long to wait for the answer, in seconds; None: until the deadline.
            arguments: Those of the tool.

        Raises:
            NotReachedError: The board does not answer.
            NoToolError: Its image does not have the tool.
            UserError: It refuses the call, or knows none of the keys.
        """
        name = self.board.name
        try:
            self._peer = self._peer or self._connected()
            return self._peer.call(
                "", tool, arguments, fingerprint="0", deadline_ms=deadline_ms, answer_s=answer_s
            )
        except CallError as error:
            if error.is_no_tool:
                what = f"the image of board {name} cannot do this"
                problem = Problem(None, what, "build and flash the board again")
                raise NoToolError(problem) from None
            raise fail(f"board {name}: {error.message}", "see the board's log") from None
        except OSError as error:
            self.close()
            raise NotReachedError(
                Problem(None, f"board {name} does not answer: {error}", "try again")
            ) from None

    def call(self, service: str, method: str, arguments: Mapping[str, Any], **options: Any) -> Any:
        """Call a method as a peer does: see ``BoardConnection.call``.

        Raises:
            NotReachedError: The board does not answer.
            CallError: The method answered with an error.
        """
        try:
            self._peer = self._peer or self._connected()
            return self._peer.call(service, method, arguments, **options)
        except OSError as error:
            self.close()
            what = f"board {self.board.name} does not answer: {error}"
            raise NotReachedError(Problem(None, what, "try again")) from None

    def _connected(self) -> BoardConnection:
        reasons: list[NotReachedError] = []
        for address in self._addresses():
            try:
                return connect(address, self.board.name, self._keys, timeout=_CONNECT_S)
            except NotReachedError as error:
                reasons.append(error)
                if not isinstance(error.__context__, ConnectionRefusedError):
                    break  # nothing answers at this host, whatever the port
        raise reasons[0]

    def _addresses(self) -> Iterator[tuple[str, int]]:
        """Yield where the board may listen: the image that runs there may lack the first port."""
        ports = [each.port for each in self.board.services if each.port]
        if self._at is not None:
            yield from dict.fromkeys(address_of(self._at, port) for port in ports)
            return
        if place := simulated(self._root / "build" / "sim").get(self.board.name):
            for port in ports:
                if port in place.ports:
                    url = urlsplit(place.url(port))
                    yield url.hostname or "", url.port or 80
        for port in ports:
            yield self.board.host, port
