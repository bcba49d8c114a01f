"""Traces of requests: the spans of all boards, put together."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Span:
    """A piece of work. ``start_us`` is in the time of ``board``, until ``aligned`` changes that."""

    trace: str
    id: str
    parent: str
    board: str
    service: str
    name: str
    start_us: int
    us: int
    status: int
    children: list[Span] = field(default_factory=list)

    @property
    def own_us(self) -> int:
        """The time in which none of its children worked."""
        return max(0, self.us - sum(child.us for child in self.children))


def new_trace() -> str:
    """A new trace id."""
    return secrets.token_hex(16)


def new_id() -> str:
    """A new span id."""
    return secrets.token_hex(8)


def traceparent(trace: str, id: str, sampled: bool = True) -> str:
    """The header for those that the span ``id`` calls (W3C Trace Context, 3.2)."""
    return f"00-{trace}-{id}-{int(sampled):02d}"


def spans_of(board: str, answer: dict[str, Any]) -> list[Span]:
    """The spans in a board's answer to the tool ``.trace``."""
    return [
        Span(trace, id, parent, board, service, name, at * 1000, us, status)
        for trace, id, parent, service, name, at, us, status in answer["spans"]
    ]


def tree(root: Span, spans: Iterable[Span]) -> Span:
    """Put spans below those that caused them; one whose cause is unknown goes below the root."""
    found = list(spans)
    known = {span.id for span in found}
    for span in found:
        if span.parent not in known:
            span.parent = root.id
    hang([root], found)
    return root


def hang(roots: Sequence[Span], spans: Iterable[Span]) -> list[Span]:
    """Put spans below those that caused them, and return what belongs to ``roots``, these first.

    The times of boards are moved into those of the roots.
    """
    known = {span.id: span for span in [*roots, *spans]}
    for span in known.values():
        span.children = []
    for span in sorted(known.values(), key=lambda span: span.start_us):
        if span.parent in known and span.trace == known[span.parent].trace:
            known[span.parent].children.append(span)
    found = list(roots)
    for root in roots:
        if root.parent not in known:
            _align(root)
    for span in found:  # which grows
        found += [child for child in span.children if child not in roots]
    return found


def _align(parent: Span) -> None:
    """Move the spans of other boards, whose clocks differ, into the middle of their cause."""
    for child in parent.children:
        if child.board != parent.board:
            _move(child, parent.start_us + (parent.us - child.us) // 2 - child.start_us)
        _align(child)


def _move(span: Span, us: int) -> None:
    board = span.board
    span.start_us += us
    for child in span.children:
        if child.board == board:
            _move(child, us)


def lines(root: Span) -> Iterator[tuple[str, str, str, str, str]]:
    """Rows of a table: name in the tree, board, duration, own time and status."""
    yield _row(root, "")
    yield from _below(root, "")


def _below(span: Span, indent: str) -> Iterator[tuple[str, str, str, str, str]]:
    for index, child in enumerate(span.children):
        last = index == len(span.children) - 1
        yield _row(child, indent + ("└─ " if last else "├─ "))
        yield from _below(child, indent + ("   " if last else "│  "))


def _row(span: Span, indent: str) -> tuple[str, str, str, str, str]:
    status = str(span.status) if span.status else ""
    times = f"{span.us / 1000:.1f}", f"{span.own_us / 1000:.1f}"
    return (indent + span.name, span.board, *times, status)
