"""The sizes of a build as Markdown, for a job summary or a comment, with what has changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Part = Mapping[str, Any]
_FIGURES = ("compiled", "static", "heap")
_SUMMED = {"runtime": "modules", "dependency": "modules", "start": "files"}
_HEAP_NOTE = "Heap: once ready, in 64-bit MicroPython; a 32-bit chip needs about 70 % of it."


def markdown(sizes: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> str:
    """Return a table for each board.

    Args:
        sizes: The document of this build.
        base: The document to compare with. Figures that differ then show by how much.
    """
    lines = [f"### torpor: sizes of {sizes['cluster']}", ""]
    before = {board["name"]: board for board in base["boards"]} if base else {}
    for board in sizes["boards"]:
        lines += [*_board(board, before.get(board["name"]), base is not None), ""]
    gone = [name for name in before if name not in {b["name"] for b in sizes["boards"]}]
    lines += [line for name in gone for line in (f"**{_cell(name)}** was removed.", "")]
    if any(board["heap"] is not None for board in sizes["boards"]):
        lines += [_HEAP_NOTE, ""]
    return "\n".join(lines)


def _board(board: Part, before: Part | None, compares: bool) -> Iterator[str]:
    full = f"{board['total']:,} of {board['capacity']:,} bytes"
    share = f"{board['total'] / board['capacity']:.0%}" if board["capacity"] else "0%"
    yield f"**{_cell(board['name'])}** ({_cell(board['title'])}): {full} of the filesystem, {share}"
    if compares:
        yield ""
        yield _verdict(board, before)
    yield ""
    yield "| part | kind | compiled B | static B | heap B |"
    yield "| --- | --- | ---: | ---: | ---: |"
    old = {(row["kind"], row["name"]): row for row in _rows(before)} if before else {}
    for row in _rows(board):
        yield _row(row, old.pop((row["kind"], row["name"]), None), bool(before))
    for row in old.values():
        yield _row({**row, **dict.fromkeys(_FIGURES, 0), "gone": True}, row, True)
    if before:
        yield from _modules(board, before)


def _verdict(board: Part, before: Part | None) -> str:
    """Return one sentence about the complete image."""
    if before is None:
        return "New: there is nothing to compare with."
    changes = [
        f"{_signed(board[key] - before[key])} bytes {what}"
        for key, what in (("total", "in flash"), ("heap", "of heap"))
        if board[key] is not None and before[key] is not None and board[key] != before[key]
    ]
    return f"Compared with the base: {', '.join(changes)}." if changes else "Same size as the base."


def _rows(board: Part) -> list[dict[str, Any]]:
    """Return the rows of the table: services one by one, other modules summed by kind."""
    parts = board["parts"]
    rows = [dict(part, count=1) for part in parts if part["kind"] not in _SUMMED]
    for kind, noun in _SUMMED.items():
        if summed := [part for part in parts if part["kind"] == kind]:
            row: dict[str, Any] = {"name": noun, "kind": kind, "count": len(summed)}
            for key in (*_FIGURES, "heap_on_request"):
                known = [part[key] for part in summed if part[key] is not None]
                row[key] = sum(known) if known else None
            rows.append(row)
    return [*rows, dict(board, name="total", kind="", count=1)]


def _row(row: Part, old: Part | None, compares: bool) -> str:
    name = f"{row['count']} {row['name']}" if row["kind"] in _SUMMED else row["name"]
    if row.get("gone"):
        name += " (removed)"
    elif compares and old is None:
        name += " (new)"
    figures = [_figure(row, old, key) for key in _FIGURES]
    if row["heap_on_request"]:
        figures[-1] = f"{figures[-1]} [{row['heap_on_request']:,} on request]".strip()
    cells = [_cell(name), row["kind"], *figures]
    if name == "total":
        cells = [f"**{cell}**" if cell else "" for cell in cells]
    return f"| {' | '.join(cells)} |"


def _figure(row: Part, old: Part | None, key: str) -> str:
    now, before = row[key], old[key] if old else None
    if now is None:
        return ""
    text = f"{now:,}" if now or before else ""
    change = now - before if before is not None else 0
    return f"{text} ({_signed(change)})" if change else text


def _modules(board: Part, before: Part) -> Iterator[str]:
    """Yield the modules behind the sums that have changed, in a collapsed section."""
    old = {(part["kind"], part["name"]): part for part in before["parts"]}
    new = {(part["kind"], part["name"]): part for part in board["parts"]}
    keys = [key for key in {**old, **new} if key[0] in _SUMMED]
    lines = list(_changed(keys, old, new))
    if lines:
        yield ""
        yield f"<details><summary>{len(lines)} modules changed</summary>"
        yield ""
        yield "| module | compiled B | heap B |"
        yield "| --- | ---: | ---: |"
        yield from lines
        yield ""
        yield "</details>"


def _changed(
    keys: Iterable[tuple[str, str]],
    old: Mapping[tuple[str, str], Part],
    new: Mapping[tuple[str, str], Part],
) -> Iterator[str]:
    nothing = dict.fromkeys((*_FIGURES, "total"), 0)
    for key in keys:
        was, now = old.get(key, nothing), new.get(key, nothing)
        if was["total"] != now["total"]:
            suffix = " (new)" if key not in old else " (removed)" if key not in new else ""
            cells = [_cell(key[1]) + suffix, _figure(now, was, "total"), _figure(now, was, "heap")]
            yield f"| {' | '.join(cells)} |"


def _signed(change: int) -> str:
    return f"{change:+,}".replace("-", "\N{MINUS SIGN}")


def _cell(text: str) -> str:
    """Return a name escaped for a Markdown table."""
    return "".join(f"\\{c}" if c in "\\|*_`<>[]" else c for c in text)
