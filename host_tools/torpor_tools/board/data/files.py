"""Rows in files: JSON lines with table, key and row, or CSV of one table.

The first of the JSON lines says which service they are from, and how many migrations its data has
had, because a migration may change the shape of rows. A file without that line is not checked.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from ...errors import Where, fail
from .board import Row

_ROW = 2048  # bytes of JSON in a row: firmware/torpor/store/table.py
_KEY = 64  # bytes of a key that is a text


@dataclass(frozen=True)
class Origin:
    """Whose rows a file has."""

    service: str
    migrations: int


def write_origin(file: TextIO, origin: Origin) -> None:
    """Write the first line."""
    file.write(json.dumps(asdict(origin), separators=(",", ":")) + "\n")


def read_origin(file: TextIO) -> Origin | None:
    """The origin in the first line, if ``write_origin`` wrote it."""
    return _origin(file.readline())


def _origin(line: str) -> Origin | None:
    try:
        found = json.loads(line)
        return Origin(str(found["service"]), int(found["migrations"]))
    except (ValueError, KeyError, TypeError):
        return None


def write_jsonl(file: TextIO, table: str, rows: Iterable[Row]) -> None:
    """Write one line per row."""
    for key, row in rows:
        line = {"table": table, "key": key, "row": row}
        file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def read_jsonl(file: TextIO, name: str) -> Iterator[tuple[str, Row]]:
    """Table and row of each line. Raises ``UserError`` with the line that is wrong."""
    for number, line in enumerate(file, 1):
        if not line.strip() or (number == 1 and _origin(line)):
            continue
        try:
            found = json.loads(line, object_pairs_hook=_once)
            row = _key(found["key"]), _dict(found["row"])
            table = str(found["table"])
        except (ValueError, KeyError, TypeError):
            what = f"not a row: {line.strip()[:60]}"
            remedy = 'a line is {"table": "...", "key": 1, "row": {...}}'
            raise fail(what, remedy, Where(name, number)) from None
        _check(found["row"], Where(name, number))
        _check([found["key"], found["table"]], Where(name, number))
        yield table, row


def write_csv(file: TextIO, rows: Callable[[], Iterable[Row]]) -> None:
    """Write one column per field, with ``key`` first.

    ``rows`` is called twice: the first round finds the fields, so that none is held.
    """
    fields = dict.fromkeys(field for _, row in rows() for field in row)
    writer = csv.writer(file)
    writer.writerow(["key", *fields])
    for key, row in rows():
        writer.writerow([_cell(key), *(_cell(row[f]) if f in row else "" for f in fields)])


def read_csv(file: TextIO, name: str) -> Iterator[Row]:
    """The rows of a CSV file that ``write_csv`` wrote. Raises ``UserError``."""
    reader = csv.reader(file)
    head = next(reader, [])
    if head[:1] != ["key"]:
        raise fail("the first column is not called key", "export writes such files", Where(name, 1))
    for cells in reader:
        if len(cells) != len(head):
            what = f"{len(cells)} cells, and the header has {len(head)}"
            raise fail(what, "correct the line", Where(name, reader.line_num))
        pairs = zip(head[1:], cells[1:], strict=True)
        key, row = _value(cells[0]), {field: _value(cell) for field, cell in pairs if cell != ""}
        _check(row, Where(name, reader.line_num))
        _check(key, Where(name, reader.line_num))
        yield key, row


def format_of(path: Path | None, chosen: str | None) -> str:
    """``jsonl`` or ``csv``, as requested, or else by the file's name."""
    return chosen or ("csv" if path and path.suffix.lower() == ".csv" else "jsonl")


def _cell(value: Any) -> str:
    """A text unchanged if it cannot be mistaken for another value; anything else as JSON."""
    if isinstance(value, str) and value and _value(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _value(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _check(row: Any, where: Where) -> None:
    """Refuse what the board would refuse, with the line of the file. Raises ``UserError``."""
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        remedy = "a character beyond U+FFFF is two escapes, such as \\ud83d\\ude00"
        raise fail(f"{half} is an unpaired surrogate", remedy, where) from None
    except ValueError:
        what = "NaN and Infinity are not JSON, and a board does not store them"
        raise fail(what, "write null, or leave the field out", where) from None
    if len(text) > _ROW:
        what = f"the row has {len(text):,} bytes of JSON, and a board stores {_ROW:,}"
        raise fail(what, "split it into several rows", where)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs. Raises ``ValueError`` if it would lose one of them."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _key(value: Any) -> int | str:
    """A key of a table, else ``TypeError`` or ``ValueError``."""
    if type(value) is int and -(1 << 63) <= value < 1 << 63:
        return value
    if type(value) is str and 0 < len(value.encode(errors="surrogatepass")) <= _KEY:
        return value
    raise TypeError


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value
