"""Runs in MicroPython: ``torpor test services/myservice``. torpor has ``start`` and ``client``."""


async def test_greets_by_name_and_counts(start):
    service = await start()
    assert await service.greet() == {"text": "Hello, world!", "greeted": 1}
    assert await service.greet("Ada") == {"text": "Hello, Ada!", "greeted": 2}


async def test_its_route_takes_the_name_from_the_query(start, client):
    await start()
    answer = await client.get("/greeting?name=Ada")
    assert answer.status_code == 200
    assert answer.json() == {"text": "Hello, Ada!", "greeted": 1}


async def test_an_unknown_path_is_not_found(start, client):
    await start()
    assert (await client.get("/nowhere")).status_code == 404
