"""The climate as the devices have it."""

import pytest

from torpor import Fault


async def test_the_climate_is_measured(start, board):
    board.set("air", temperature=21.5, humidity=60)
    board.set("sensors", a0=2.0)
    climate = await start()
    found = await climate.now()
    assert abs(found["temperature"] - 21.5) < 0.11
    assert abs(found["humidity"] - 60) <= 1
    assert found["soil"] == 0.5


async def test_an_unplugged_sensor_is_a_fault(start, board):
    climate = await start()
    board.fault("sensors", "nack")
    with pytest.raises(Fault) as failed:
        await climate.now()
    assert failed.value.status == 503
