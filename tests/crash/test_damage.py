"""Damaged files of the store: it returns whole records, counts the others, and keeps working."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.crash.compiled import MICROPYTHON, compiled

PROGRAM = Path(__file__).parent / "device" / "damage.py"
WITHOUT_CRC = {
    "segment.py": [(" and crc32(data, first << 16 | size) == crc:", ":")],
}


def damaged(firmware: Path, seed: int, times: int) -> dict[str, Any]:
    words = [str(PROGRAM), str(firmware), str(seed), "600", str(times)]
    done = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=200m", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_damage_is_skipped_counted_and_never_fatal(tmp_path: Path) -> None:
    result = damaged(compiled(tmp_path), 1, 120)
    assert not result["wrong"], "\n".join(result["wrong"])
    assert result["counted"] > 60


def test_a_store_without_its_crc_check_is_caught(tmp_path: Path) -> None:
    assert damaged(compiled(tmp_path, WITHOUT_CRC), 1, 120)["wrong"]


@pytest.mark.soak
def test_damage_thousands_of_times(tmp_path: Path) -> None:
    result = damaged(compiled(tmp_path), 2, 3000)
    assert not result["wrong"], "\n".join(result["wrong"])
