"""Power cuts at every instant of an update: the board has the old image or the new one."""

from __future__ import annotations

import json
import shutil
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.crash.compiled import FIRMWARE, run_cuts
from tests.helpers import signing
from torpor_tools.image.tree import LISTING, checksums
from torpor_tools.project.signers import public_keys
from torpor_tools.update.manifest import Terms, manifest

HERE = Path(__file__).parent


def image(version: int, only: dict[str, bytes]) -> dict[str, bytes]:
    """Return an image whose start files, and some others, differ between versions."""
    v = b"%d" % version
    files = {
        "boot.py": b"# boot " + v * 700,
        "main.py": b"# main " + v * 600,
        "slots.mpy": b"slots" * 300 + v,
        "swap.mpy": b"swap" * 900 + v,
        "signing.pub": b"".join(public_keys(signing.project())),
        "same.mpy": bytes(range(256)) * 30,
        "services/__init__.mpy": b"",
        "services/a/__init__.mpy": v * 5000,
        "services/a/static/page.html.gz": v,
        "services/b/static/page.html.gz": v,
        "torpor/kernel.mpy": b"kernel" + v,
        **only,
    }
    files[LISTING] = checksums({**files, "secrets.json": b"{}"})
    return files


OLD = {"gone.mpy": b"gone", "services/gone/a.mpy": bytes(3000), "services/gone/deep/b.mpy": b"b"}
NEW = {"come.mpy": b"come", "services/come/deep/c.mpy": bytes(2049), "zz/last.bin": b""}


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return made_case(tmp_path, ())


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """A case whose update drops the data of a service."""
    return made_case(tmp_path, ("notes",))


def made_case(folder: Path, drop: tuple[str, ...]) -> Path:
    old, new = image(1, OLD), image(2, NEW)
    made = manifest(Terms("test", "box", 7, "1.0.0"), new, drop)
    given = {
        "drop": bool(drop),
        "old": {path: data.hex() for path, data in old.items()},
        "new": {path: data.hex() for path, data in new.items()},
        "manifest": made.text.hex(),
        "signature": b64encode(signing.signer().sign(made.text)).decode(),
    }
    (folder / "case.json").write_text(json.dumps(given))
    return folder / "case.json"


def cut(case: Path, cuts: int, deep: int, firmware: Path = FIRMWARE) -> dict[str, Any]:
    return run_cuts("update_cut.py", firmware, case, cuts, deep)


def check(case: Path, cuts: int, deep: int) -> int:
    result = cut(case, cuts, deep)
    assert not result["wrong"], "\n".join(result["wrong"])
    return int(result["cuts"])


def test_a_cut_leaves_one_complete_image(case: Path) -> None:
    assert check(case, 150, 80) >= 500


def test_a_cut_restores_or_drops_all_data(drop: Path) -> None:
    assert check(drop, 80, 80) >= 250


# File of the device, the right text, and the text with a mistake.
MISTAKES = {
    "a file of the root is moved away": (
        "torpor/update/commit.py",
        'if "/" not in path:\n                    root',
        "if False:\n                    root",
    ),
    "a manifest grows while it is checked": (
        "torpor/update/__init__.py",
        "while _is_busy:",
        "while False:",
    ),
    "a saved file is saved again": ("slots.py", " and not _exists(kept + old):", ":"),
    "the list is valid before the files to go back to": (
        "torpor/update/commit.py",
        '    _write_way_back(fields.get("drop", ""))\n',
        '    _write_way_back(fields.get("drop", ""))\n'
        "    os.rename(files.NEW + 'list', files.NEW + 'update')\n"
        "    open(files.NEW + 'list', 'w').close()\n",
    ),
}


# The same, for data that is dropped.
DROP_MISTAKES = {
    "data is set aside last": (
        "slots.py",
        "        _set_aside(root)\n        for line in plan:",
        "        for line in plan:",
    ),
    "what the trial wrote stays": ("slots.py", '            remove(root + "data/" + name)', "#"),
    "the way back does not restore": (
        "torpor/update/commit.py",
        '        back.write("+restore .restore\\n")',
        "        pass",
    ),
    "data of an earlier drop stays": ("torpor/update/report.py", "    _clear_dropped()\n", ""),
}


@pytest.mark.parametrize("mistake", DROP_MISTAKES)
def test_a_drop_with_a_mistake_is_caught(tmp_path: Path, drop: Path, mistake: str) -> None:
    check_caught(tmp_path, drop, DROP_MISTAKES[mistake])


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_update_with_a_mistake_is_caught(tmp_path: Path, case: Path, mistake: str) -> None:
    check_caught(tmp_path, case, MISTAKES[mistake])


def check_caught(tmp_path: Path, case: Path, mistake: tuple[str, str, str]) -> None:
    name, right, instead = mistake
    firmware = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, firmware)
    source = (firmware / name).read_text()
    assert source.count(right) == 1, f"{name} has changed: {right!r}"
    (firmware / name).write_text(source.replace(right, instead))
    try:
        wrong: list[str] = cut(case, 200, 0, firmware)["wrong"]
    except AssertionError as error:  # it does not even run to its end
        wrong = [str(error)]
    assert wrong


@pytest.mark.soak
def test_repeated_cuts_before_and_during_every_operation(case: Path) -> None:
    made = check(case, 10**9, 2)
    assert made >= 20_000
    print(f"{made} cuts")


@pytest.mark.soak
def test_repeated_cuts_while_data_is_dropped(drop: Path) -> None:
    print(f"{check(drop, 10**9, 6)} cuts")
