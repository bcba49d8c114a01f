"""A board called desk with devices, and what a program on it prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import indent
from typing import Any

from tests.sim import tiny
from torpor_sim import SimBoard, Simulator
from torpor_tools.errors import Where
from torpor_tools.model.cluster import BoardEntry
from torpor_tools.model.device import DeviceEntry
from torpor_tools.model.plan import BoardPlan
from torpor_tools.project import load_board
from torpor_tools.project.devices import wired

_END = "-- end --"
Devices = Mapping[str, dict[str, Any]]


def problems(devices: Devices, kind: str = "RPI_PICO_W", root: Path = Path()) -> list[str]:
    """Return the faults of these devices."""
    return [str(problem) for problem in _wired(devices, kind, root)[1]]


def desk(
    devices: Devices | None = None, kind: str = "RPI_PICO_W", root: Path = Path()
) -> BoardPlan:
    """A board with these devices, as ``cluster.toml`` has them."""
    found, wrong = _wired(devices or {}, kind, root)
    assert not wrong, wrong
    plan = tiny.plan("desk", {"desk": None}, board_type=load_board(kind))
    return replace(plan, devices=found)


def _wired(devices: Devices, kind: str, root: Path) -> Any:
    entries = tuple(DeviceEntry(name, values, Where("")) for name, values in devices.items())
    entry = BoardEntry("desk", kind, (), Where(""), devices=entries)
    return wired(root, entry, load_board(kind))


def simulator(
    folder: Path,
    source: str,
    where: BoardPlan,
    files: Mapping[str, str] | None = None,
    **options: Any,
) -> Simulator:
    """A simulator whose board runs ``source`` and prints that it ends, even if it fails."""
    main = (
        f"{tiny.READY}import sys\ntry:\n{indent(source, '    ')}\n"
        "except Exception as e:\n    sys.print_exception(e)\nprint('-- end --')\n"
        "import time\nwhile True:\n    time.sleep(1)\n"
    )
    image = tiny.image(folder, {"main.py": main, **(files or {})}, where)
    return Simulator([image], **options)


async def output_of(board: SimBoard) -> list[str]:
    """Return the output of its program."""
    await board.wait_log(_END, 60)
    lines = tiny.printed(board.log)
    return lines[: lines.index(_END)]


async def printed(
    folder: Path, source: str, where: BoardPlan, files: Mapping[str, str] | None = None
) -> list[str]:
    """Return the output of a program."""
    async with simulator(folder, source, where, files) as sim:
        return await output_of(sim.board("desk"))
