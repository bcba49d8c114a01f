"""A method without a route, called as a peer calls it: docs/wire.md, under the cluster's key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..contracts.fingerprint import required_count, sent_fingerprint
from ..errors import UserError, fail
from ..model.contract import Method
from ..model.plan import PlacedService, Plan
from ..project.secrets import cluster_keys
from .find import addresses
from .rpc import CallError, connect

_CONNECT_S = 3.0


def ask_as_peer(
    plan: Plan,
    root: Path,
    service: PlacedService,
    method: Method,
    values: Mapping[str, Any],
    *,
    at: str | None,
    timeout: float,
) -> Iterator[Any]:
    """Call the method and return its result. ``timeout`` is in seconds. Raises ``UserError``."""
    keys = cluster_keys(root)
    name = f"{service.name}.{method.name}"
    if not keys:
        what = f"{name} has no route: only peers may call it, and there is no cluster key here"
        raise fail(what, "make one, then build the boards with it: torpor secrets init")
    errors: list[UserError] = []
    for board, host, port in addresses(plan, root, service, at):
        sent = fingerprint(method, values)
        try:
            with connect((host, port), board.name, keys, timeout=min(timeout, _CONNECT_S)) as peer:
                ms = int(timeout * 1000)
                yield peer.call(service.name, method.name, values, fingerprint=sent, deadline_ms=ms)
                return
        except UserError as error:  # it cannot be reached there
            errors.append(error)
        except CallError as error:
            what = f"{name} on {board.name} answered {error.status}: {error.message}"
            step = after_refusal(board.name, error.status, error.message)
            raise fail(what, step) from None
        except OSError as error:
            raise fail(f"{name} on {board.name}: {error}", "see the board's log") from None
    if not errors:
        what = f"{name} has no route, and no board that runs {service.name} has a port for peers"
        raise fail(what, "give a service of that board a port in cluster.toml")
    raise UserError([problem for error in errors for problem in error.problems])


def after_refusal(board: str, status: int, message: str) -> str:
    """Return what to do about a board's answer; empty if the answer says enough."""
    if status == 503 and "did not start" in message:
        return f"torpor crashes {board} shows where it failed"
    return ""


def fingerprint(method: Method, values: Mapping[str, Any]) -> str:
    """The fingerprint of the method with the arguments up to the last one that is given.

    The result is shown with the fields that it has, so any form of it will do.
    """
    names = [argument.name for argument in method.arguments]
    count = max([required_count(method), *(names.index(name) + 1 for name in values)])
    return sent_fingerprint(method, count, lambda field: False)
