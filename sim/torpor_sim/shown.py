"""The display of a simulated device, as text for a terminal and as a PNG."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

from torpor_tools.errors import fail

from .flash import BoardFolder
from .wiring import wired_devices

_DOT, _LAMP = 4, 24  # pixels in a PNG

Shown = dict[str, Any]
Rows = list[list[tuple[int, int, int]]]


def shown(storage: Path, board: str) -> dict[str, Shown]:
    """Return what the devices of a simulated board show, by name. Raises ``UserError``."""
    folder = BoardFolder(storage / board)
    devices = wired_devices(folder)
    if not devices:
        there = sorted(p.parents[1].name for p in storage.glob("*/run/shown-*.json"))
        known = f"boards with devices there: {', '.join(dict.fromkeys(there))}" if there else ""
        remedy = known or "add [boards.NAME.devices] to cluster.toml and start torpor sim"
        raise fail(f"no device is wired to {board} in {storage}", remedy)
    found = {}
    for name in devices:
        path = folder.run / f"shown-{name}.json"
        if path.exists():
            found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found


def as_text(state: Shown) -> str:
    """Return what is shown, for a terminal."""
    match state["kind"]:
        case "frame":
            return "\n".join(_halves(_bits(state)))
        case "pixels":
            return " ".join("#{:02x}{:02x}{:02x}".format(*rgb) for rgb in state["rgb"])
        case "text":
            edge = "+" + "-" * len(state["lines"][0]) + "+"
            return "\n".join([edge, *(f"|{line}|" for line in state["lines"]), edge])
        case "angle":
            degrees = state["degrees"]
            return "no pulses" if degrees is None else f"{degrees:g} degrees"
        case "pins":
            return " ".join(map(str, state["levels"]))
        case "bytes":
            return repr(bytes.fromhex(state["hex"]))
    return json.dumps(state)


def as_png(state: Shown) -> bytes:
    """A picture of what is shown. Raises ``UserError`` if it is not a picture."""
    if state["kind"] == "frame":
        on, off = (180, 230, 255), (8, 12, 20)
        return _png([[on if bit else off for bit in row] for row in _bits(state)], _DOT)
    if state["kind"] == "pixels":
        return _png([[(r, g, b) for r, g, b in state["rgb"]]], _LAMP)
    raise fail(f"it shows {state['kind']}, not a picture", "omit --png")


def _bits(state: Shown) -> list[list[int]]:
    """The dots, row by row."""
    data = bytes.fromhex(state["hex"])
    stride = (state["width"] + 7) // 8
    rows = [data[i : i + stride] for i in range(0, len(data), stride)]
    return [[row[x >> 3] >> (7 - (x & 7)) & 1 for x in range(state["width"])] for row in rows]


def _halves(rows: list[list[int]]) -> list[str]:
    """Return one line of text for each two rows of dots."""
    rows = [*rows, [0] * len(rows[0])] if len(rows) % 2 else rows
    marks = " \N{LOWER HALF BLOCK}\N{UPPER HALF BLOCK}\N{FULL BLOCK}"
    return [
        "".join(marks[2 * up + low] for up, low in zip(*pair, strict=True)).rstrip()
        for pair in zip(rows[::2], rows[1::2], strict=True)
    ]


def _png(rows: Rows, scale: int) -> bytes:
    """A PNG with ``scale`` by ``scale`` pixels for each dot: RFC 2083."""
    lines = []
    for row in rows:
        line = b"\x00" + b"".join(bytes(rgb) * scale for rgb in row)
        lines += [line] * scale
    size = struct.pack(">IIBBBBB", len(rows[0]) * scale, len(rows) * scale, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(b"".join(lines), 9)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
