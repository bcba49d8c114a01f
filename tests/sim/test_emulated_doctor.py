"""``torpor doctor`` on the official Pico W firmware: all that the emulator can show agrees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from torpor_tools.board.doctor.facts import FACTS
from torpor_tools.board.doctor.facts.resets import ENDINGS
from torpor_tools.cli import run

pytestmark = pytest.mark.emulated


NOT_SHOWN = {
    "config(pm=...) while joining",
    "error of a .local name that nobody has",
    "ms until its look-up fails",
    "ms of a deep sleep of 2000",
}


@pytest.mark.parametrize(
    "resets",
    [
        # Two thirds of the time are resets; test_emulated_sleep.py has their causes too.
        pytest.param("--resets", marks=pytest.mark.soak),
        "--no-resets",
    ],
)
def test_all_facts_that_the_emulator_can_show_are_correct(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], resets: str
) -> None:
    report = tmp_path / "report.json"
    words = ["doctor", "--type", "RPI_PICO_W", "--emulate", resets, "--report", str(report)]
    code = run(["-C", str(tmp_path), *words])
    printed = capsys.readouterr()
    assert code == 0, printed
    document = json.loads(report.read_text())
    assert document["emulated"] is True
    assert document["board"] == "RPI_PICO_W"
    verdicts = {result["fact"]: result["verdict"] for result in document["results"]}
    not_shown = {fact for fact, verdict in verdicts.items() if verdict != "agrees"}
    of_resets = {fact.name for fact in FACTS if fact.program in ENDINGS}
    assert not_shown == NOT_SHOWN | (of_resets if resets == "--no-resets" else set())
    assert len(verdicts) >= 40
    shown = len(verdicts) - len(not_shown)
    assert f"{shown} agree, 0 differ, {len(not_shown)} not shown" in printed.out
