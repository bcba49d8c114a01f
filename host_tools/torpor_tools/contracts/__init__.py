"""Contracts: read from the services' sources, held against the rules, checked with mypy.

``load_plan`` is the front door of everything that needs to know the cluster.
"""

from __future__ import annotations

from pathlib import Path

from ..config import load_board, load_cluster
from ..errors import Problem, UserError
from ..model.board import Board
from ..model.cluster import BoardEntry, Cluster
from ..model.contract import Contract
from ..model.plan import BoardPlan, PlacedService, Plan
from . import placement
from .order import start_order
from .read import read_contract
from .rules import check_source
from .source import Source, read_source
from .types import check_types

__all__ = ["check_types", "load_board", "load_plan"]


def load_plan(root: Path) -> Plan:
    """Read the cluster in ``root`` and check all of it. Raises ``UserError`` with every mistake."""
    cluster = load_cluster(root)
    problems: list[Problem] = []
    boards = _boards(cluster, problems)
    sources = _sources(cluster, problems)
    contracts: dict[str, Contract] = {}
    for name, source in sources.items():
        problems += check_source(source)
        if source.classes:
            contracts[name] = read_contract(source)
    problems += _placement(cluster, boards, sources, contracts)
    if problems:
        raise UserError(sorted(set(problems), key=_place))
    notes: list[str] = []
    placed = tuple(
        _board_plan(cluster, entry, boards[entry.type], contracts, notes)
        for entry in cluster.boards
    )
    carried = {name for board in cluster.boards for name in board.services}
    notes += [f"{s.name} is placed on no board" for s in cluster.services if s.name not in carried]
    return Plan(cluster, placed, tuple(notes))


def _place(problem: Problem) -> tuple[str, int, str]:
    where = problem.where
    return (where.file, where.line, problem.what) if where else ("", 0, problem.what)


def _boards(cluster: Cluster, problems: list[Problem]) -> dict[str, Board]:
    boards = {}
    for entry in cluster.boards:
        try:
            boards[entry.type] = load_board(entry.type)
        except UserError as error:
            problems += [Problem(p.where or entry.where, p.what, p.remedy) for p in error.problems]
    return boards


def _sources(cluster: Cluster, problems: list[Problem]) -> dict[str, Source]:
    sources = {}
    names = dict.fromkeys(name for board in cluster.boards for name in board.services)
    for name in names:
        try:
            sources[name] = read_source(cluster.root, name)
        except UserError as error:
            entry = next((s for s in cluster.services if s.name == name), None)
            where = entry.where if entry else None
            problems += [Problem(p.where or where, p.what, p.remedy) for p in error.problems]
    return sources


def _placement(
    cluster: Cluster,
    boards: dict[str, Board],
    sources: dict[str, Source],
    contracts: dict[str, Contract],
) -> list[Problem]:
    found = [
        *placement.services_have_entries(cluster),
        *placement.services_are_placed_once(cluster),
        *placement.ports_are_unique(cluster),
        *placement.routes_can_be_reached(cluster, contracts),
        *placement.peers_exist(cluster, sources),
        *placement.peers_are_placed(cluster, contracts),
        *placement.streams_are_not_called(contracts, sources),
    ]
    for entry in cluster.boards:
        if entry.type in boards:
            found += placement.listeners_fit(entry, boards[entry.type], cluster)
    return found


def _board_plan(
    cluster: Cluster,
    entry: BoardEntry,
    board: Board,
    contracts: dict[str, Contract],
    notes: list[str],
) -> BoardPlan:
    entries = {s.name: s for s in cluster.services}
    order, rings = start_order(entry.services, contracts)
    notes += [
        f"{' and '.join(ring)} need each other: they start in the order of cluster.toml"
        for ring in rings
    ]
    return BoardPlan(
        entry.name,
        board,
        tuple(
            PlacedService(entries[name], contracts[name], cluster.root / "services" / name)
            for name in order
        ),
    )
