"""Check the types of all code that runs in MicroPython; a part of ``make lint``.

``torpor check`` reaches the runtime only as far as services use it. Here all of ``firmware/`` is
checked against the stubs of each port, and the simulator's shims against those of the Unix port.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from torpor_tools.contracts.mypy_check import run_mypy, write_config
from torpor_tools.files import project_files
from torpor_tools.model.board import Board
from torpor_tools.project import load_board

ROOT = Path(__file__).resolve().parents[1]
FIRMWARE = ROOT / "firmware"
SHIMS = ROOT / "sim" / "shims"
DEVICES = ROOT / "sim" / "devices"
TYPINGS = FIRMWARE / "typings"  # of what the build generates and the simulator adds
UNIX_STUBS = "micropython-unix-stubs==1.29.0.post1"
# A coroutine that suspends with a bare ``yield`` is MicroPython's own way, and unknown to mypy.
NOT_MICROPYTHON = "misc,func-returns-value,var-annotated"


def main() -> int:
    """Print every error, once however many ports have it; the exit code."""
    unix = replace(load_board("RPI_PICO_W"), name="UNIX", port="unix", stubs=UNIX_STUBS)
    errors = {
        **_errors(load_board("RPI_PICO_W"), _firmware("rp2")),
        **_errors(load_board("ESP32_GENERIC"), _firmware("esp32")),
        **_errors(unix, project_files(SHIMS, "*.py", deep=False), (SHIMS,)),
        **_errors(unix, project_files(DEVICES, "*.py", deep=False), (SHIMS, DEVICES.parent)),
    }
    for line in errors:
        print(line)
    if not errors:
        print("no mistakes in the types of device code")
    return 1 if errors else 0


def _firmware(port: str) -> list[Path]:
    others = {path for path in project_files(FIRMWARE / "ports", "*.py") if path.stem != port}
    others.add(FIRMWARE / "manifest.py")  # for MicroPython's build: it runs on no chip
    return [path for path in project_files(FIRMWARE, "*.py") if path not in others]


def _errors(board: Board, files: list[Path], paths: tuple[Path, ...] = ()) -> dict[str, None]:
    """The lines to print for ``board``; a dict for its order."""
    config = write_config(board, ROOT, NOT_MICROPYTHON, (TYPINGS, *paths))
    return dict.fromkeys(
        f"{found['file']}:{found['line']}: {found['message']}  [{found['code']}]"
        for found in run_mypy(config, ROOT, [file.relative_to(ROOT) for file in files])
        if found["severity"] == "error"
    )


if __name__ == "__main__":
    sys.exit(main())
