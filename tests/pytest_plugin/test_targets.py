"""The tests of the sample services on the official Pico W firmware, over its serial line.

One emulated board is switched on for this module. ``--target emulated`` boots it itself and finds
the files on its flash; here it is reached as a board on a serial port is, and the files are written
to it over the raw REPL.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import Project, Run

pytestmark = pytest.mark.emulated

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run() -> Run:
    return Project(ROOT).pytest("services", "--target", "emulated", "-p", "no:cacheprovider")


def test_the_sample_services_pass_on_the_official_firmware(run: Run) -> None:
    assert run.status == 0, run.text
    assert "torpor: services on emulated" in run.text
    here = Project(ROOT).pytest("services", "-p", "no:cacheprovider")
    skipped = run.counts.get("skipped", 0)
    assert run.counts["passed"] + skipped == here.counts["passed"]
    assert skipped == 1  # a Pico W has no connection to itself
    assert re.search(r"test_over_a_socket", run.text) or skipped
