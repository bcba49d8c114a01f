"""The valve opens and closes."""


class Climate:
    def __init__(self, soil):
        self.soil = soil

    async def now(self):
        return {"temperature": 20.0, "humidity": 50.0, "soil": self.soil}


async def test_dry_soil_is_watered_until_it_is_moist(start, board):
    climate = Climate(0.2)
    valve = await start(climate=climate)
    await valve.check()
    assert (await valve.watering())["open"]
    climate.soil = 0.4
    await valve.check()
    assert (await valve.watering())["open"], "between the two limits nothing changes"
    climate.soil = 0.6
    await valve.check()
    assert not (await valve.watering())["open"]


async def test_an_empty_tank_keeps_it_closed(start, board):
    board.set("sensors", a1=0.3)
    valve = await start(climate=Climate(0.1))
    await valve.check()
    assert await valve.watering() == {"open": False, "tank": 0.0}
