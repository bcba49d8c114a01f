"""Other placements: they are proposed, compared and judged."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torpor_tools.cli import run
from torpor_tools.contracts import load_plan
from torpor_tools.topology.needs import uses_hardware
from torpor_tools.topology.solve import Load, Placement, Room, solve

ROOT = Path(__file__).parents[2]
BOARDS = ("x", "y", "z")


def cost(homes: dict[str, str], calls: dict[tuple[str, str], int]) -> int:
    return sum(count for (a, b), count in calls.items() if homes[a] != homes[b])


def fits(homes: dict[str, str], loads: list[Load], rooms: list[Room]) -> bool:
    for room in rooms:
        own = [load for load in loads if homes[load.service] == room.board]
        if sum(load.port is not None for load in own) > room.listeners:
            return False
        if sum(load.heap for load in own) > room.heap:
            return False
    return all(load.fixed in (None, homes[load.service]) for load in loads)


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[Load], list[Room], dict[tuple[str, str], int]]:
    names = [f"s{i}" for i in range(draw(st.integers(1, 5)))]
    fixed = st.sampled_from([None, None, None, *BOARDS])
    loads = [
        Load(name, i if draw(st.booleans()) else None, 0, draw(st.integers(0, 9)), draw(fixed))
        for i, name in enumerate(names)
    ]
    rooms = [Room(b, draw(st.integers(0, 4)), 99, 99, draw(st.integers(0, 25))) for b in BOARDS]
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names))
    calls = draw(st.dictionaries(pairs, st.integers(0, 20), max_size=8))
    return loads, rooms, {pair: n for pair, n in calls.items() if pair[0] != pair[1]}


@settings(max_examples=60, deadline=None)
@given(clusters())
def test_no_placement_is_better(
    cluster: tuple[list[Load], list[Room], dict[tuple[str, str], int]],
) -> None:
    loads, rooms, calls = cluster
    names = [load.service for load in loads]
    every = (dict(zip(names, homes, strict=True)) for homes in product(BOARDS, repeat=len(names)))
    costs = [cost(homes, calls) for homes in every if fits(homes, loads, rooms)]
    found = solve(loads, rooms, calls, {})
    if not costs:
        assert found is None
        return
    assert found
    assert found.is_best
    assert fits(found.homes, loads, rooms)
    assert found.cost == cost(found.homes, calls) == min(costs)


def test_of_two_equal_placements_the_one_with_fewer_moves_wins() -> None:
    loads = [Load("a", None), Load("b", None)]
    rooms = [Room(board, 9, 9, 9, 9) for board in BOARDS]
    now = {"a": "y", "b": "y"}
    assert solve(loads, rooms, {("a", "b"): 3}, now) == Placement(now, 0, True)


def test_a_board_keeps_a_connection_for_clients() -> None:
    loads = [Load(f"s{i}", None, fixed=board) for i, board in enumerate(BOARDS)]
    calls = {("s0", "s1"): 1, ("s0", "s2"): 1}
    for connections, there_is_one in ((2, False), (3, True)):
        rooms = [Room(board, 9, connections, 9, 9) for board in BOARDS]
        assert (solve(loads, rooms, calls, {}) is not None) is there_is_one


def test_listeners_take_sockets_from_the_connections_where_they_share_them() -> None:
    loads = [Load(f"s{i}", 8000 + i, fixed="x") for i in range(3)] + [Load("far", None, fixed="y")]
    for sockets, there_is_one in ((5, False), (6, True)):
        rooms = [Room(board, 9, 9, 9, 9, shared=sockets) for board in BOARDS]
        assert (solve(loads, rooms, {("s0", "far"): 1}, {}) is not None) is there_is_one


def test_a_search_that_is_cut_short_is_reported() -> None:
    loads = [Load(f"s{i}", None, heap=1) for i in range(6)]
    rooms = [Room(board, 9, 9, 9, 2) for board in BOARDS]
    calls = {(a.service, b.service): 1 for a in loads for b in loads if a != b}
    found = solve(loads, rooms, calls, {}, most_steps=20)
    assert found
    assert not found.is_best


def test_services_that_are_wired_to_pins() -> None:
    plan = load_plan(ROOT)
    assert [s.name for s in plan.boards[0].services if uses_hardware(plan, s)] == ["sensors"]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the sample on three Pico Ws: none has room for all; readings is far from its peers."""
    monkeypatch.setenv("TORPOR_CLUSTER_KEYS", "5a" * 32)
    (tmp_path / "services").symlink_to(ROOT / "services")
    text = (ROOT / "cluster.toml").read_text()
    head, _, tail = text.partition("[boards.shed]")
    placed = {"shed": ["sensors", "alerts"], "barn": ["readings", "device"], "hall": ["dashboard"]}
    boards = "".join(
        f'[boards.{name}]\ntype = "RPI_PICO_W"\nservices = {json.dumps(services)}\n\n'
        for name, services in placed.items()
    )
    (tmp_path / "cluster.toml").write_text(head + boards + tail[tail.index("[services.") :])
    return tmp_path


def record(root: Path, heap: int) -> None:
    calls = {("alerts", "readings", "newest"): 60, ("readings", "sensors", "fridges"): 90}
    calls[("dashboard", "alerts", "ranges")] = 5
    text = {
        "version": 1,
        "seconds": 60.0,
        "calls": [{"from": a, "to": b, "method": m, "count": n} for (a, b, m), n in calls.items()],
        "heap": dict.fromkeys(("sensors", "readings", "alerts", "device", "dashboard"), heap),
        "base": {"shed": 70_000},
    }
    (root / "run.json").write_text(json.dumps(text))


def says(root: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = run(["-C", str(root), *arguments])
    message = capsys.readouterr()
    assert code == 0, message.err
    return message.out


def test_place_proposes_placements_that_fit_the_boards(
    cluster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(
        cluster, heap=24_000
    )  # three of them fit next to the runtime: 3/4 of 194,560 less 70,000
    message = says(cluster, capsys, "place", "run.json")
    assert "5 of 155 calls in 60 s use the network, now 155" in message
    assert '  [boards.shed]\n  services = ["sensors", "readings", "alerts"]' in message
    message = says(
        cluster, capsys, "place", "run.json", "--fix", "readings=hall", "--free", "sensors"
    )
    assert '  [boards.hall]\n  services = ["sensors", "readings", "alerts"]' in message
    message = says(cluster, capsys, "place")
    assert "pairs of methods use the network" in message
    record(cluster, heap=90_000)
    assert run(["-C", str(cluster), "place", "run.json"]) == 1
    assert "no placement fits the boards" in capsys.readouterr().err


def test_plan_shows_what_a_move_rebuilds(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(cluster, heap=1)
    message = says(cluster, capsys, "plan", "device=barn", "--record", "run.json")
    assert message.count("stays as it is") == 3
    message = says(cluster, capsys, "plan", "readings=shed", "--record", "run.json")
    lines = message.splitlines()
    assert all("is rebuilt: " in line for line in lines[:3]), lines
    assert "5 of 155 calls in 60 s use the network, now 155" in message
    message = says(cluster, capsys, "plan", "dashboard=barn")
    assert "hall  runs no services" in message


def test_plan_without_a_move_looks_at_the_last_build(
    cluster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "hall  is built for the first time" in says(cluster, capsys, "plan")
    says(cluster, capsys, "build", "--no-types")
    assert says(cluster, capsys, "plan").count("stays as it is") == 3
    text = (cluster / "cluster.toml").read_text()
    (cluster / "cluster.toml").write_text(text.replace("high = 8.0", "high = 7.5"))
    message = says(cluster, capsys, "plan")
    assert "shed  is rebuilt: 2 files changed" in message, "the wiring, and the list of the files"
    assert message.count("stays as it is") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "readings"], "write SERVICE=BOARD"),
        (["plan", "reading=barn"], 'did you mean "readings"?'),
        (["plan", "readings=bern"], 'did you mean "barn"?'),
        (["place", "--fix", "readings=bern"], 'did you mean "barn"?'),
        (["place", "none.json"], "there is no none.json"),
    ],
)
def test_mistakes(
    cluster: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(cluster), *arguments]) == 1
    assert message in capsys.readouterr().err
