"""The peers return fixed values: the dashboard only combines them."""

import pytest

from torpor import Fault

RANGE = {"low": 2.0, "high": 8.0, "state": "ok"}
ALERT = {
    "id": 1,
    "fridge": "fridge-1",
    "kind": "too warm",
    "celsius": 9.5,
    "since": 1764000000,
    "until": None,
    "acknowledged_by": None,
}


STATUS = {
    "cluster": "fridge-monitor",
    "board": "shed",
    "id": "e66",
    "firmware": "MicroPython 1.27.0",
    "platform": "rp2",
    "uptime": 90,
    "clock": None,
    "heap": {"free": 1, "used": 2, "largest": 1, "collections": 3, "longest_pause_us": 400},
    "reset_cause": "power-on",
    "wake_reason": "",
    "wifi": {"connected": False},
    "connections": {},
    "failed": {},
}


@pytest.fixture
def peers():
    return {
        "readings": {
            "fridges": ["fridge-1"],
            "newest": [{"time": 1_750_000_000, "celsius": 5.5}],
            "revision": 3,
            "window": [[1_750_000_000, 4.0, 5.0, 6.0]],
        },
        "alerts": {"ranges": {"fridge-1": RANGE}, "open_alerts": [], "revision": 4},
        "device": {"status": STATUS},
    }


@pytest.fixture
async def dashboard(start, clock, peers):
    return await start(**peers)


async def test_the_overview_has_everything(dashboard, clock):
    assert await dashboard.overview() == {
        "now": clock.now(),
        "fridges": [
            {
                "name": "fridge-1",
                "celsius": 5.5,
                "time": 1_750_000_000,
                "low": 2.0,
                "high": 8.0,
                "state": "ok",
            }
        ],
        "alerts": [],
        "device": STATUS,
        "faults": [],
    }


async def test_a_failing_peer_does_not_affect_the_rest(start, clock, peers):
    fault = Fault(503, "alerts did not start")
    peers["alerts"] = {"ranges": fault, "open_alerts": fault, "revision": fault}
    dashboard = await start(**peers)
    overview = await dashboard.overview()
    assert overview["faults"] == ["alerts did not start"]
    assert overview["fridges"][0]["celsius"] == 5.5
    assert overview["fridges"][0]["low"] is None
    assert await dashboard.revision() == 3


async def test_a_device_that_does_not_respond_is_none(start, clock, peers):
    peers["device"] = {"status": Fault(503, "device did not start")}
    overview = await (await start(**peers)).overview()
    assert (overview["device"], overview["faults"]) == (None, ["device did not start"])


async def test_a_change_of_either_peer_changes_the_revision(dashboard):
    assert await dashboard.revision() == 7


async def test_history_covers_the_requested_minutes(start, clock, peers, client):
    asked = []

    async def window(fridge, since, until, points=120):
        asked.append((fridge, until - since, until))
        return []

    peers["readings"]["window"] = window
    await start(**peers)
    assert (await client.get("/history/fridge-1?minutes=5")).json() == []
    assert asked == [("fridge-1", 300, clock.now())]


async def test_an_acknowledgement_is_passed_on(start, clock, peers, client):
    async def acknowledge(id, by):
        if id != 4:
            raise Fault(404, "no alert has the id %d" % id)
        return dict(ALERT, id=id, acknowledged_by=by)

    peers["alerts"]["acknowledge"] = acknowledge
    await start(**peers)
    answer = await client.post("/alerts/4/acknowledge", json={"by": "Ada"})
    assert answer.json() == dict(ALERT, id=4, acknowledged_by="Ada")
    assert (await client.post("/alerts/5/acknowledge", json={"by": "Ada"})).status_code == 404


async def test_the_page_is_sent_compressed(dashboard, client):
    answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.body[:2] == b"\x1f\x8b"


async def test_a_viewer_gets_the_overview_at_once(dashboard, client):
    answer = await client.get("/events", within=2500)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: overview" in answer.text
    assert '"celsius"' in answer.text
