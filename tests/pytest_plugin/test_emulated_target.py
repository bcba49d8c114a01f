"""The tests of the sample services on the official Pico W firmware: one boot for all files."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Project, Run

pytestmark = pytest.mark.emulated

ROOT = Path(__file__).parents[2]
SERVICES = ("device", "sensors")  # minutes on a busy machine; all of them are for make soak
WALL_S = 900.0  # generous, for a machine that does other things too


def _on_pico(*services: str) -> Run:
    folders = [f"services/{name}" for name in services]
    arguments = [*folders, "--target", "emulated", "-p", "no:cacheprovider"]
    return Project(ROOT).pytest(*arguments, timeout=WALL_S)


@pytest.fixture(scope="module")
def run() -> Run:
    return _on_pico(*SERVICES)


def test_services_pass_on_the_official_firmware(run: Run) -> None:
    assert run.status == 0, run.text
    assert "torpor: services on emulated" in run.text


def test_the_results_are_those_of_the_unix_port(run: Run) -> None:
    here = Project(ROOT).pytest(*[f"services/{n}" for n in SERVICES], "-p", "no:cacheprovider")
    assert run.counts == here.counts


@pytest.mark.soak
def test_all_services_pass_on_the_official_firmware() -> None:
    run = _on_pico("sensors", "readings", "alerts", "device", "dashboard")
    assert run.status == 0, run.text
    assert run.counts["skipped"] == 1  # a Pico W has no connection to itself
