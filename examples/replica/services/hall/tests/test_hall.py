from torpor import Fault


async def test_the_sign(start, client):
    await start(rules={"opens": 7})
    assert (await client.get("/sign/fri")).json() == {"text": "Opens at 7:00"}


async def test_a_fault_of_a_peer_reaches_the_client(start, client):
    await start(rules={"opens": Fault(404, "closed on sun")})
    answer = await client.get("/sign/sun")
    assert answer.status_code == 404
    assert answer.json()["error"] == "closed on sun"
