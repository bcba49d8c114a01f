"""``torpor doctor`` on the official Pico W firmware: all that the emulator can show agrees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from torpor_tools.cli import run

pytestmark = pytest.mark.emulated


def test_all_that_the_emulator_can_show_is_as_stated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    words = ["doctor", "--type", "RPI_PICO_W", "--emulate", "--report", str(report)]
    code = run(["-C", str(tmp_path), *words])
    printed = capsys.readouterr()
    assert code == 0, printed
    document = json.loads(report.read_text())
    assert document["emulated"] is True
    assert document["board"] == "RPI_PICO_W"
    verdicts = {result["fact"]: result["verdict"] for result in document["results"]}
    assert {fact for fact, verdict in verdicts.items() if verdict != "agrees"} == {
        "config(pm=...) while joining",
        "error of a .local name that nobody has",
        "ms until its look-up fails",
        "ms of a deep sleep of 2000",
    }
    assert len(verdicts) >= 40
    assert f"{len(verdicts) - 4} agree, 0 differ, 4 not shown" in printed.out
