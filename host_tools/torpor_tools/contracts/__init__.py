"""Contracts: read from the services' sources, checked against the rules and by mypy.

``load_plan`` is the entry point for everything that needs to know the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import Problem, UserError
from ..libraries.vendor import libraries_are_as_added, libraries_do_not_collide
from ..model.board import Board
from ..model.cluster import BoardEntry, Cluster
from ..model.contract import Contract
from ..model.device import Device
from ..model.plan import BoardPlan, PlacedService, Plan
from ..project import load_board, load_cluster, partitions
from ..project.devices import wired
from ..suggest import listing
from . import (
    lib,
    lib_state,
    offered_events,
    on_request,
    peers,
    pins,
    placement,
    safe_outputs,
    settings,
    sleep,
    sleepers,
    subscriptions,
)
from .mypy_check import check_types
from .order import start_order
from .promises import with_earlier
from .read import read_contract
from .rules import check_source
from .source import Source, read_source

__all__ = ["check_types", "load_board", "load_plan", "plan_of", "read_placed", "read_plan"]


def load_plan(root: Path) -> Plan:
    """Read and check the cluster in ``root``. Raises ``UserError`` with every mistake."""
    return plan_of(load_cluster(root))


def read_plan(root: Path) -> tuple[Plan, list[Problem]]:
    """Return the cluster in ``root``, and every mistake in it.

    If there are mistakes, the plan can be checked further, but not built: it lacks boards of an
    unknown type and services that cannot be read. Raises ``UserError`` if ``cluster.toml`` itself
    cannot be read.
    """
    return read_placed(load_cluster(root))


def plan_of(cluster: Cluster) -> Plan:
    """``load_plan`` for a cluster that has already been read, and perhaps placed differently."""
    plan, problems = read_placed(cluster)
    if problems:
        raise UserError(problems)
    return plan


def read_placed(cluster: Cluster) -> tuple[Plan, list[Problem]]:
    """``read_plan`` for a cluster that has already been read, and perhaps placed differently."""
    problems: list[Problem] = []
    boards = _boards(cluster, problems)
    sources = _sources(cluster, problems)
    for source in sources.values():
        problems += check_source(source)
    devices = _devices(cluster, boards, problems)
    contracts = {n: read_contract(source) for n, source in sources.items() if source.classes}
    contracts = with_earlier(cluster.root, contracts)
    problems += _together(cluster, boards, sources, contracts)
    problems += _library(cluster, boards, sources)
    read = {n: settings.read_settings(source) for n, source in sources.items()}
    problems += settings.settings_are_there(cluster, read)
    notes: list[str] = []
    placed = tuple(
        _board_plan(cluster, b, laid_out, contracts, devices[b.name], sources, notes)
        for b in cluster.boards
        if (laid_out := _laid_out(b, boards.get(b.type), problems))
    )
    notes += [*placement.notes(cluster, contracts), *settings.unused(cluster, read)]
    notes += [
        *subscriptions.notes(cluster, contracts.values()),
        *offered_events.notes(cluster, placed),
    ]
    placed = sleepers.with_mail(placed)
    notes += sleepers.notes(cluster, placed, sources)
    problems += sleepers.sleepers_have_mailboxes(placed)
    plan = Plan(cluster, placed, tuple(notes))
    return plan, sorted(dict.fromkeys(problems), key=_place)


def _place(problem: Problem) -> tuple[str, int, int, str]:
    where = problem.where
    return (where.file, where.line, where.column, problem.what) if where else ("", 0, 0, "")


def _boards(cluster: Cluster, problems: list[Problem]) -> dict[str, Board]:
    """The board types in use, by their name."""
    boards = {}
    for entry in cluster.boards:
        try:
            boards[entry.type] = load_board(entry.type)
        except UserError as error:
            problems += [Problem(p.where or entry.where, p.what, p.remedy) for p in error.problems]
    return boards


def _laid_out(entry: BoardEntry, board: Board | None, problems: list[Problem]) -> Board | None:
    """The board's type with the flash and the firmware slots that cluster.toml gives it."""
    if board is None or not (entry.flash_mb or entry.firmware_slots):
        return board
    key = "flash_mb" if entry.flash_mb else "firmware_slots"
    where = entry.flash_where or entry.where
    if board.port != "esp32":
        what = f"{key}: {entry.name} is a {board.title}, which has no firmware slots"
        problems.append(Problem(where, what, "take that line out: it is for an ESP32"))
        return board
    try:
        return partitions.laid_out(board, entry.flash_mb, entry.firmware_slots)
    except UserError as error:
        problems += [Problem(where, p.what, p.remedy) for p in error.problems]
        return board


def _devices(
    cluster: Cluster, boards: dict[str, Board], problems: list[Problem]
) -> dict[str, tuple[Device, ...]]:
    """The devices wired to each board, by the board's name."""
    found = {}
    for entry in cluster.boards:
        if entry.type in boards:
            found[entry.name], wrong = wired(cluster.root, entry, boards[entry.type])
            problems += wrong
    return found


def _sources(cluster: Cluster, problems: list[Problem]) -> dict[str, Source]:
    """The sources of all services of a board."""
    sources = {}
    for board in cluster.boards:
        for name in board.services:
            if placement.is_misspelt(cluster, name):
                continue  # which services_have_entries reports
            try:
                sources[name] = read_source(cluster.root, name)
            except UserError as error:
                where = board.where_of(name)
                problems += [Problem(p.where or where, p.what, p.remedy) for p in error.problems]
    return sources


def _library(
    cluster: Cluster, boards: dict[str, Board], sources: dict[str, Source]
) -> Iterable[Problem]:
    """Report problems of the project's ``lib/`` and of what ``[libraries]`` names."""
    modules, problems = lib.lib_modules(cluster.root)
    yield from problems
    yield from libraries_are_as_added(cluster)
    yield from libraries_do_not_collide(cluster)
    yield from lib.lib_knows_no_service(modules)
    yield from lib.lib_names_are_free(modules, boards.values())
    yield from lib_state.lib_shares_no_state(modules, sources)


def _together(
    cluster: Cluster,
    boards: dict[str, Board],
    sources: dict[str, Source],
    contracts: dict[str, Contract],
) -> Iterable[Problem]:
    """Report problems between services, and between services and boards."""
    yield from placement.services_have_entries(cluster)
    yield from placement.called_boards_listen(cluster, contracts)
    yield from placement.ports_are_unique(cluster)
    yield from placement.path_of_metrics_is_free(cluster, contracts)
    yield from placement.hosts_are_unique(cluster, boards)
    yield from peers.peers_exist(cluster, sources)
    yield from peers.peers_are_only_types(sources)
    yield from peers.peers_are_placed(cluster, contracts)
    yield from peers.only_contracts_are_used(sources, contracts)
    yield from subscriptions.events_have_names_of_their_own(sources)
    yield from subscriptions.subscribing_boards_have_ports(cluster, contracts)
    yield from subscriptions.durable_events_have_mailboxes(cluster, contracts)
    yield from safe_outputs.outputs_are_known(cluster, sources)
    yield from offered_events.offered_events_are_published(cluster, contracts)
    yield from offered_events.boards_have_topics_of_their_own(cluster)
    yield from on_request.nobody_calls_it(cluster, contracts)
    yield from on_request.nothing_waits_in_it(cluster, contracts)
    modules, _ = lib.lib_modules(cluster.root)
    for entry in cluster.boards:
        if entry.type in boards:
            yield from placement.listeners_fit(entry, boards[entry.type], cluster)
            yield from placement.connections_are_left(entry, boards[entry.type], cluster, contracts)
            yield from placement.host_name_fits(entry, boards[entry.type])
            yield from placement.states_fit(entry, boards[entry.type], contracts)
            yield from sleep.pins_can_wake(entry, boards[entry.type], contracts)
            yield from pins.pins_exist(cluster, entry, boards[entry.type], sources, modules)
            yield from safe_outputs.boards_have_outputs(entry, boards[entry.type], sources)
            yield from sleep.mailbox_fits(entry, boards[entry.type], cluster)
        yield from pins.pins_have_one_owner(
            cluster, entry, boards.get(entry.type), sources, modules
        )
        yield from sleep.something_wakes(entry, contracts)
        yield from sleep.something_listens(entry, cluster)


def _board_plan(
    cluster: Cluster,
    entry: BoardEntry,
    board: Board,
    contracts: dict[str, Contract],
    devices: tuple[Device, ...],
    sources: dict[str, Source],
    notes: list[str],
) -> BoardPlan:
    """The board with its services in start order; a ring of peers adds a note."""
    entries = {s.name: s for s in cluster.services}
    known = tuple(name for name in entry.services if name in entries and name in contracts)
    order, rings = start_order(known, contracts)
    for ring in rings:
        notes.append(f"{listing(ring)} need each other: they start in the order of cluster.toml")
    services = (
        PlacedService(
            entries[name],
            contracts[name],
            cluster.root / "services" / name,
            safe_outputs.outputs_of(sources[name], entries[name]),
        )
        for name in order
    )
    power = sleep.effective(entry, board, notes)
    notes += sleep.requests_arrive(entry, cluster) if power else ()
    mailbox = cluster.mailbox if entry.mailbox else None
    return BoardPlan(
        entry.name,
        board,
        tuple(services),
        entry.host,
        update=entry.update,
        watchdog_s=entry.watchdog_s if board.port != "unix" else 0,
        heap_reserve=entry.heap_reserve,
        heap_where=entry.heap_where or entry.where,
        power=power,
        mailbox=mailbox,
        devices=devices,
        observe=cluster.observe,
    )
