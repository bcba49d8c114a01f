"""Power cuts at every instant of a firmware update: a slot with complete firmware starts."""

from __future__ import annotations

import json
import shutil
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.crash.compiled import FIRMWARE, run_cuts
from tests.helpers import signing
from tests.helpers.slots import program
from torpor_tools.image.app import read
from torpor_tools.paths import shims_dir
from torpor_tools.project import load_board
from torpor_tools.project.signers import public_keys
from torpor_tools.update.firmware import firmware_manifest
from torpor_tools.update.manifest import Terms

HERE = Path(__file__).parent
OFF, ON = "_SLOTS = const(0)", "_SLOTS = const(1)"  # as the linker does for such a board


@pytest.fixture
def case(tmp_path: Path) -> Path:
    app = read(program("1.28.0", size=22_000), "new.bin", load_board("ESP32_GENERIC_S3"))
    made = firmware_manifest(Terms("test", "box", 7, "1.27.0"), app)
    given = {
        "shims": str(shims_dir()),
        "old": program("1.27.0", size=9_000).hex(),
        "new": app.content.hex(),
        "manifest": made.text.hex(),
        "signature": b64encode(signing.signer().sign(made.text)).decode(),
        "keys": b"".join(public_keys(signing.project())).hex(),
    }
    (tmp_path / "case.json").write_text(json.dumps(given))
    return tmp_path / "case.json"


def device(folder: Path, name: str = "", right: str = "", instead: str = "") -> Path:
    """Return the device code with two slots, and perhaps with a mistake."""
    firmware = folder / "firmware"
    shutil.copytree(FIRMWARE, firmware)
    for file in ("slots.py", "torpor/update/__init__.py", "torpor/update/trial.py"):
        source = (firmware / file).read_text()
        assert OFF in source
        (firmware / file).write_text(source.replace(OFF, ON))
    if name:
        source = (firmware / name).read_text()
        assert source.count(right) == 1, f"{name} has changed: {right!r}"
        (firmware / name).write_text(source.replace(right, instead))
    return firmware


def cut(case: Path, firmware: Path, cuts: int) -> dict[str, Any]:
    return run_cuts("firmware_cut.py", firmware, case, cuts)


def test_a_cut_leaves_firmware_that_starts(case: Path, tmp_path: Path) -> None:
    result = cut(case, device(tmp_path), 100)
    assert not result["wrong"], "\n".join(result["wrong"])
    assert result["cuts"] >= 200


@pytest.mark.soak
def test_cuts_before_and_during_every_operation(case: Path, tmp_path: Path) -> None:
    result = cut(case, device(tmp_path), 10**9)
    assert not result["wrong"], "\n".join(result["wrong"])
    print(result["operations"], "operations,", result["cuts"], "cuts")


MISTAKES = {
    "what is in the slot is not compared": (
        "torpor/update/firmware.py",
        'state["have"] = have\n                files.write(_STATE, state)',
        'state["have"] = have + 4096\n                files.write(_STATE, state)',
    ),
    "the trial is noted after the slot was chosen": (
        "torpor/update/firmware.py",
        '        files.write("/.trial", trial)\n        try:\n            other.set_boot()\n',
        '        try:\n            other.set_boot()\n            files.write("/.trial", trial)\n',
    ),
    "the firmware is not confirmed": (
        "slots.py",
        "        _write(root, trial)\n        Partition.mark_app_valid_cancel_rollback()\n",
        "        _write(root, trial)\n",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_caught(tmp_path: Path, case: Path, mistake: str) -> None:
    try:
        wrong: list[str] = cut(case, device(tmp_path, *MISTAKES[mistake]), 150)["wrong"]
    except AssertionError as error:  # it does not even run to its end
        wrong = [str(error)]
    assert wrong
