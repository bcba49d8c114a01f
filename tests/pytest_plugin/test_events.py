"""The fixture ``events``: what a service publishes, and events that a test delivers."""

from __future__ import annotations

from .conftest import Project

DOORS = """
from torpor import Event, Service, on


class DoorOpened(Event):
    fridge: str
    at: int
    by: str | None = None


class Doors(Service):
    async def start(self) -> None:
        self.heard: list[str] = []

    async def open_door(self, wait: bool) -> None:
        if wait:
            await self.publish(DoorOpened(fridge="f1", at=1), wait=True)
        else:
            await self.publish(DoorOpened(fridge="f2", at=2, by="Ann"))

    async def open_wrongly(self) -> None:
        await self.publish(DoorOpened(fridge="f3", at="1"))  # type: ignore[arg-type]

    @on(DoorOpened)
    async def note(self, event: DoorOpened) -> None:
        if event.at > 8:
            raise ValueError("late")
        self.heard.append(event.fridge)

    @on(DoorOpened)
    async def count(self, event: DoorOpened) -> None:
        await self._count()

    async def _count(self) -> None:
        self.heard.append("counted")

    async def get_heard(self) -> list[str]:
        return self.heard
"""
TESTS = """
import pytest


async def test_published(start, events):
    doors = await start()
    await doors.open_door(True)
    await doors.open_door(False)
    first, second = events.published
    assert (first.fridge, first.at, first.by) == ("f1", 1, None)
    assert second.by == "Ann"
    assert await doors.get_heard() == ["f1", "counted", "f2", "counted"]
    await start()
    assert events.published == []


async def test_delivered(start, events):
    doors = await start()
    await events.deliver("DoorOpened", fridge="x", at=1)
    assert await doors.get_heard() == ["x", "counted"]
    with pytest.raises(ValueError, match="late"):
        await events.deliver("DoorOpened", fridge="x", at=9)


async def test_mistakes(start, events):
    with pytest.raises(AssertionError, match="there is no service yet"):
        await events.deliver("DoorOpened")
    await start()
    with pytest.raises(AssertionError, match="DoorOpened has no field on; it has fridge, at, by"):
        await events.deliver("DoorOpened", on=1)
    with pytest.raises(AssertionError, match="DoorOpened lacks fields: at, by"):
        await events.deliver("DoorOpened", fridge="x")
    what = "doors does not subscribe to Doors; it subscribes to DoorOpened"
    with pytest.raises(AssertionError, match=what):
        await events.deliver("Doors")


async def test_delivered_in_strict_mode(start, events):
    await start()
    await events.deliver("DoorOpened", fridge="x", at="1")


async def test_published_in_strict_mode(start, events):
    doors = await start()
    await doors.open_wrongly()
"""


def test_the_fixture_of_events(project: Project) -> None:
    run = project.write({"doors": DOORS}, {"doors/tests/test_doors.py": TESTS}).pytest()
    assert run.counts == {"passed": 3, "failed": 2}, run.text
    delivered = run.report("test_delivered_in_strict_mode")
    assert "StrictError: delivered DoorOpened(at='1'): expected int, got str" in delivered
    published = run.report("test_published_in_strict_mode")
    assert "StrictError: published DoorOpened(at='1'): expected int, got str" in published
