"""The probes are simulated; the clock is torpor's fake one, so a conversion takes no time."""

import asyncio

import pytest

from torpor import Fault

WARM, COLD, OTHER = "28ff641e8216c3a1", "28ff5d2a6f180392", "28ff90b4c1170548"


@pytest.fixture
async def sensors(start, clock, board):
    board.probe(WARM, 9.5)
    board.probe(COLD, -1.25)
    return await start()


async def test_every_fridge_is_measured_and_an_absent_probe_is_none(sensors):
    found = await sensors.temperatures()
    assert found == {"fridge-1": 9.5, "fridge-2": -1.25, "fridge-3": None}


async def test_a_conversion_takes_750_ms(sensors, clock):
    before = clock.ticks()
    await sensors.temperatures()
    assert clock.ticks() - before == 750


async def test_callers_at_the_same_time_share_one_measurement(sensors, clock):
    before = clock.ticks()
    found = await asyncio.gather(sensors.temperature("fridge-1"), sensors.temperature("fridge-2"))
    assert found == [9.5, -1.25]
    assert clock.ticks() - before == 750


async def test_a_cancelled_caller_does_not_affect_the_others(sensors):
    impatient = asyncio.create_task(sensors.temperatures())
    patient = asyncio.create_task(sensors.temperatures())
    await asyncio.sleep_ms(10)
    impatient.cancel()
    assert (await patient)["fridge-1"] == 9.5


async def test_a_change_shows_at_the_next_measurement(sensors, board):
    await sensors.temperatures()
    board.probe(WARM, 4.0)
    assert await sensors.temperature("fridge-1") == 4.0


@pytest.mark.parametrize("state", [None, "crc"])
async def test_a_probe_that_is_cut_off_or_garbled_gives_503(sensors, board, state):
    board.probe(WARM, state)
    with pytest.raises(Fault, match="fridge-1 does not answer") as caught:
        await sensors.temperature("fridge-1")
    assert caught.value.status == 503
    assert (await sensors.temperatures())["fridge-2"] == -1.25


async def test_without_any_probe_all_are_none(start, clock, board):
    sensors = await start()
    assert set((await sensors.temperatures()).values()) == {None}


async def test_the_power_on_value_of_a_probe_is_not_a_temperature(start, clock, board):
    board.probe(OTHER, 85.0)
    sensors = await start()
    assert (await sensors.temperatures())["fridge-3"] is None


async def test_an_unknown_fridge_is_404(sensors):
    with pytest.raises(Fault, match="no fridge is called attic"):
        await sensors.temperature("attic")


async def test_routes(sensors, client):
    answer = await client.get("/probes/fridge-1")
    assert answer.status_code == 200
    assert answer.json() == {"fridge": "fridge-1", "rom": WARM, "celsius": 9.5}
    assert (await client.get("/probes/attic")).status_code == 404
    assert (await client.get("/probes")).json()["fridge-2"] == -1.25


async def test_the_names_from_the_settings_are_sorted(start, board):
    sensors = await start(config={"probes": {"b": WARM, "a": COLD}})
    assert await sensors.fridges() == ["a", "b"]
