"""The device code against the type stubs of MicroPython's ports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from torpor_tools.config import load_board
from torpor_tools.contracts.types import write_config

ROOT = Path(__file__).parents[2]
# A coroutine that suspends with a bare ``yield`` is MicroPython's own way, and unknown to mypy.
NOT_MICROPYTHON = "misc,func-returns-value,var-annotated"


@pytest.mark.parametrize(("name", "port"), [("RPI_PICO_W", "rp2"), ("ESP32_GENERIC", "esp32")])
def test_device_code(name: str, port: str) -> None:
    config = write_config(load_board(name), ROOT, NOT_MICROPYTHON)
    files = [str(path.relative_to(ROOT)) for path in (ROOT / "firmware/torpor").rglob("*.py")]
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--config-file",
            config,
            *files,
            f"firmware/ports/{port}.py",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    # The stubs have faults of their own.
    assert not [line for line in run.stdout.splitlines() if line.startswith("firmware/")]
    assert run.returncode in (0, 1), run.stderr
