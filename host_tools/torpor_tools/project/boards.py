"""The board types, one TOML file each."""

from __future__ import annotations

import dataclasses
import re
from math import inf
from typing import Any, get_type_hints

from ..errors import UserError, fail
from ..files import project_files
from ..model.board import Board, Filesystem, Firmware, Pins
from ..paths import boards_dir
from ..suggest import did_you_mean, listing
from .document import Document
from .partitions import LABEL, two_slots

CHIPS = {
    "rp2": ("RP2040", "RP2350"),
    "esp32": ("ESP32", "ESP32-C3", "ESP32-C6", "ESP32-S2", "ESP32-S3"),
    "unix": ("any",),
}
"""MicroPython's port -> its chips that the tools can flash."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TABLES: dict[str, type] = {"filesystem": Filesystem, "firmware": Firmware}
_OPTIONAL_TABLES = ("firmware",)
_NOT_IN_FILE = ((Board, "name"), (Board, "partitions"))
_KINDS: dict[str, type] = {
    "wake_sources": list,
    "wake_pins": list,
    "currents_ma": dict,
    "timings_ms": dict,
    "pins": dict,
}


def known_boards() -> list[str]:
    """The names of all board types."""
    return [path.stem for path in project_files(boards_dir(), "*.toml", deep=False)]


def load_board(name: str) -> Board:
    """The board type of that name. Raises ``UserError`` if its file is missing or wrong."""
    known = known_boards()
    if name not in known:
        near = did_you_mean(name, known)
        remedy = f"{near} known boards: {listing(known)}".lstrip()
        raise fail(f'there is no board type "{name}"', remedy)
    document = Document(boards_dir() / f"{name}.toml", f"boards/{name}.toml")
    values = _fields(document, Board, (), document.data)
    _check_items(document, values)
    if not document.problems:
        _check_layout(document, values)
    table = _pins(document, values.pop("pins"))
    if document.problems:
        raise UserError(document.problems)
    currents = {state: float(ma) for state, ma in values.pop("currents_ma").items()}
    timings = {name: float(ms) for name, ms in values.pop("timings_ms").items()}
    wake_sources = tuple(values.pop("wake_sources"))
    pins = tuple(values.pop("wake_pins"))
    if values["firmware_slots"] == 2:
        values["partitions"] = two_slots(values["flash_bytes"])
    return Board(
        name=name,
        wake_sources=wake_sources,
        wake_pins=pins,
        currents_ma=currents,
        timings_ms=timings,
        pins=table,
        **values,
    )


def _fields(
    document: Document, cls: Any, path: tuple[str, ...], table: dict[str, Any]
) -> dict[str, Any]:
    """The values for all fields of a dataclass but those that do not come from its file."""
    hints = get_type_hints(cls)
    fields = [f for f in dataclasses.fields(cls) if (cls, f.name) not in _NOT_IN_FILE]
    document.only(path, table, [f.name for f in fields])
    values: dict[str, Any] = {}
    for field in fields:
        if field.name in _TABLES:
            values[field.name] = _table(document, field.name, table)
            continue
        kind = _KINDS.get(field.name, hints[field.name])
        value = document.take(path, table, field.name, kind, _default(field, kind))
        if kind is int and value < 0:
            document.report((*path, field.name), f"{field.name}: {value} is negative")
        values[field.name] = value
    return values


def _default(field: dataclasses.Field[Any], kind: Any) -> Any:
    """The value of a field that the file does not name; ``...`` if it must name it."""
    missing = dataclasses.MISSING
    if field.default is not missing and isinstance(field.default, kind):
        return field.default
    return ... if field.default is missing and field.default_factory is missing else kind()


def _table(document: Document, name: str, table: dict[str, Any]) -> Any:
    inner = document.take((), table, name, dict, None if name in _OPTIONAL_TABLES else ...)
    if inner is None or (not inner and name not in table):
        return None
    return _TABLES[name](**_fields(document, _TABLES[name], (name,), inner))


def _check_items(document: Document, values: dict[str, Any]) -> None:
    for index, source in enumerate(values["wake_sources"]):
        if not isinstance(source, str):
            what = f"wake_sources: expected text in quotes, got {source!r}"
            document.report(("wake_sources", index), what)
    for index, pin in enumerate(values["wake_pins"]):
        if type(pin) is not int:
            document.report(("wake_pins", index), f"wake_pins: expected a number, got {pin!r}")
    for table in ("currents_ma", "timings_ms"):
        for name, value in values[table].items():
            if type(value) not in (int, float):
                document.report((table, name), f"{name}: expected a number, got {value!r}")
            elif not 0 <= value < inf:
                document.report((table, name), f"{name}: {value} is not 0 or more")


def _pins(document: Document, table: dict[str, Any]) -> Pins:
    """The table ``[pins]``."""
    path = ("pins",)
    document.only(path, table, [field.name for field in dataclasses.fields(Pins)])
    lists: dict[str, Any] = {}
    for name in ("gpio", "names", "input_only", "adc", "dac", "touch"):
        lists[name] = tuple(document.take(path, table, name, list, []))
    for name, pins in lists.items():
        kind = str if name == "names" else int
        for index, pin in enumerate(pins):
            if type(pin) is not kind:
                document.report((*path, name, index), f"{name}: {pin!r} is not a pin")
    buses = document.take(path, table, "buses", dict, {})
    valid = document.take(path, table, "valid", dict, {})
    return Pins(**lists, buses=buses, valid={name: tuple(pins) for name, pins in valid.items()})


def _check_layout(document: Document, values: dict[str, Any]) -> None:
    """Check that the parts fit each other, or no image would run."""
    port, chip, filesystem = values["port"], values["chip"], values["filesystem"]
    if port not in CHIPS:
        document.report(("port",), f'port: there is no "{port}"', f"known: {listing(list(CHIPS))}")
    elif CHIPS[port] and chip not in CHIPS[port]:
        what = f'chip: the port {port} has no "{chip}"'
        near = did_you_mean(chip, CHIPS[port])
        document.report(("chip",), what, near or f"known: {listing(list(CHIPS[port]))}")
    end = filesystem.offset + filesystem.block_size * filesystem.block_count
    if not filesystem.block_size or filesystem.offset % filesystem.block_size:
        what = "offset: the filesystem does not begin on a block boundary"
        document.report(("filesystem", "offset"), what, "make it a multiple of block_size")
    elif end > values["flash_bytes"]:
        what = f"the filesystem ends at {end:#x}, beyond the flash ({values['flash_bytes']:#x})"
        document.report(("filesystem", "block_count"), what, "lower block_count or offset")
    if values["firmware_slots"] not in (1, 2):
        document.report(("firmware_slots",), "firmware_slots: expected 1 or 2")
    elif values["firmware_slots"] == 2:
        _check_slots(document, values)
    firmware = values["firmware"]
    if firmware and firmware.sha256 and not _SHA256.fullmatch(firmware.sha256):
        what = f'sha256: "{firmware.sha256}" is not a SHA-256'
        remedy = "64 hexadecimal digits in lower case, or empty while it is not known"
        document.report(("firmware", "sha256"), what, remedy)


def _check_slots(document: Document, values: dict[str, Any]) -> None:
    """Check that the filesystem is where the table with two firmware slots has it."""
    if values["port"] != "esp32":
        document.report(("firmware_slots",), "firmware_slots: only an ESP32 has two", "write 1")
        return
    try:
        [files] = [p for p in two_slots(values["flash_bytes"]) if p.label == LABEL]
    except UserError as error:
        document.report(("flash_bytes",), error.problems[0].what, error.problems[0].remedy)
        return
    there = values["filesystem"]
    if (there.offset, there.block_size * there.block_count) != (files.offset, files.size):
        what = f"the filesystem is not the partition {LABEL} of two firmware slots"
        remedy = f"offset = {files.offset:#x}, block_count = {files.size // 4096}"
        document.report(("filesystem", "offset"), what, remedy)
