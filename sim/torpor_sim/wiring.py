"""The devices wired to a simulated board, as its shims read them from ``wiring.json``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from torpor_tools.errors import fail
from torpor_tools.files import project_files
from torpor_tools.model.device import Ranges
from torpor_tools.model.plan import BoardPlan
from torpor_tools.paths import devices_dir

from .flash import BoardFolder, write_json

_FILE = "wiring.json"
_RANGES = "ranges.json"  # for the host only: it costs the board no heap
_MODELS = "simdevices"


def wire(folder: BoardFolder, plan: BoardPlan) -> None:
    """Write the board's devices to ``wiring.json``, and put their models next to the shims."""
    write_json(folder.run / _FILE, table(plan))
    ranges = {device.model.name: device.model.ranges for device in plan.devices}
    write_json(folder.run / _RANGES, ranges)
    models = folder.run / _MODELS
    shutil.rmtree(models, ignore_errors=True)
    if plan.devices:
        models.mkdir()
        own = {device.model.file.parent for device in plan.devices} - {devices_dir()}
        for source in (devices_dir(), *own):
            for path in project_files(source, "*.py", deep=False):
                shutil.copyfile(path, models / path.name)


def table(plan: BoardPlan) -> dict[str, Any]:
    """The pins of the board that its port knows, and its devices."""
    pins = plan.board.pins
    return {
        "pins": {
            "adc": pins.adc,
            "dac": pins.dac,
            "touch": pins.touch,
            "buses": pins.buses,
            "valid": pins.valid,
        },
        "devices": [
            {
                "name": device.name,
                "model": device.model.name,
                "pins": {line: str(pin) for line, pin in device.pins.items()},
                "bus": [str(pin) for pin in device.bus],
                "options": device.options,
                "inputs": device.inputs,
                "address": device.address,
            }
            for device in plan.devices
        ],
    }


def wired_devices(folder: BoardFolder) -> dict[str, dict[str, Any]]:
    """The devices of a board that is simulated in this folder, by name."""
    try:
        wired = json.loads((folder.run / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {device["name"]: device for device in wired["devices"]}


def wired_device(storage: Path, board: str, name: str) -> dict[str, Any]:
    """One device of a simulated board. Raises ``UserError``."""
    devices = wired_devices(BoardFolder(storage / board))
    if name not in devices:
        there = f"its devices: {', '.join(devices)}" if devices else "none is in cluster.toml"
        raise fail(f"no device {name} is wired to {board}", there)
    return devices[name]


def ranges_of(storage: Path, board: str, model: str) -> Ranges:
    """The ranges of the inputs of a model that is wired to a simulated board."""
    path = BoardFolder(storage / board).run / _RANGES
    if not path.exists():  # an older torpor prepared the board
        return {}
    ranges: dict[str, Ranges] = json.loads(path.read_text(encoding="utf-8"))
    return ranges.get(model, {})
