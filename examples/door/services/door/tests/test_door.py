import pytest


@pytest.fixture
async def door(start):
    return await start(config={"keep": 5})


async def test_an_opening_is_stored_and_counted(door, client, clock):
    clock.set(1_800_000_000)
    await door.opened()
    assert (await client.get("/openings")).json() == {"today": 1, "times": [1_800_000_000]}


async def test_an_opening_is_published(door, events, clock):
    clock.set(1_800_000_000)
    await door.opened()
    assert [event.at for event in events.published] == [1_800_000_000]


async def test_the_newest_come_first(door, client, clock):
    clock.set(1_800_000_000)
    for _ in range(3):
        await door.opened()
        await clock.advance(minutes=1)
    times = (await client.get("/openings?limit=2")).json()["times"]
    assert times == [1_800_000_120, 1_800_000_060]


async def test_a_restart_keeps_the_rows(start, client, door):
    await door.opened()
    await start(config={"keep": 5})
    assert len((await client.get("/openings")).json()["times"]) == 1


async def test_the_count_begins_again_each_day(door, client):
    await door.opened()
    await door.begin_day()
    assert (await client.get("/openings")).json()["today"] == 0


async def test_a_note_is_a_row(door, client):
    answer = await client.post("/note", json={"text": "painted"})
    assert answer.status_code == 200
    assert (await client.post("/note", json={"text": 5})).status_code == 400
