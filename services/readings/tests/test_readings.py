import pytest

from torpor import Fault

from .fakes import Sensors


@pytest.fixture
def sensors():
    return Sensors()


@pytest.fixture
async def readings(start, clock, sensors):
    return await start(sensors=sensors, config={"points": 12})


async def test_a_sample_is_kept_with_its_time(readings, clock):
    await clock.advance(seconds=100)
    await readings.sample()
    assert await readings.newest("fridge-1") == [{"time": clock.now(), "celsius": 4.5}]


async def test_the_newest_come_first(readings, clock, sensors):
    for celsius in (4.0, 4.1, 4.2):
        sensors.celsius["fridge-1"] = celsius
        await readings.sample()
        await clock.advance(seconds=5)
    found = await readings.newest("fridge-1", 2)
    assert [reading["celsius"] for reading in found] == [4.2, 4.1]
    assert found[0]["time"] - found[1]["time"] == 5


async def test_a_silent_probe_leaves_no_reading(readings):
    await readings.sample()
    assert await readings.newest("fridge-2") == []


async def test_it_samples_every_five_seconds(start, clock, sensors):
    readings = await start(sensors=sensors, jobs=True)
    await clock.advance(seconds=61)
    found = await readings.newest("fridge-1", 100)
    times = [reading["time"] for reading in found]
    assert len(times) >= 12
    assert {newer - older for newer, older in zip(times, times[1:])} == {5}
    assert await readings.revision() == len(times)


async def test_only_the_newest_readings_are_kept(readings, clock):
    for _ in range(20):
        await readings.sample()
        await clock.advance(seconds=5)
    assert len(await readings.newest("fridge-1", 100)) == 12


async def test_times_follow_the_clock_when_it_is_set(readings, clock):
    await readings.sample()
    await clock.advance(seconds=60)
    clock.set(1_800_000_000)
    assert (await readings.newest("fridge-1"))[0]["time"] == 1_800_000_000 - 60


async def test_a_window_has_few_rows(readings, clock, sensors):
    begin = clock.now()
    for i in range(12):
        sensors.celsius["fridge-1"] = 4.0 + i
        await readings.sample()
        await clock.advance(seconds=5)
    rows = await readings.window("fridge-1", begin, clock.now(), 3)
    assert 2 <= len(rows) <= 3
    assert rows[0][1] == 4.0
    assert rows[-1][3] == 15.0
    for time, low, mean, high in rows:
        assert begin <= time <= clock.now()
        assert low <= mean <= high


async def test_minutes_survive_a_restart(start, readings, clock, sensors):
    begin = clock.now()
    for celsius in (4.0, 6.0, 8.0, 10.0):
        sensors.celsius["fridge-1"] = celsius
        await readings.sample()
        await clock.advance(seconds=30)
    await readings.sample()  # a minute is written when the next one begins
    restarted = await start(sensors=sensors)
    rows = await restarted.window("fridge-1", begin - 60, clock.now(), 100)
    assert [mean for _, _, mean, _ in rows] != []
    assert rows[0][2] == 4.0
    assert await restarted.newest("fridge-1") == []


@pytest.mark.parametrize("limit", [0, -1, 101])
async def test_a_limit_out_of_bounds_is_400(readings, limit):
    with pytest.raises(Fault, match="limit: expected 1 to 100") as caught:
        await readings.newest("fridge-1", limit)
    assert caught.value.status == 400


async def test_an_unknown_fridge_is_404(readings, client):
    for path in ("/readings/attic", "/readings/attic/history.csv"):
        answer = await client.get(path)
        assert answer.status_code == 404
        assert answer.json() == {"error": "no fridge is called attic"}


async def test_history_is_csv_oldest_first(readings, clock, client, sensors):
    for celsius in (4.0, 5.25):
        sensors.celsius["fridge-1"] = celsius
        await readings.sample()
        await clock.advance(seconds=5)
    answer = await client.get("/readings/fridge-1/history.csv")
    assert answer.headers["content-type"] == "text/csv"
    lines = answer.text.split("\r\n")
    assert lines[0] == "time,celsius"
    assert [line.split(",")[1] for line in lines[1:-1]] == ["4.00", "5.25"]


async def test_the_fridges_are_those_of_the_sensors(readings):
    assert await readings.fridges() == ["fridge-1", "fridge-2"]


async def test_no_minute_is_lost_when_the_clock_is_set_back(readings, clock, sensors):
    async def minutes(count):
        for _ in range(count):
            sensors.celsius["fridge-1"] += 0.01
            await readings.sample()
            await clock.advance(seconds=60)

    await minutes(5)
    clock.set(clock.now() - 3600)
    await minutes(5)
    clock.set(clock.now() + 7200)
    await minutes(5)
    keys, values = [], []
    async for key, row in readings.store.table("minutes").scan():
        keys.append(key)
        values.append(row["fridge-1"])
    assert values == list(range(451, 465))
    assert keys == sorted(set(keys))
    assert [newer - older for older, newer in zip(keys, keys[1:])][4:9] == [1] * 5
