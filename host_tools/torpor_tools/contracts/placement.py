"""Rules that need all services of a cluster: one function per mistake.

A mistake that prevents a build yields a ``Problem``; other useful facts are notes.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Problem
from ..model.board import LEAST_STATE, Board, state_share
from ..model.cluster import BoardEntry, Cluster, announced_name
from ..model.contract import Contract
from ..model.observe import LISTENER
from ..project.ports import connections_left, load_port
from ..suggest import counted, did_you_mean, free_port, listing

_CLIENTS = 2  # connections: one for a client, and one that is kept for the next


def services_have_entries(cluster: Cluster) -> Iterator[Problem]:
    """A service that a board runs has its own table, which sets its port."""
    entries = [s.name for s in cluster.services]
    for board in cluster.boards:
        for name in board.services:
            if name not in entries:
                what = f"{board.name} runs {name}, which has no table [services.{name}]"
                add = f"add [services.{name}] with `port = {_free_port(cluster)}` or `port = false`"
                yield Problem(board.where_of(name), what, did_you_mean(name, entries) or add)


def is_misspelt(cluster: Cluster, service: str) -> bool:
    """Whether a board names a service that is not there, and that is near one with a table."""
    entries = [s.name for s in cluster.services]
    is_there = (cluster.root / "services" / service).exists()
    return service not in entries and not is_there and bool(did_you_mean(service, entries))


def _free_port(cluster: Cluster) -> int:
    return free_port(s.port for s in cluster.services)


def states_fit(
    entry: BoardEntry, board: Board, contracts: dict[str, Contract]
) -> Iterator[Problem]:
    """The services with a ``self.state`` share the memory that survives sleep."""
    using = sum(name in contracts and contracts[name].uses_state for name in entry.services)
    share = state_share(board, using)
    if share < LEAST_STATE:
        what = (
            f"{counted(using, 'service')} of {entry.name} with a self.state: of the "
            f"{board.rtc_bytes} bytes of RTC memory each gets {share}, the minimum is {LEAST_STATE}"
        )
        yield Problem(entry.where, what, "keep some of it in self.store, or move services")


def called_boards_listen(cluster: Cluster, contracts: dict[str, Contract]) -> Iterator[Problem]:
    """A board that others call has a listener: any port accepts calls for all its services."""
    ports = {s.name: s.port for s in cluster.services}
    for board in cluster.boards:
        if any(ports.get(name) for name in board.services):
            continue
        for caller in cluster.boards:
            peers = [p for n in caller.services if n in contracts for p in contracts[n].peers]
            called = [p.service for p in peers if p.service not in caller.services]
            for name in dict.fromkeys(called):
                if name in board.services:
                    what = f"{caller.name} calls {name} on {board.name}, where nothing listens"
                    remedy = f"give a service of {board.name} a port: it receives calls for all"
                    yield Problem(board.where, what, remedy)


def ports_are_unique(cluster: Cluster) -> Iterator[Problem]:
    """No two services of a board listen on the same port."""
    by_name = {s.name: s for s in cluster.services}
    for board in cluster.boards:
        seen: dict[int, str] = {}
        for entry in (by_name[name] for name in board.services if name in by_name):
            if entry.port is None:
                continue
            other = by_name[seen.setdefault(entry.port, entry.name)]
            if other is not entry:
                what = f"{entry.name} has port {entry.port}, and so has {other.name}"
                remedy = f"give one of them another port, for example {_free_port(cluster)}"
                line = other.where_of_port.line
                yield Problem(entry.where_of_port, f"{what} (line {line})", remedy)


def hosts_are_unique(cluster: Cluster, boards: dict[str, Board]) -> Iterator[Problem]:
    """No two boards have the same name or address.

    Processes on one Linux computer may share it if no two of their services have the same port.
    """
    ports = {s.name: s.port for s in cluster.services}
    seen: dict[str, BoardEntry] = {}
    for entry in cluster.boards:
        other = seen.setdefault(entry.host.lower(), entry)
        if other is entry or not entry.host:
            continue
        pair = (entry, other)
        taken = [{ports.get(name) for name in board.services} - {None} for board in pair]
        linux = all(b.type in boards and boards[b.type].port == "unix" for b in pair)
        if not linux or taken[0] & taken[1]:
            where = entry.host_where or entry.where
            what = f"{entry.name} and {other.name} have the same host, {entry.host}"
            if linux:
                what += f", and both have port {min(taken[0] & taken[1], key=str)}"
            yield Problem(where, what, "give each board its own name or address")


def listeners_fit(board: BoardEntry, kind: Board, cluster: Cluster) -> Iterator[Problem]:
    """A board does not have more services with a port than it has listeners."""
    ports = {s.name: s.port for s in cluster.services}
    listening = [name for name in board.services if ports.get(name)] + _own(cluster)
    if len(listening) > kind.listeners:
        yield Problem(
            board.where,
            f"{kind.name} has {counted(kind.listeners, 'listener')}, {board.name} needs "
            f"{len(listening)}",
            f"give one of {listing(listening, 'or')} `port = false` or put it behind another "
            "service's port",
        )


def _own(cluster: Cluster) -> list[str]:
    """The listeners of every board that belong to no service."""
    metrics = cluster.observe.metrics
    return [LISTENER] if metrics and metrics.port else []


def path_of_metrics_is_free(cluster: Cluster, contracts: dict[str, Contract]) -> Iterator[Problem]:
    """The service that serves the figures of its board has no route at that path."""
    metrics = cluster.observe.metrics
    contract = contracts.get(metrics.service or "") if metrics else None
    for method in contract.methods if contract else ():
        for route in method.routes:
            if route.path.strip("/") == "metrics":
                what = f"{method.name}: [metrics] of cluster.toml serves /metrics of this service"
                remedy = "choose another path, or write port = 9100 there"
                yield Problem(route.where, what, remedy)


def connections_are_left(
    board: BoardEntry, kind: Board, cluster: Cluster, contracts: dict[str, Contract]
) -> Iterator[Problem]:
    """A board has enough sockets: for listeners, a client and the next one, and its own calls."""
    ports = {s.name: s.port for s in cluster.services}
    listeners = sum(bool(ports.get(name)) for name in board.services) + len(_own(cluster))
    if not listeners or listeners > kind.listeners:  # ``listeners_fit`` has said so
        return
    peers = [p.service for n in board.services if n in contracts for p in contracts[n].peers]
    calls = any(name not in board.services for name in peers) or _sends(board, cluster, contracts)
    needed = _CLIENTS + bool(calls) + bool(board.mailbox)
    left = connections_left(kind, listeners + bool(cluster.observe.syslog))
    if left < needed:
        uses = ["a client and the next one"] + ["calls to other boards"] * calls
        uses += ["the mailbox"] * board.mailbox
        yield Problem(
            board.where,
            f"{kind.name} has {kind.sockets} sockets: with {counted(listeners, 'listener')} "
            f"{board.name} has {left} left for connections, and {listing(uses)} need {needed}",
            "give one of its services `port = false` or put it behind another service's port",
        )


def _sends(board: BoardEntry, cluster: Cluster, contracts: dict[str, Contract]) -> bool:
    """Whether the board publishes an event that another board subscribes to."""
    own = {e for n in board.services if n in contracts for e in contracts[n].published}
    others = (n for b in cluster.boards if b is not board for n in b.services if n in contracts)
    return any(h.event in own and not h.durable for n in others for h in contracts[n].handlers)


def host_name_fits(board: BoardEntry, kind: Board) -> Iterator[Problem]:
    """The firmware accepts the name that the board announces by mDNS."""
    hostname = load_port(kind.port).hostname
    name = announced_name(board.name, board.host)
    if hostname and len(name) > hostname.longest:
        what = f"{name} has {len(name)} letters: a board announces at most {hostname.longest}"
        where = board.host_where or board.where
        yield Problem(where, what, 'give the board a shorter host = "shed.local"')


def notes(cluster: Cluster, contracts: dict[str, Contract]) -> Iterator[str]:
    """Yield notes about services that nothing can reach."""
    placed = {name for board in cluster.boards for name in board.services}
    for entry in cluster.services:
        contract = contracts.get(entry.name)
        if entry.name not in placed:
            yield f"{entry.where}: {entry.name} is not on any board"
        elif contract and entry.port is None and (count := _reachable(contract)):
            yield f"{entry.where}: {entry.name} has `port = false`: {count} cannot be reached"
        elif contract and entry.port is not None and not _reachable(contract):
            yield f"{entry.where}: {entry.name} has a port but no route and no app to answer there"


def _reachable(contract: Contract) -> str:
    """Describe which parts of a service answer HTTP."""
    count = sum(len(method.routes) for method in contract.methods)
    routes = f"its {count} routes" if count > 1 else "its route" if count else ""
    app = "its app" if contract.has_app else ""
    return listing(filter(None, (routes, app)))
