"""Events at build time: what they cost, what is noted, checked, recorded and drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.helpers.running import offer, write_cluster
from tests.helpers.several import write_boards
from torpor_tools.cli import root as torpor
from torpor_tools.contracts import load_plan
from torpor_tools.contracts.lock import read_lock
from torpor_tools.contracts.promises import broken_promises, record
from torpor_tools.link import check, image_files
from torpor_tools.link.events import events, wired

EVENT = "\n\nclass Opened(Event):\n    fridge: str\n    at: int = 0\n"
PUBLISHER = """from typing import TypedDict

from torpor import Event, Service, post
{event}

class A(Service):
    @post("/open")
    async def open_door(self) -> None:
        {line}
"""
SUBSCRIBER = """from services.a import Opened
from torpor import Service, on


class B(Service):
    @on(Opened)
    async def note(self, event: Opened) -> None:
        {line}
"""
PUBLISH = 'await self.publish(Opened(fridge="x"))'


def publisher(line: str = PUBLISH, event: str = EVENT) -> str:
    return PUBLISHER.format(line=line, event=event)


def subscriber(line: str = "self.log.info(event.fridge)") -> str:
    return SUBSCRIBER.format(line=line)


def test_an_event_that_is_not_published_costs_nothing(tmp_path: Path) -> None:
    # The classes end on the same lines, as tracebacks show these.
    with_event = write_cluster(tmp_path / "with", {"a": publisher("pass")})
    lines = "\n" * EVENT.count("\n")
    without = write_cluster(tmp_path / "without", {"a": publisher("pass", lines)})
    files = [image_files(load_plan(root), "box") for root in (with_event, without)]
    assert files[0] == files[1]
    assert not any("event" in name or "publisher" in name for name in files[0])


def test_an_image_has_no_more_than_its_events_need(tmp_path: Path) -> None:
    services = {"a": publisher(), "b": subscriber()}
    one = image_files(load_plan(write_cluster(tmp_path / "one", services)), "box")
    assert "torpor/events.mpy" in one
    assert not any(name.startswith("torpor/rpc/") for name in one)
    two = load_plan(write_boards(tmp_path / "two", services, {"box": ["a"], "shed": ["b"]}))
    here, there = image_files(two, "box"), image_files(two, "shed")
    assert b"RemotePublisher" in here["torpor/events.mpy"]
    assert b"receive_event" not in here["torpor/events.mpy"]
    assert b"RemotePublisher" not in there["torpor/events.mpy"]
    assert b"receive_event" in there["torpor/events.mpy"]
    assert b"Remote" not in one["torpor/events.mpy"]
    assert b"receive_event" not in one["torpor/events.mpy"]
    assert "torpor/rpc/client.mpy" in here
    assert "torpor/rpc/client.mpy" not in there


def test_a_durable_event_needs_the_mailbox_and_no_link(tmp_path: Path) -> None:
    services = {
        "a": publisher(),
        "b": subscriber().replace("Opened)\n    async", "Opened, durable=True)\n    async"),
    }
    root = write_boards(tmp_path, services, {"box": ["a"], "shed": ["b"]})
    toml = (root / "cluster.toml").read_text().replace("services =", "mailbox = true\nservices =")
    (root / "cluster.toml").write_text(f'{toml}\n[mailbox]\nurl = "mqtt://localhost:1"\n')
    (root / "secrets.toml").write_text("")
    here, there = image_files(load_plan(root), "box"), image_files(load_plan(root), "shed")
    assert b"Outbox" in here["torpor/mqtt/durable.mpy"]
    assert b"torpor.outbox" in here["torpor/mqtt/durable.mpy"]
    assert b"Outbox" not in there["torpor/mqtt/durable.mpy"]
    assert b"torpor.outbox" not in there["torpor/mqtt/durable.mpy"]
    assert not any(name.startswith("torpor/rpc/") for name in there)


def test_an_image_can_send_events_only_if_it_offers_some(tmp_path: Path) -> None:
    found = {}
    for kind in ("none", "http", "mqtt"):
        services = {"a": publisher(), "b": subscriber()}
        root = write_boards(tmp_path / kind, services, {"box": ["a", "b"]})
        if kind != "none":
            offer(root, "a", "Opened")
        if kind == "mqtt":
            toml = (root / "cluster.toml").read_text()
            toml = toml.replace("services =", "mailbox = true\nservices =")
            (root / "cluster.toml").write_text(f'{toml}\n[mailbox]\nurl = "mqtt://localhost:1"\n')
            (root / "secrets.toml").write_text("")
        files = image_files(load_plan(root), "box")
        found[kind] = [n for n in files if n.endswith("/events.mpy") and n != "torpor/events.mpy"]
        if kind == "none":
            plain = write_boards(tmp_path / "plain", services, {"box": ["a", "b"]})
            assert files == image_files(load_plan(plain), "box")
    assert found == {
        "none": [],
        "http": ["torpor/http/events.mpy"],
        "mqtt": ["torpor/mqtt/events.mpy"],
    }


def test_a_board_does_not_forward_events_from_others(tmp_path: Path) -> None:
    """Each board offers its own events; otherwise a client of the broker would get them twice."""
    services = {"a": publisher(), "b": subscriber()}
    root = write_boards(tmp_path, services, {"box": ["a", "b"], "shed": ["a"]})
    offer(root, "a", "Opened")
    plan = load_plan(root)
    text = "\n".join(wired(plan, plan.board("box")))
    assert """e.to_Opened.quick = (s["b"].note, offer("Opened", ("fridge", "at")))""" in text
    assert """e.in_Opened.quick = (s["b"].note,)""" in text
    assert "in_Opened)" in events(plan, plan.board("box"))


@pytest.mark.parametrize(
    ("published", "subscribed", "what"),
    [
        ("await self.publish(Opened(fridge=3))", "pass", 'has incompatible type "int"'),
        ("await self.publish(Opened(at=3))", "pass", 'Missing named argument "fridge"'),
        ('await self.publish(Opened(fridge="", on=3))', "pass", 'Unexpected keyword argument "on"'),
        (PUBLISH, "self.log.info(event.frigde)", '"Opened" has no attribute "frigde"'),
        (PUBLISH, "self.log.info(event.at)", 'incompatible type "int"'),
        (PUBLISH, "event.at = 3", 'Property "at" defined in "Opened" is read-only'),
    ],
)
def test_mypy_checks_both_sides(published: str, subscribed: str, what: str, tmp_path: Path) -> None:
    services = {"a": publisher(published), "b": subscriber(subscribed)}
    problems = check(write_cluster(tmp_path, services))[1]
    assert [p.what for p in problems if what in p.what], problems
    assert len(problems) == 1


def test_notes_name_events_without_a_publisher_or_a_subscriber(tmp_path: Path) -> None:
    alone = write_cluster(tmp_path / "a", {"a": publisher()})
    assert load_plan(alone).notes == (
        "services/a/__init__.py:14: a publishes Opened, and nothing subscribes to it",
    )
    silent = write_cluster(tmp_path / "b", {"a": publisher("pass"), "b": subscriber()})
    what = "services/b/__init__.py:7: b.note subscribes to Opened, and nothing publishes it"
    assert [note for note in load_plan(silent).notes if "Opened" in note] == [what]
    both = write_cluster(tmp_path / "c", {"a": publisher(), "b": subscriber()})
    assert not [note for note in load_plan(both).notes if "Opened" in note]


def test_events_of_lib_and_of_another_module_are_published_too(tmp_path: Path) -> None:
    event = "from torpor import Event\n\n\nclass {}(Event):\n    at: int\n"
    source = (
        "from doors import Opened\nfrom torpor import Service, on\n\nfrom .own import Closed\n\n\n"
        "class A(Service):\n    @on(Closed)\n    async def note(self, event: Closed) -> None:\n"
        "        await self.publish(Opened(at=event.at))\n\n    @on(Opened)\n"
        "    async def other(self, event: Opened) -> None:\n"
        "        await self.publish(Closed(at=1))\n"
    )
    root = write_cluster(tmp_path, {"a": source})
    (root / "lib").mkdir()
    (root / "lib/doors.py").write_text(event.format("Opened"))
    (root / "services/a/own.py").write_text(event.format("Closed"))
    assert check(root)[1] == []
    files = image_files(load_plan(root), "box")
    assert "doors.mpy" not in files
    assert "services/a/own.mpy" not in files


def test_the_lock_keeps_events_and_refuses_changes_that_break_subscribers(tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"a": publisher(), "b": subscriber()})
    record(load_plan(root))
    locked = (read_lock(root) or {})["a"].contract.events
    assert [(e.name, [(f.name, str(f.type), f.default) for f in e.fields]) for e in locked] == [
        ("Opened", [("fridge", "str", None), ("at", "int", "0")])
    ]
    assert broken_promises(load_plan(root)) == []
    changed = publisher(event=EVENT.replace("at: int", "at: float"))
    (root / "services/a/__init__.py").write_text(changed)
    assert [p.what for p in broken_promises(load_plan(root))] == [
        "this breaks callers of a: Opened.at was int, is float"
    ]


def test_the_graph_draws_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services = {"a": publisher(), "b": subscriber()}
    monkeypatch.chdir(write_boards(tmp_path, services, {"box": ["a"], "shed": ["b"]}))
    result = CliRunner().invoke(torpor, ["graph"])
    assert "    -> b on shed, over the network: event Opened\n" in result.output
    drawn = ["graph", "--svg", "g.svg", "--mermaid", "g.mmd"]
    assert CliRunner().invoke(torpor, drawn).exit_code == 0
    assert 'box_a -.->|"event Opened"| shed_b' in Path("g.mmd").read_text()
    title = "b subscribes to events of a over the network: Opened"
    assert title in Path("g.svg").read_text()
