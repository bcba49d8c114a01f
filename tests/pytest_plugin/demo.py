"""The demonstration: a service, and one failing test of each kind."""

ROOM = """
from services.sensor import Sensor
from torpor import Fault, Service, get


class Room(Service):
    sensor: Sensor

    @get("/room/<name>")
    async def mean(self, name: str, limit: int = 1) -> dict:
        values = await self.sensor.values(name, limit)
        if not values:
            raise Fault(404, "no value of %s yet" % name)
        return {"name": name, "mean": sum(values) / len(values)}
"""

SENSOR = """
from torpor import Service


class Sensor(Service):
    async def values(self, name: str, limit: int) -> list[float]:
        return [20.5]

    async def names(self) -> list[str]:
        return ["hall"]
"""

TESTS = """\
import asyncio

import pytest


class Sensor:
    async def values(self, name, limit):
        if name == "attic":
            raise OSError(5)
        return [20.0, 21.0]

    async def names(self):
        return ["hall"]


async def test_passes_before(start):
    room = await start(sensor=Sensor())
    assert (await room.mean("hall"))["mean"] == 20.5


async def test_wrong_value(start):
    room = await start(sensor=Sensor())
    assert await room.mean("hall") == {"name": "hall", "mean": 21.5}


def test_wrong_member():
    names = ["hall", "attic"]
    assert "cellar" in names


def test_wrong_order():
    low, high = 8.0, 2.0
    print("low is", low)
    assert low < high, "the ends of the range"


def test_call_in_an_assertion():
    assert len(["hall", "attic"]) == 3


def test_chain_of_calls():
    assert "hall".upper().replace("H", "B") == "WALL"


async def test_exception_in_a_peer(start):
    room = await start(sensor=Sensor())
    await room.mean("attic")


async def test_bug_in_the_service(start):
    room = await start(sensor={"values": ["20"]}, config={})
    room.log.warning("about to ask")
    await room.mean("hall", limit=None)


@pytest.mark.device_timeout(1)
async def test_timeout():
    await asyncio.sleep(60)


@pytest.mark.device_timeout(1)
def test_busy():
    while True:
        pass


@pytest.mark.device_timeout(1)
def test_hang():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


async def test_nobody_will_ever_set_it():
    await asyncio.Event().wait()


def test_hard_crash():
    import uctypes

    print("reading address 8")
    uctypes.bytes_at(8, 4)


async def test_stand_in_lacks_a_method(start):
    class Half:
        async def values(self, name, limit):
            return []

    await start(sensor=Half())


async def test_stand_in_breaks_the_contract(start):
    room = await start(sensor={"values": ["warm"]})
    await room.mean("hall")


async def test_strict_violation(start):
    room = await start(sensor={"values": (20.0, 21.0)})
    await room.mean("hall")


async def test_strict_violation_that_the_service_swallows(start):
    room = await start(sensor={"values": [float("inf")]})
    try:
        await room.mean("hall")
    except Exception:
        pass


async def test_task_dies_in_the_background():
    async def helper():
        raise KeyError("lost")

    asyncio.create_task(helper())
    await asyncio.sleep_ms(20)


def test_did_not_raise():
    with pytest.raises(ValueError):
        int("7")


@pytest.mark.parametrize("n", [1, 2, 3])
def test_each(n):
    assert n != 2


def test_unknown_fixture(thermometer):
    pass


def test_passes_after():
    assert True
"""
