"""The sample cluster from outside: the same under every placement of its services.

``torpor test --placements 20`` runs this under twenty. What would be done every five seconds is
called for, as a peer on another board calls it.
"""

from __future__ import annotations

import pytest

from torpor_tools.pytest_plugin.placements.running import Running

PROBES = {
    "fridge-1": "28ff641e8216c3a1",
    "fridge-2": "28ff5d2a6f180392",
    "fridge-3": "28ff90b4c1170548",
}


def measure(cluster: Running, **celsius: float) -> None:
    """Have the probes of the fridges read this, and all services know it."""
    wanted = {name.replace("_", "-"): value for name, value in celsius.items()}
    for name, value in wanted.items():
        cluster.inputs("sensors").probe(PROBES[name], value)
    while True:  # a measurement that runs already is shared, and may have begun before
        cluster.call("readings.sample")
        newest = {name: cluster.call("readings.newest", name) for name in wanted}
        if all(newest[n] and newest[n][0]["celsius"] == wanted[n] for n in wanted):
            break
    cluster.call("alerts.check")


@pytest.mark.varies("time")
def test_a_temperature_is_read_kept_and_reported(cluster: Running) -> None:
    measure(cluster, fridge_1=4.5, fridge_2=3.25, fridge_3=7.0)
    probe = cluster.http("sensors").get("/probes/fridge-2")
    assert probe.json() == {"fridge": "fridge-2", "rom": PROBES["fridge-2"], "celsius": 3.25}
    newest = cluster.http("readings").get("/readings/fridge-2").json()
    assert [reading["celsius"] for reading in newest] == [3.25]
    rows = cluster.http("dashboard").get("/history/fridge-2").json()
    assert rows[-1][3] >= 3.25 >= rows[-1][1]
    cluster.answers.pop()  # its rows begin with a time, which has no key
    history = cluster.http("readings").get("/readings/fridge-2/history.csv")
    assert history.headers["content-type"] == "text/csv"
    lines = history.text.splitlines()
    assert lines[0] == "time,celsius"
    assert lines[-1].endswith("Z,3.25")
    cluster.answers.pop()


@pytest.mark.varies("now", "time", "since", "until", "device", "id")
def test_a_warm_fridge_is_an_alert_until_it_is_cold_and_seen(cluster: Running) -> None:
    alerts, dashboard = cluster.http("alerts"), cluster.http("dashboard")
    measure(cluster, fridge_1=11.0, fridge_2=4.5, fridge_3=4.5)
    [alert] = alerts.get("/alerts").json()
    assert (alert["fridge"], alert["kind"], alert["celsius"]) == ("fridge-1", "too warm", 11.0)
    measure(cluster, fridge_1=12.5)
    shown = dashboard.get("/overview").json()
    assert shown["faults"] == []
    assert [a["celsius"] for a in shown["alerts"]] == [12.5]
    assert {f["name"]: f["state"] for f in shown["fridges"]} == {
        "fridge-1": "too warm",
        "fridge-2": "ok",
        "fridge-3": "ok",
    }
    seen = dashboard.post(f"/alerts/{alert['id']}/acknowledge", json={"by": "Ada"})
    cluster.answers[-1]["asked"] = ""  # contains the id
    assert seen.json()["acknowledged_by"] == "Ada"
    measure(cluster, fridge_1=4.0)
    assert alerts.get("/alerts").json() == []
    [past] = alerts.get("/alerts/fridge-1").json()
    assert past["until"]


def test_thresholds_can_be_set_and_count_at_once(cluster: Running) -> None:
    alerts = cluster.http("alerts")
    own = alerts.put("/thresholds/fridge-3", json={"low": 3, "high": 4.5})
    assert own.json() == {"low": 3.0, "high": 4.5, "state": "ok"}
    measure(cluster, fridge_3=5.5)
    assert alerts.get("/thresholds/fridge-3").json()["state"] == "too warm"
    assert alerts.put("/thresholds/fridge-3", json={"low": 2, "high": 8}).status_code == 200
    measure(cluster, fridge_3=5.5)
    assert alerts.get("/thresholds").json()["fridge-3"]["state"] == "ok"


def test_a_probe_that_is_cut_off(cluster: Running) -> None:
    inputs = cluster.inputs("sensors")
    inputs.probe(PROBES["fridge-1"], None)
    answer = cluster.until_status("sensors", "/probes/fridge-1", 503)
    assert answer == {"error": "the probe of fridge-1 does not answer"}
    inputs.probe(PROBES["fridge-1"], 4.5)
    # Plugged in during a measurement, a probe answers with what it measured before.
    cluster.until("sensors", "/probes/fridge-1", lambda found: found["celsius"] == 4.5)


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("sensors", "/probes/attic"),
        ("readings", "/readings/attic"),
        ("readings", "/readings/attic/history.csv"),
        ("alerts", "/alerts/attic"),
        ("alerts", "/thresholds/attic"),
        ("dashboard", "/history/attic"),
    ],
)
def test_a_fridge_that_is_not_there(cluster: Running, service: str, path: str) -> None:
    answer = cluster.http(service).get(path)
    assert answer.status_code == 404
    assert answer.json() == {"error": "no fridge is called attic"}


def test_mistakes_of_a_client(cluster: Running) -> None:
    readings, alerts = cluster.http("readings"), cluster.http("alerts")
    assert readings.get("/readings/fridge-1?limit=0").status_code == 400
    assert readings.get("/readings/fridge-1?limit=many").status_code == 400
    assert readings.get("/nowhere").status_code == 404
    assert alerts.post("/alerts/999/acknowledge", json={"by": "Ada"}).status_code == 404
    assert alerts.post("/alerts/1/acknowledge", json={}).status_code == 400
    assert alerts.put("/thresholds/fridge-1", json={"low": 9, "high": 8}).status_code == 400
    dashboard = cluster.http("dashboard")
    assert dashboard.post("/alerts/999/acknowledge", json={"by": "Ada"}).status_code == 404
    assert cluster.http("device").get("/log?lines=0").status_code == 400


@pytest.mark.varies
def test_how_the_board_is_doing(cluster: Running) -> None:
    assert cluster.http("device").get("/device").json()["failed"] == {}
    assert cluster.http("dashboard").get("/").text.startswith("<!doctype html>")
