"""The cost of publishing an event, and of an event that nobody publishes."""

from __future__ import annotations

from tests.bench.lab import Lab
from tests.bench.registry import figure

_DOORS = """
from services.hall import Hall
from torpor import Event, Service


class DoorOpened(Event):
    fridge: str
    at: int


class Doors(Service):
    hall: Hall

    async def publish_each(self, count: int) -> None:
        for at in range(count):
            await self.publish(DoorOpened(fridge="fridge-1", at=at))

    async def call_each(self, count: int) -> None:
        for at in range(count):
            await self.hall.call(fridge="fridge-1", at=at)
"""
_HALL = """
from services.doors import DoorOpened
from torpor import Service, on


class Hall(Service):
    async def start(self) -> None:
        self.count = 0

    @on(DoorOpened)
    async def hear(self, event: DoorOpened) -> None:
        self.count += event.at

    async def call(self, fridge: str, at: int) -> None:
        self.count += at
"""
_PROGRAM = """
import asyncio, json, time
import cluster
from torpor import kernel


async def took(work):
    began = time.ticks_us()
    await work(50)
    return time.ticks_diff(time.ticks_us(), began)


def middle(values):
    values = sorted(values)
    quarter = len(values) // 4
    return sum(values[quarter : len(values) - quarter])


async def main():
    board = kernel.current = kernel.Kernel(cluster)
    await board.start()
    doors = board.services["doors"]
    ratios = []
    for _ in range(ROUNDS):
        published, called = [], []
        for _ in range(200):
            published.append(await took(doors.publish_each))
            await asyncio.sleep_ms(1)
            called.append(await took(doors.call_each))
            await asyncio.sleep_ms(1)
        ratios.append(middle(published) / middle(called))
    assert board.services["hall"].count == ROUNDS * 200 * 2 * 1225
    print(json.dumps(ratios))


asyncio.run(main())
"""
_EVENT = "\n\nclass Opened(Event):\n    fridge: str\n"
_UNUSED = """from torpor import Event, Service
{event}

class A(Service):
    async def read(self) -> int:
        return 1
"""


@figure("publish_over_call", unit="ratio", goal=1.3, better="lower")
def publish_over_call(lab: Lab) -> list[float]:
    """Compare publishing to one subscriber on the board with calling it with the same values."""
    image = lab.cluster({"hall": _HALL, "doors": _DOORS})
    ratios: list[float] = lab.run_on_board(image, _PROGRAM.replace("ROUNDS", str(lab.rounds)))
    return ratios


@figure("event_unused_bytes", unit="bytes", goal=0, better="lower")
def event_unused_bytes(lab: Lab) -> float:
    """Measure how many bytes larger an event that nobody publishes makes an image."""
    lines = "\n" * _EVENT.count("\n")
    with_it, without = (
        lab.cluster({"a": _UNUSED.format(event=event)}) for event in (_EVENT, lines)
    )
    return with_it.sizes.compiled - without.sizes.compiled
