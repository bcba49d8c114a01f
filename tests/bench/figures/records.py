"""The cost of records: bytes in the image, and the time to validate input."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from tests.bench.lab import Lab
from tests.bench.registry import figure
from tests.helpers.running import write_cluster
from torpor_tools.contracts import load_plan
from torpor_tools.link.encoding import encoded
from torpor_tools.link.literal import literal

_RECORDS = """
from typing import Annotated, Literal, NotRequired, TypedDict
from torpor import Range, Service


class Point(TypedDict):
    celsius: Annotated[float, Range(-60, 90)]
    at: int


class Row(TypedDict):
    name: str
    state: Literal["low", "high"]
    points: NotRequired[list[Point]]


class Soil(Service):
    async def rows(self, limit: int = 3) -> list[Row]:
        return [{"name": "a", "state": "low", "points": [{"celsius": 1.5, "at": 7}]}] * limit

    async def put(self, row: Row) -> Row | None:
        return row
"""
_PADDING = _RECORDS[: _RECORDS.index("class Soil")].count("\n") - 3
# The methods are on the same lines, because line numbers take bytes too.
_DICTS = "\nfrom torpor import Service\n\n" + "\n" * _PADDING
_DICTS += re.sub(r"\bRow\b", "dict", _RECORDS[_RECORDS.index("class Soil") :])
_VALIDATED = """
from typing import TypedDict
from torpor import Service, post


class Row(TypedDict):
    name: str
    celsius: float
    at: int
    open: bool


class A(Service):
    @post("/rows")
    async def rows(self, rows: list[Row]) -> None: ...
"""
_PROGRAM = """
import gc, json, sys, time
sys.path.insert(0, sys.argv[2])
from torpor.http.fields import shaped

LIKE = {like}
TEXT = {text!r}


def took(function):
    gc.collect()
    began = time.ticks_us()
    for _ in range(100):
        function()
    return time.ticks_diff(time.ticks_us(), began)


value = json.loads(TEXT)
ratios = []
for _ in range(ROUNDS):
    ratios.append(took(lambda: shaped(value, "rows", LIKE)) / took(lambda: json.loads(TEXT)))
print(json.dumps(ratios))
"""


@figure("record_bytes", unit="bytes", goal=0, better="lower")
def record_bytes(lab: Lab) -> float:
    """Measure the bytes that records add to an image, compared with ``dict`` in their place.

    The service has no public route.
    """
    records, dicts = (lab.cluster({"soil": source}) for source in (_RECORDS, _DICTS))
    return records.sizes.compiled - dicts.sizes.compiled


@figure("validate_over_json", unit="ratio", goal=1.0, better="lower")
def validate_over_json(lab: Lab) -> list[float]:
    """Compare validating a list of twenty records of four fields with parsing its JSON."""
    root = write_cluster(Path(tempfile.mkdtemp(dir=lab.folder)), {"a": _VALIDATED})
    argument = load_plan(root).boards[0].service("a").contract.methods[0].arguments[0]
    rows = [{"name": f"fridge-{i}", "celsius": i / 8, "at": 7, "open": False} for i in range(20)]
    program = _PROGRAM.format(like=literal(encoded(argument.type)), text=json.dumps(rows))
    ratios = lab.run_native(lab.image(root), program.replace("ROUNDS", str(lab.rounds)))
    return [float(ratio) for ratio in ratios]
