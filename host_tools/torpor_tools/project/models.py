"""The models of simulated devices, read without running them: they are MicroPython."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path
from typing import Any

from ..errors import Problem, UserError, Where
from ..files import project_files
from ..model.device import BUS_LINES, DeviceModel
from ..paths import devices_dir
from ..python_names import parsed
from ..text import read_text

_CONSTANTS = ("BUS", "ADDRESSES", "PINS", "INPUTS", "RANGES", "OPTIONS")


def model_files(root: Path) -> dict[str, Path]:
    """The files of all models by name: those in the project's ``sim/`` hide torpor's own."""
    folders = (devices_dir(), root / "sim")
    return {
        path.stem: path
        for folder in folders
        if folder.is_dir()
        for path in project_files(folder, "*.py", deep=False)
        if path.stem != "__init__"
    }


def read_model(path: Path, shown: str) -> DeviceModel:
    """The model in a file. Raises ``UserError``."""
    text = read_text(path, shown)
    try:
        tree = parsed(text, shown)
    except SyntaxError as error:
        problem = Problem(Where(shown, error.lineno or 0), f"not Python: {error.msg}")
        raise UserError(problem) from None
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Model"]
    if not classes:
        what = "this file has no class Model"
        remedy = "name the model's class like this: class Model(I2CDevice)"
        raise UserError(Problem(Where(shown), what, remedy))
    found = _constants(classes[0], shown)
    bus = found.get("BUS")
    if bus not in BUS_LINES:
        what = f"the model does not state its bus: {bus!r}"
        remedy = f"write in the class: BUS = one of {', '.join(BUS_LINES)}, in quotes"
        raise UserError(Problem(Where(shown, classes[0].lineno), what, remedy))
    return DeviceModel(
        path.stem,
        path,
        bus,
        tuple(found.get("ADDRESSES", ())),
        tuple(found.get("PINS", ())),
        found.get("INPUTS", {}),
        found.get("OPTIONS", {}),
        found.get("RANGES", {}),
        hashlib.sha256(text.encode()).hexdigest(),
    )


def _constants(node: ast.ClassDef, shown: str) -> dict[str, Any]:
    found = {}
    problems = []
    for statement in node.body:
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            continue
        target = statement.targets[0]
        if isinstance(target, ast.Name) and target.id in _CONSTANTS:
            try:
                found[target.id] = ast.literal_eval(statement.value)
            except ValueError:
                what = f"{target.id} is not a constant, so the build cannot read it"
                where = Where(shown, statement.lineno)
                problems.append(Problem(where, what, "write it out: INPUTS = {'lux': 100.0}"))
            if target.id == "RANGES" and not _are_ranges(found.get("RANGES", {})):
                where = Where(shown, statement.lineno)
                remedy = "give minimum, maximum and unit: RANGES = {'lux': (0, 65535, 'lx')}"
                problems.append(Problem(where, "RANGES has a value that is not a range", remedy))
    if problems:
        raise UserError(problems)
    return found


def _are_ranges(ranges: Any) -> bool:
    return isinstance(ranges, dict) and all(
        isinstance(limits, tuple)
        and len(limits) in (2, 3)
        and all(isinstance(number, int | float) for number in limits[:2])
        and limits[0] <= limits[1]
        for limits in ranges.values()
    )
