import pytest

from torpor import Fault

from .fakes import Readings


@pytest.fixture
def readings():
    return Readings()


@pytest.fixture
async def alerts(start, clock, readings):
    return await start(readings=readings)


async def test_a_fridge_within_its_range_raises_no_alert(alerts):
    await alerts.check()
    assert await alerts.open_alerts() == []


async def test_a_warm_fridge_raises_only_one_alert(alerts, readings, clock):
    began = clock.now()
    for celsius in (8.5, 9.5, 9.0):
        readings.celsius["fridge-1"] = celsius
        await alerts.check()
        await clock.advance(seconds=5)
    assert await alerts.open_alerts() == [
        {
            "id": 1,
            "fridge": "fridge-1",
            "kind": "too warm",
            "celsius": 9.5,
            "since": began,
            "until": None,
            "acknowledged_by": None,
        }
    ]


async def test_a_cold_fridge_keeps_the_worst_temperature(alerts, readings):
    for celsius in (1.5, -3.0, 1.0):
        readings.celsius["fridge-2"] = celsius
        await alerts.check()
    (alert,) = await alerts.open_alerts()
    assert (alert["kind"], alert["celsius"]) == ("too cold", -3.0)


async def test_an_alert_ends_only_inside_the_margin(alerts, readings):
    readings.celsius["fridge-1"] = 8.5
    await alerts.check()
    readings.celsius["fridge-1"] = 7.8
    await alerts.check()
    assert (await alerts.thresholds("fridge-1"))["state"] == "too warm"
    readings.celsius["fridge-1"] = 7.4
    await alerts.check()
    assert (await alerts.thresholds("fridge-1"))["state"] == "ok"


async def test_an_alert_stays_open_until_it_is_over_and_acknowledged(alerts, readings, clock):
    readings.celsius["fridge-1"] = 9.0
    await alerts.check()
    await clock.advance(seconds=60)
    readings.celsius["fridge-1"] = 5.0
    await alerts.check()
    (alert,) = await alerts.open_alerts()
    assert alert["until"] == clock.now()
    await alerts.acknowledge(alert["id"], "Ada")
    assert await alerts.open_alerts() == []
    assert len(await alerts.history("fridge-1")) == 1


async def test_the_first_acknowledgement_is_kept(alerts, readings):
    readings.celsius["fridge-1"] = 9.0
    await alerts.check()
    await alerts.acknowledge(1, "Ada")
    assert (await alerts.acknowledge(1, "Grace"))["acknowledged_by"] == "Ada"


async def test_a_silent_probe_raises_an_alert_after_thirty_seconds(alerts, readings, clock):
    readings.celsius["fridge-1"] = None
    await clock.advance(seconds=30)
    await alerts.check()
    assert await alerts.open_alerts() == []
    await clock.advance(seconds=5)
    await alerts.check()
    assert [a["kind"] for a in await alerts.open_alerts()] == ["no reading"]


async def test_it_checks_on_schedule(start, clock, readings):
    alerts = await start(readings=readings, jobs=True)
    readings.celsius["fridge-2"] = 20.0
    await clock.advance(seconds=11)
    assert [a["fridge"] for a in await alerts.open_alerts()] == ["fridge-2"]


async def test_a_fridge_can_have_its_own_range(start, clock, readings):
    own = {"fridge-1": {"low": -25.0, "high": -15.0}}
    alerts = await start(readings=readings, config={"fridges": own})
    await alerts.check()
    assert [a["fridge"] for a in await alerts.open_alerts()] == ["fridge-1"]


async def test_a_new_range_applies_at_once_and_is_a_new_revision(alerts, client):
    before = await alerts.revision()
    answer = await client.put("/thresholds/fridge-1", json={"low": 6, "high": 7.5})
    assert answer.json() == {"low": 6.0, "high": 7.5, "state": "ok"}
    assert await alerts.revision() == before + 1
    await alerts.check()
    assert (await client.get("/thresholds")).json()["fridge-1"]["state"] == "too cold"


async def test_low_must_be_below_high(alerts, client):
    answer = await client.put("/thresholds/fridge-1", json={"low": 8, "high": 2})
    assert answer.status_code == 400
    assert answer.json() == {"error": "low must be below high"}


@pytest.mark.parametrize("path", ["/alerts/attic", "/thresholds/attic"])
async def test_an_unknown_fridge_is_404(alerts, client, path):
    assert (await client.get(path)).status_code == 404


async def test_a_missing_alert_cannot_be_acknowledged(alerts):
    with pytest.raises(Fault, match="no alert has the id 7"):
        await alerts.acknowledge(7, "Ada")


async def test_alerts_and_ranges_survive_a_restart(start, alerts, readings, clock):
    readings.celsius["fridge-1"] = 9.0
    await alerts.check()
    await alerts.acknowledge(1, "Ada")
    await alerts.set_thresholds("fridge-2", -5, 1)
    await clock.advance(seconds=60)
    restarted = await start(readings=readings)
    (alert,) = await restarted.open_alerts()
    assert (alert["kind"], alert["acknowledged_by"]) == ("too warm", "Ada")
    assert (await restarted.thresholds("fridge-2"))["high"] == 1.0


async def test_history_returns_the_newest_alerts_first(alerts, readings, clock):
    for celsius in (9.0, 5.0, 1.0, 5.0, 9.0):
        readings.celsius["fridge-1"] = celsius
        await alerts.check()
        await clock.advance(seconds=5)
    assert [a["kind"] for a in await alerts.history("fridge-1", 2)] == ["too warm", "too cold"]
    assert await alerts.history("fridge-2") == []


async def test_over_http(alerts, readings, client):
    readings.celsius["fridge-1"] = 9.0
    await alerts.check()
    answer = await client.post("/alerts/1/acknowledge", json={"by": "Ada"})
    assert answer.json()["acknowledged_by"] == "Ada"
    assert (await client.get("/alerts/fridge-1?limit=5")).json() == [answer.json()]
    bad = await client.get("/alerts/fridge-1?limit=many")
    assert (bad.status_code, bad.json()["error"][:5]) == (400, "limit")


async def test_over_a_socket(alerts, socket_client):
    answer = await socket_client.get("/thresholds/fridge-2")
    assert answer.json() == {"low": 2.0, "high": 8.0, "state": "ok"}
