"""The time to build projects of several boards, and to check an unchanged project."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

from tests.bench.lab import ROOT, Lab
from tests.bench.registry import figure

_TORPOR = str(Path(sys.executable).with_name("torpor"))
_SERVICE = """\
from torpor import Fault, Service, get, post


class {name}(Service):
    async def start(self) -> None:
        self._rows: list[int] = []

    @get("/rows")
    async def rows(self, limit: int = 10) -> list[int]:
        return self._rows[-limit:]

    @post("/rows")
    async def add(self, value: int) -> dict:
        if value < 0:
            raise Fault(400, "value: expected 0 or more")
        self._rows.append(value)
        return {{"rows": len(self._rows)}}
"""
_numbers = count()  # each service has a new name, so that no cache has its code


@figure("build_10_boards_over_1", unit="ratio", goal=4, better="lower")
def build_10_boards_over_1(lab: Lab) -> list[float]:
    """Compare building ten boards of two services each with building one, type checks included."""
    return lab.ratios(lambda: _build_time(lab, 10), lambda: _build_time(lab, 1))


@figure("check_unchanged_over_first", unit="ratio", goal=0.5, better="lower")
def check_unchanged_over_first(lab: Lab) -> list[float]:
    """Compare ``torpor check`` of the unchanged sample with the first check of a new clone."""
    rounds = []
    for number in range(lab.rounds):
        clone = lab.folder / f"clone{number}"
        for name in ("services", "cluster.toml", "contracts.lock"):
            source = ROOT / name
            clone.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, clone / name)
            else:
                shutil.copyfile(source, clone / name)
        first = _time(clone, "check")
        rounds.append(_time(clone, "check") / first)
    return rounds


def _build_time(lab: Lab, boards: int) -> float:
    root = lab.folder / f"project{next(_numbers)}"
    text = '[cluster]\nname = "bench"\n'
    for board in range(boards):
        names = [f"s{next(_numbers)}" for _ in range(2)]
        for name in names:
            folder = root / "services" / name
            folder.mkdir(parents=True)
            (folder / "__init__.py").write_text(_SERVICE.format(name=name.capitalize()))
        listed = ", ".join(f'"{name}"' for name in names)
        text += f'[boards.b{board}]\ntype = "RPI_PICO_W"\nservices = [{listed}]\n'
        text += "".join(f"[services.{n}]\nport = {8000 + i}\n" for i, n in enumerate(names))
    (root / "cluster.toml").write_text(text)
    return _time(root, "build")


def _time(root: Path, *arguments: str) -> float:
    began = time.monotonic()
    subprocess.run([_TORPOR, "-C", str(root), *arguments], check=True, capture_output=True)
    return time.monotonic() - began
