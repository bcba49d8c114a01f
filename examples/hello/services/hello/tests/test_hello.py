import pytest


@pytest.fixture
async def hello(start):
    return await start(names={"count": 3})  # a stand-in, checked against the contract of Names


async def test_greets_by_name(hello, client):
    answer = await client.get("/hello/Ada")
    assert answer.json() == {"text": "Hello, Ada!", "times": 3}


async def test_other_paths_are_not_found(hello, client):
    assert (await client.get("/goodbye")).status_code == 404
