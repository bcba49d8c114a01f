"""The sizes of a cluster's images as a JSON document, for CI: written, and read to compare with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError, Where, fail
from ..model.image import Image
from ..text import read_text
from .size_table import Heap, heap_of

SCHEMA = 1
_FIGURES = ("compiled", "static", "total", "heap", "heap_on_request")
_REMEDY = "give a file that torpor build --json has written"


def board_document(image: Image, heap: Heap, on_request: Heap) -> dict[str, Any]:
    """Return the sizes of one image.

    Args:
        image: What was built.
        heap: Bytes of heap by module and service; empty if the image was not started.
        on_request: The same for services that start on request.

    Returns:
        Figures in bytes. ``heap`` is null if it was not measured.
    """
    sizes = image.sizes
    parts: list[dict[str, Any]] = [
        {
            "name": row.name,
            "kind": row.kind,
            "compiled": row.compiled,
            "static": row.static,
            "total": row.total,
            "heap": heap_of(row, heap) if heap else None,
            "heap_on_request": heap_of(row, on_request) if heap else None,
        }
        for row in sizes.rows
    ]
    sums = {key: _sum([part[key] for part in parts]) for key in _FIGURES}
    kind = image.board.board
    return (
        {"name": image.board.name, "type": kind.name, "title": kind.title}
        | sums
        | {
            "capacity": sizes.capacity,
            "parts": parts,
        }
    )


def document(cluster: str, boards: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the document of a build."""
    return {"schema": SCHEMA, "cluster": cluster, "boards": boards}


def to_text(sizes: Mapping[str, Any]) -> str:
    """Return a document as JSON text."""
    return json.dumps(sizes, indent=2, ensure_ascii=False) + "\n"


def read(path: Path, shown: str) -> Mapping[str, Any]:
    """Read a document.

    Raises:
        UserError: The file cannot be read, or torpor build has not written it.
    """
    sizes: Any
    try:
        sizes = json.loads(read_text(path, shown))
    except OSError as error:
        raise fail(f"{shown} cannot be read: {error.strerror}", _REMEDY) from None
    except json.JSONDecodeError as error:
        where = Where(shown, error.lineno, error.colno)
        raise fail(f"the file is not valid JSON: {error.msg}", _REMEDY, where) from None
    if not isinstance(sizes, dict) or "schema" not in sizes or "boards" not in sizes:
        raise fail("the file does not hold the sizes of a build", _REMEDY, Where(shown))
    if sizes["schema"] != SCHEMA:
        what = f"the file has schema {sizes['schema']!r}, and this torpor reads {SCHEMA}"
        raise fail(what, "write it again with the same torpor", Where(shown))
    if problem := _malformed(sizes["boards"]):
        raise _broken(problem, shown)
    return sizes


def _broken(what: str, shown: str) -> UserError:
    return fail(f"the file does not hold the sizes of a build: {what}", _REMEDY, Where(shown))


def _malformed(boards: Any) -> str:
    """Return why the boards of a document cannot be compared, or an empty text."""
    if not isinstance(boards, list):
        return '"boards" is not a list'
    for board in boards:
        if not isinstance(board, dict) or not isinstance(board.get("name"), str):
            return "a board has no name"
        parts = board.get("parts")
        if not isinstance(parts, list):
            return f"{board['name']} has no parts"
        for part in [board, *parts]:
            if not isinstance(part, dict) or not isinstance(part.get("name"), str):
                return f"a part of {board['name']} has no name"
            for key in _FIGURES:
                if not isinstance(part.get(key), int | None):
                    return f"{key} of {part['name']} is not a number"
        if any(not isinstance(part.get("kind"), str) for part in parts):
            return f"a part of {board['name']} has no kind"
    return ""


def _sum(figures: list[int | None]) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
