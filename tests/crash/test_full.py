"""Power cuts while rows are deleted on a filesystem that is full to its last byte."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.crash.compiled import MICROPYTHON, compiled

PROGRAM = Path(__file__).parent / "device" / "full.py"


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("firmware"))


def cut(firmware: Path, seed: int, blocks: int, cuts: int) -> dict[str, Any]:
    words = [str(PROGRAM), str(firmware), str(seed), str(blocks), str(cuts)]
    done = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=200m", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert not result["wrong"], "\n".join([*result["wrong"], done.stderr[-3000:]])
    assert result["cuts"] >= min(cuts, 3 * result["operations"])
    return result


def test_deleting_continues_after_a_power_cut(firmware: Path) -> None:
    cut(firmware, 1, 212, 100)


@pytest.mark.soak
@pytest.mark.parametrize("blocks", [212, 512])
@pytest.mark.parametrize("seed", [2, 3])
def test_every_operation_on_a_full_filesystem(firmware: Path, seed: int, blocks: int) -> None:
    cut(firmware, seed, blocks, 10**9)
