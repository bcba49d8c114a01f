"""One call with a trace, and the spans that it has left on the boards."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from ..board.live import traces
from ..board.live.traces import Span
from ..errors import UserError, fail
from ..model.plan import Plan
from .arguments import arguments
from .call import find_method
from .find import board_of
from .peer import fingerprint
from .rpc import CallError
from .tools import Tools


def trace(
    plan: Plan, root: Path, name: str, given: Sequence[str], *, at: str | None, timeout: float
) -> tuple[Span, list[str]]:
    """Call ``service.method`` and return the tree of its spans.

    Also returns why the spans of some boards are missing. ``given``: the arguments, ``name=value``
    each; ``timeout`` is in seconds. Raises ``UserError``.
    """
    service, method = find_method(plan, name)
    if plan.cluster.observe.traces is None:
        raise fail("the images of this cluster have no traces", "add [traces] to cluster.toml")
    if method.streamed or service.entry.on_request:
        raise fail(f"{name} cannot be called by a peer", "trace one that can")
    values = arguments(method, given)
    board = board_of(plan, service)
    span = Span(traces.new_trace(), traces.new_id(), "", "this computer", "", name, 0, 0, 200)
    with Tools(root, board, at) as tools:
        parent = traces.traceparent(span.trace, span.id)
        began = time.perf_counter()
        try:
            tools.call(
                service.name,
                method.name,
                values,
                fingerprint=fingerprint(method, values),
                deadline_ms=int(timeout * 1000),
                id=f" {parent}",
            )
        except CallError as error:  # that is part of what is to be seen
            span.status = error.status
        span.us = int((time.perf_counter() - began) * 1_000_000)
    found, missing = _collect(plan, root, span.trace, board.name, at)
    return traces.tree(span, found), missing


def _collect(
    plan: Plan, root: Path, trace: str, first: str, at: str | None
) -> tuple[list[Span], list[str]]:
    """The spans of a trace on all boards. ``at``: where the board ``first`` is."""
    found: list[Span] = []
    missing: list[str] = []
    for board in plan.boards:
        if not board.port:
            continue
        try:
            with Tools(root, board, at if board.name == first else None) as tools:
                found += traces.spans_of(board.name, tools.ask("trace", trace=trace))
        except UserError as error:
            missing.append(error.problems[0].what)
    return found, missing
