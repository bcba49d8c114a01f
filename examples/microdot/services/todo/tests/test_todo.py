import pytest


@pytest.fixture(autouse=True)
async def todo(start):
    return await start()


async def test_tasks_are_added_listed_and_removed(client, todo):
    added = await client.post("/tasks", json={"text": "paint the door"})
    assert added.status_code == 201
    number = added.json()["id"]
    assert {"id": number, "text": "paint the door"} in (await client.get("/tasks")).json()
    assert (await client.delete("/tasks/%d" % number)).status_code == 204
    assert (await client.delete("/tasks/%d" % number)).status_code == 404


async def test_a_task_needs_a_text(client):
    assert (await client.post("/tasks", json={})).status_code == 400


async def test_a_typed_method_next_to_the_application(client, todo):
    before = (await todo.count())["open"]
    await client.post("/tasks", json={"text": "another"})
    assert (await client.get("/count")).json() == {"open": before + 1}


async def test_the_page(client):
    page = await client.get("/")
    assert page.status_code == 200
    assert "<title>Tasks</title>" in page.text
