"""The tests of the sample services on the official Pico W firmware: one boot for all files."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Project, Run

pytestmark = pytest.mark.emulated

ROOT = Path(__file__).parents[2]
SERVICES = ("sensors", "readings", "alerts", "device", "dashboard")
# A service's first test takes a minute here: its modules go over the emulated USB. So these are
# the tests that need a chip's pins, its sockets and its flash; the rest is in make soak.
CHOSEN = (
    "sensors",
    "alerts/tests/test_hysteresis.py",
    "alerts/tests/test_alerts.py::test_over_http",
    "alerts/tests/test_alerts.py::test_alerts_and_ranges_survive_a_restart",
)
OF_DASHBOARD = (
    # All of the dashboard but its page: since boards record crashes, no 8 kB are free
    # in one piece there. It fails in make soak.
    "dashboard/tests/test_dashboard.py::test_the_overview_has_everything",
    "dashboard/tests/test_dashboard.py::test_a_peer_that_fails_leaves_the_rest",
    "dashboard/tests/test_dashboard.py::test_news_of_either_peer_is_news",
    "dashboard/tests/test_dashboard.py::test_history_asks_for_the_minutes_it_was_asked_for",
    "dashboard/tests/test_dashboard.py::test_an_acknowledgement_is_passed_on",
    "dashboard/tests/test_dashboard.py::test_a_viewer_gets_the_overview_at_once",
)
WALL_S = 1800.0  # generous, for a machine that also has other work


def _on_pico(*tests: str) -> Run:
    paths = [f"services/{name}" for name in tests]
    arguments = [*paths, "--target", "emulated", "-p", "no:cacheprovider"]
    return Project(ROOT).pytest(*arguments, timeout=WALL_S)


@pytest.fixture(scope="module")
def run() -> Run:
    return _on_pico(*CHOSEN)


def test_services_pass_on_the_official_firmware(run: Run) -> None:
    assert run.status == 0, run.text
    assert "torpor: services on emulated" in run.text


def test_the_results_match_those_of_the_unix_port(run: Run) -> None:
    here = Project(ROOT).pytest(*[f"services/{n}" for n in CHOSEN], "-p", "no:cacheprovider")
    assert run.counts == here.counts


@pytest.mark.soak
def test_the_dashboard_passes_on_the_official_firmware() -> None:
    run = _on_pico(*OF_DASHBOARD)
    assert run.status == 0, run.text


@pytest.mark.soak
def test_all_services_pass_on_the_official_firmware() -> None:
    run = _on_pico(*SERVICES)
    assert run.status == 0, run.text
    assert run.counts["skipped"] == 1  # a Pico W has no connection to itself
