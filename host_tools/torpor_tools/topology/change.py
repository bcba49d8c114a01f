"""A cluster with its services placed differently; ``cluster.toml`` itself stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import Problem, UserError, fail
from ..model.cluster import BoardEntry, Cluster
from ..suggest import did_you_mean, listing


def alone(cluster: Cluster, service: str, kind: str | None = None) -> Cluster:
    """The cluster with one more board, with the name of ``service``, that runs nothing else.

    ``kind``: the type of that board; without it, that of the board that runs the service now.
    It calls its peers where they are. Raises ``UserError``.
    """
    homes = [board for board in cluster.boards if service in board.services]
    if not homes:
        known = [name for board in cluster.boards for name in board.services]
        remedy = did_you_mean(service, known) or f"services: {listing(dict.fromkeys(known))}"
        raise fail(f"no board runs a service {service}", remedy)
    if len(homes) == 1 and homes[0].services == (service,) and kind in (None, homes[0].type):
        return _named(cluster, homes[0], service)
    if any(board.name == service for board in cluster.boards):
        what = f"a board is called {service} already, and runs other services"
        raise fail(what, "rename that board")
    home = homes[0]
    wheres = {service: home.where_of(service)}
    board = BoardEntry(service, kind or home.type, (service,), home.where, wheres, _host(service))
    return replace(cluster, boards=(*cluster.boards, board))


def moved(cluster: Cluster, homes: Mapping[str, str]) -> Cluster:
    """The cluster with services on other boards: service -> board. Raises ``UserError``."""
    problems = [
        problem
        for service, board in homes.items()
        for problem in _misnamed(cluster, service, board)
    ]
    if problems:
        raise UserError(problems)
    boards = []
    for board in cluster.boards:
        stay = [name for name in board.services if homes.get(name, board.name) == board.name]
        come = [n for n, home in homes.items() if home == board.name and n not in stay]
        wheres = {name: board.where_of(name) for name in (*stay, *come)}
        boards.append(replace(board, services=(*stay, *come), service_wheres=wheres))
    return replace(cluster, boards=tuple(boards))


def _misnamed(cluster: Cluster, service: str, board: str) -> list[Problem]:
    services = [name for b in cluster.boards for name in b.services]
    boards = [b.name for b in cluster.boards]
    problems = []
    for kind, name, known in (("service", service, services), ("board", board, boards)):
        if name not in known:
            remedy = did_you_mean(name, known) or f"{kind}s: {listing(dict.fromkeys(known))}"
            problems.append(Problem(None, f"there is no {kind} {name}", remedy))
    return problems


def _named(cluster: Cluster, board: BoardEntry, name: str) -> Cluster:
    boards = tuple(replace(b, name=name) if b is board else b for b in cluster.boards)
    return replace(cluster, boards=boards)


def _host(board: str) -> str:
    return f"{board}.local"
