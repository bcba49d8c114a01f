"""Curves in files, which a simulated device follows."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from ..errors import Problem, UserError


def read_curve(path: Path, shown: str) -> dict[str, Any]:
    """The points of a curve file: lines of seconds and value. Raises ``UserError``."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row and not row[0].startswith("#")]
        points = [[float(seconds), float(value)] for seconds, value in rows]
    except (OSError, ValueError):
        points = []
    if not points or points != sorted(points, key=lambda point: point[0]):
        what = f"{shown} is not a curve" + ("" if path.exists() else ": there is no such file")
        remedy = "it has a line `seconds,value` for each point, in order, and may have # comments"
        raise UserError(Problem(None, what, remedy))
    return {"points": points}
