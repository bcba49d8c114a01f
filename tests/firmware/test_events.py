"""Events reach their subscribers on one board and on two; a failing one disturbs no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.running import Running, offer, running, write_cluster
from tests.helpers.several import write_boards

DOORS = """
from typing import Any, TypedDict

from torpor import Event, Service, get, on, post


class Large:
    def __repr__(self) -> str:
        raise MemoryError("no memory for the text")


class Counted(Event):
    what: Any


class Place(TypedDict):
    shelf: int


class DoorOpened(Event):
    fridge: str
    place: Place
    by: str | None = None


class DoorClosed(Event):
    fridge: str


class Doors(Service):
    async def start(self) -> None:
        self.own: list[str] = []

    @post("/open")
    async def open_door(self, fridge: str, wait: bool = False) -> None:
        if wait:
            await self.publish(DoorOpened(fridge=fridge, place={"shelf": 2}), wait=True)
        else:
            await self.publish(DoorOpened(fridge=fridge, place={"shelf": 1}, by="Ann"))

    @post("/close")
    async def close_door(self, fridge: str) -> None:
        await self.publish(DoorClosed(fridge=fridge))

    @on(DoorOpened)
    async def hear_itself(self, event: DoorOpened) -> None:
        self.own.append(event.fridge)

    @post("/count")
    async def count(self) -> None:
        await self.publish(Counted(what=Large()))

    @on(Counted)
    async def cannot_count(self, event: Counted) -> None:
        raise KeyError("count")

    @get("/own")
    async def get_own(self) -> list[str]:
        return self.own
"""
HALL = """
import asyncio

from services.doors import DoorOpened
from torpor import Fault, Service, get, on, post


class Hall(Service):
    async def start(self) -> None:
        self.seen: list[str] = []
        self.go = asyncio.Event()

    @on(DoorOpened)
    async def fail(self, event: DoorOpened) -> None:
        raise Fault(503, "the lamp is broken")

    @on(DoorOpened)
    async def note(self, event: DoorOpened) -> None:
        self.seen.append("%s %d %s" % (event.fridge, event.place["shelf"], event.by))

    @on(DoorOpened)
    async def slow(self, event: DoorOpened) -> None:
        if event.fridge == "slow":
            await self.go.wait()
            self.seen.append("slow has ended")
            raise KeyError("late")

    @post("/go")
    async def let_go(self) -> None:
        self.go.set()

    @get("/seen")
    async def get_seen(self) -> list[str]:
        return self.seen
"""


class Stream:
    """A client of ``/~events``, which is connected when this returns."""

    def __init__(self, run: Running, target: str) -> None:
        self._sock = run.connect("doors")
        self._sock.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        self._file = self._sock.makefile("rb")
        head = b"".join(iter(self._file.readline, b"\r\n"))
        assert b" 200 OK" in head
        assert b"Content-Type: text/event-stream\r\n" in head
        assert self._file.read(3) == b":\n\n"

    def read(self) -> tuple[str, Any]:
        """Return the name of the next event, and its fields."""
        name, data, end = (self._file.readline().decode() for _ in range(3))
        assert end == "\n"
        return name.removeprefix("event: ").strip(), json.loads(data.removeprefix("data: "))

    def close(self) -> None:
        self._file.close()
        self._sock.close()


def ask(run: Running, service: str, verb: str, path: str, **body: Any) -> Any:
    with run.client(service) as client:
        response = client.request(verb, path, json=body or None)
    assert response.is_success, response.text
    return response.json() if response.content else None


@pytest.fixture(scope="module", params=["one board", "two boards", "strict"])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    root = tmp_path_factory.mktemp("events")
    services = {"doors": DOORS, "hall": HALL}
    if request.param == "two boards":
        write_boards(root, services, {"box": ["doors"], "shed": ["hall"]})
    else:
        write_cluster(root, services)
    if request.param != "one board":
        offer(root, "doors", "DoorOpened", "DoorClosed")
    with running(root, strict=request.param == "strict") as run:
        board = "shed" if request.param == "two boards" else "box"
        yield run, board, request.param != "one board"


def test_every_subscriber_gets_the_event(house: Any) -> None:
    run, board, _ = house
    ask(run, "doors", "POST", "/open", fridge="one", wait=True)
    assert ask(run, "hall", "GET", "/seen") == ["one 2 None"]
    assert ask(run, "doors", "GET", "/own") == ["one"]
    run.wait_log(board, "failed to handle DoorOpened(fridge='one'")
    run.wait_log(board, "Fault: (503, 'the lamp is broken')")


def test_an_event_too_large_for_the_log_does_not_disturb_the_publisher(house: Any) -> None:
    run, _, _ = house
    ask(run, "doors", "POST", "/count")
    run.wait_log("box", "failed to handle an event")
    run.wait_log("box", "KeyError: count")


def test_a_publisher_does_not_wait(house: Any) -> None:
    run, board, _ = house
    ask(run, "doors", "POST", "/open", fridge="slow")  # returns, while its subscriber waits
    run.wait_log(board, "failed to handle DoorOpened(fridge='slow'")
    assert "slow 1 Ann" in ask(run, "hall", "GET", "/seen")
    assert "slow has ended" not in ask(run, "hall", "GET", "/seen")
    ask(run, "hall", "POST", "/go")
    run.wait_log(board, "KeyError: late")
    assert "slow has ended" in ask(run, "hall", "GET", "/seen")


def test_a_client_receives_the_events_that_it_chooses(house: Any) -> None:
    run, _, offers = house
    with run.client("doors") as client:
        if not offers:
            assert client.get("/~events").json() == {"error": "doors has no /~events"}
            return
        all_of, one = (Stream(run, f"/~events{query}") for query in ("", "?name=DoorClosed"))
        for name in ('"0"\n', '"1"\n'):
            assert client.post("/open", json={"fridge": name}).status_code == 204
            assert client.post("/close", json={"fridge": name}).status_code == 204
            opened = {"fridge": name, "place": {"shelf": 1}, "by": "Ann"}
            assert all_of.read() == ("DoorOpened", opened)
            assert all_of.read() == ("DoorClosed", {"fridge": name})
            assert one.read() == ("DoorClosed", {"fridge": name})
        all_of.close()
        one.close()
        unknown = client.get("/~events?name=DoorOpend")
        assert unknown.status_code == 404
        assert unknown.json()["error"].endswith("DoorOpend, but DoorOpened, DoorClosed")
        assert client.post("/~events").status_code == 405
    with run.client("hall") as client:
        assert client.get("/~events").status_code == 404


def test_the_log_reports_events_that_another_board_did_not_receive(tmp_path: Path) -> None:
    write_boards(tmp_path, {"doors": DOORS, "hall": HALL}, {"box": ["doors"], "shed": ["hall"]})
    with running(tmp_path) as run:
        run.loop.call_soon_threadsafe(run.sim.board("shed").cut)
        ask(run, "doors", "POST", "/open", fridge="two", wait=True)
        run.wait_log("box", "events: DoorOpened was not delivered to shed: 50")
        assert ask(run, "doors", "GET", "/own") == ["two"]
