"""The plan: start order, rings, and the notes in the build's output."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.running import write_cluster
from torpor_tools.contracts import load_plan, read_plan
from torpor_tools.contracts.order import start_order
from torpor_tools.contracts.placement import states_fit
from torpor_tools.errors import Where
from torpor_tools.model.cluster import BoardEntry
from torpor_tools.model.contract import Contract, Peer
from torpor_tools.project import load_board

NOWHERE = Where("")


def contracts(needs: dict[str, str]) -> dict[str, Contract]:
    return {
        name: Contract(
            name, name.upper(), NOWHERE, (), tuple(Peer(p, p.upper(), p, NOWHERE) for p in peers)
        )
        for name, peers in needs.items()
    }


@pytest.mark.parametrize(
    ("needs", "order", "rings"),
    [
        ({"a": "", "b": "", "c": ""}, "abc", []),
        ({"a": "b", "b": "c", "c": ""}, "cba", []),
        ({"a": "c", "b": "", "c": ""}, "bca", []),
        ({"a": "x"}, "a", []),  # a peer that is elsewhere
        ({"a": "b", "b": "a", "c": ""}, "abc", ["ab"]),
        ({"a": "b", "b": "a", "c": "a"}, "abc", ["ab"]),
        ({"a": "bc", "b": "a", "c": ""}, "cab", ["ab"]),
        ({"a": "b", "b": "ac", "c": "d", "d": "c"}, "cdab", ["cd", "ab"]),
        ({"a": "b", "b": "c", "c": "a"}, "abc", ["abc"]),
    ],
)
def test_order(needs: dict[str, str], order: str, rings: list[str]) -> None:
    found = start_order(list(needs), contracts(needs))
    assert ("".join(found[0]), ["".join(ring) for ring in found[1]]) == (order, rings)


@given(st.dictionaries(st.sampled_from("abcdef"), st.text("abcdef", max_size=4)), st.randoms())
def test_peers_start_first_except_in_a_ring(needs: dict[str, str], chance: random.Random) -> None:
    needs = {name: "".join(set(peers) - {name}) for name, peers in needs.items()}
    names = list(needs)
    chance.shuffle(names)
    order, rings = start_order(names, contracts(needs))
    assert sorted(order) == sorted(names)
    for name in names:
        for peer in set(needs[name]) & set(names):
            together = any({name, peer} <= set(ring) for ring in rings)
            assert together or order.index(peer) < order.index(name)
    for ring in rings:
        assert ring == sorted(ring, key=names.index)


def service(name: str, *members: str, peers: str = "") -> str:
    lines = [f"from services.{p} import {p.upper()}" for p in peers]
    lines += ["from torpor import Service, get", "", f"class {name.upper()}(Service):", "    pass"]
    lines += [f"    {p}: {p.upper()}" for p in peers]
    return "\n".join([*lines, *members]) + "\n"


ROUTE = '    @get("/")\n    async def read(self) -> int:\n        return 3'


def test_the_plan(tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"a": service("a", ROUTE, peers="b"), "b": service("b", ROUTE)})
    plan = load_plan(root)
    [board] = plan.boards
    assert (board.name, board.board.name) == ("box", "RPI_PICO_W")
    assert [s.name for s in board.services] == ["b", "a"]
    assert board.service("a").folder == root / "services" / "a"
    assert board.service("a").port == 8001
    assert plan.notes == ()


def test_a_ring_is_noted(tmp_path: Path) -> None:
    sources = {"y": service("y", ROUTE, peers="x"), "x": service("x", ROUTE, peers="y")}
    plan = load_plan(write_cluster(tmp_path, sources))
    assert [s.name for s in plan.boards[0].services] == ["y", "x"]
    assert plan.notes == ("y and x need each other: they start in the order of cluster.toml",)


def test_an_unreachable_service_is_noted(tmp_path: Path) -> None:
    sources = {"a": service("a", ROUTE, "    app = 3"), "b": service("b"), "c": service("c")}
    root = write_cluster(tmp_path, sources)
    file = root / "cluster.toml"
    text = file.read_text().replace("port = 8001", "port = false").replace(', "c"]', "]")
    file.write_text(text)
    assert load_plan(root).notes == (
        "cluster.toml:8: a has `port = false`: its route and its app cannot be reached",
        "cluster.toml:11: b has a port but no route and no app to answer there",
        "cluster.toml:14: c is not on any board",
    )


def test_too_many_states_for_the_memory_that_outlives_sleep() -> None:
    board = replace(load_board("ESP32_GENERIC"), rtc_bytes=800)
    names = ("a", "b", "c")
    entry = BoardEntry("shed", board.name, names, Where("cluster.toml", 4))
    found = {n: Contract(n, n, NOWHERE, (), (), uses_state=True) for n in names}
    [problem] = states_fit(entry, board, found)
    assert "of the 800 bytes of RTC memory" in problem.what
    assert list(states_fit(entry, board, {"a": found["a"]})) == []


@pytest.mark.parametrize(
    ("reads", "config", "notes"),
    [
        ('self.config.get("period", 5)', "peroid = 3", ['config peroid; did you mean "period"?']),
        ('self.config.get("period", 5)', "period = 3", []),
        ('self.config["period"]', "period = 3\nmore = 1", ["config more"]),
        ('"period" in self.config and self.config["period"]', "", []),
        ("dict(self.config)", "anything = 3", []),  # it may read what it likes
        ("str(self)", "unused = 3", ["config unused"]),
    ],
)
def test_settings_that_are_never_read(
    tmp_path: Path, reads: str, config: str, notes: list[str]
) -> None:
    source = f"""
from torpor import Service


class A(Service):
    async def start(self) -> None:
        self._period = {reads}
"""
    write_cluster(tmp_path, {"a": source})
    toml = tmp_path / "cluster.toml"
    toml.write_text(f"{toml.read_text()}\n[services.a.config]\n{config}\n")
    found = [note for note in load_plan(tmp_path).notes if "config" in note]
    assert [note.partition(": a does not read ")[2] for note in found] == notes
    assert all(note.startswith("cluster.toml:1") for note in found), found


def test_a_missing_setting_that_the_code_handles(tmp_path: Path) -> None:
    source = """
from torpor import Service


class A(Service):
    async def start(self) -> None:
        try:
            self._period = self.config["period"]
        except KeyError:
            self._period = 5
"""
    load_plan(write_cluster(tmp_path, {"a": source}))


@pytest.mark.parametrize(
    ("hosts", "kind", "ports", "problem"),
    [
        (('host = "10.0.0.7"', 'host = "10.0.0.7"'), "RPI_PICO_W", (1, 2), "cluster.toml:13: "),
        (
            ('host = "Shed.local"', 'host = "shed.local"'),
            "RPI_PICO_W",
            (1, 2),
            "cluster.toml:13: ",
        ),
        (("", 'host = "one.local"'), "RPI_PICO_W", (1, 2), "cluster.toml:13: "),
        (('host = "two.local"', ""), "ESP32_GENERIC", (1, 2), "cluster.toml:10: "),
        (('host = "nas"', 'host = "nas"'), "UNIX", (8001, 8001), "cluster.toml:13: "),
        (('host = "nas"', 'host = "nas"'), "UNIX", (8001, 8002), ""),
        (("", ""), "RPI_PICO_W", (80, 80), ""),
    ],
)
def test_two_boards_with_one_host(
    tmp_path: Path, hosts: tuple[str, str], kind: str, ports: tuple[int, int], problem: str
) -> None:
    write_cluster(tmp_path, {"a": service("a", ROUTE), "b": service("b", ROUTE)})
    lines = ["[cluster]", 'name = "test"']
    for board, name, host in (("one", "a", hosts[0]), ("two", "b", hosts[1])):
        lines += ["", f"[boards.{board}]", f'type = "{kind}"', f'services = ["{name}"]', host, ""]
    for name, port in zip("ab", ports, strict=True):
        lines += [f"[services.{name}]", f"port = {port}"]
    (tmp_path / "cluster.toml").write_text("\n".join(lines) + "\n")
    problems = [str(p) for p in read_plan(tmp_path)[1]]
    assert len(problems) == bool(problem), problems
    assert all(p.startswith(f"{problem}two and one have the same host") for p in problems)
