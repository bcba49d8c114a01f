"""``torpor sim --emulate`` refuses mistakes before anything is built or booted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from tests.host_tools.test_cli_image import SERVICE
from torpor_tools.cli import run


@pytest.mark.parametrize("option", ["--watch", "--strict", "--record=x.json", "--speed=2"])
def test_options_that_exclude_emulation(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_cluster(tmp_path / "project", {"hello": SERVICE})
    assert run(["-C", str(root), "sim", "--emulate", option]) == 2
    assert "--emulate cannot be used with" in capsys.readouterr().err


def test_a_board_that_cannot_be_emulated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_cluster(tmp_path / "project", {"hello": SERVICE}, board="ESP32_GENERIC")
    assert run(["-C", str(root), "sim", "--emulate"]) == 1
    output = capsys.readouterr().err
    assert "the cluster has no RPI_PICO_W, and only that can be emulated" in output
    assert "leave --emulate out" in output
