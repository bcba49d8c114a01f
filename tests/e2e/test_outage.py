"""The sample cluster with one service that does not start: the others keep working."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.running import Running, running
from torpor_tools.client.call import call
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.project.secrets import KEYS_VARIABLE

ROOT = Path(__file__).parents[2]
START = "    async def start(self) -> None:\n"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv(KEYS_VARIABLE, "ab" * 32)
    shutil.copytree(ROOT / "services", tmp_path / "services")
    shutil.copyfile(ROOT / "cluster.toml", tmp_path / "cluster.toml")
    alerts = tmp_path / "services" / "alerts" / "__init__.py"
    text = alerts.read_text()
    assert text.count(START) == 1
    alerts.write_text(text.replace(START, f'{START}        raise OSError("the book is lost")\n'))
    with running(tmp_path, types=False) as run:
        yield run


def test_four_services_answer_and_the_fifth_reports_why_not(
    cluster: Running, tmp_path: Path
) -> None:
    reason = "alerts did not start: OSError: the book is lost"
    paths = {
        "sensors": "/probes",
        "readings": "/readings/fridge-1",
        "device": "/device",
        "dashboard": "/overview",
    }
    for service, path in paths.items():
        with cluster.client(service) as client:
            assert client.get(path).status_code == 200, service
    with cluster.client("alerts") as client:
        answer = client.get("/alerts")
        assert (answer.status_code, answer.json()) == (503, {"error": reason})
        at = str(client.base_url)
    for method in ("open_alerts", "revision"):  # with a route, and as a peer
        with pytest.raises(UserError, match=rf"503: {reason}\n    torpor crashes shed shows"):
            list(call(load_plan(tmp_path), tmp_path, f"alerts.{method}", [], at=at, timeout=10))
    with cluster.client("dashboard") as client:
        overview = client.get("/overview").json()
        assert overview["faults"] == [reason]
        assert len(overview["fridges"]) == 3
        assert client.get("/").text.startswith("<!doctype html>")
    assert "ERROR alerts: failed to start: OSError: the book is lost" in cluster.log_text("shed")
