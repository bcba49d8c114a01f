"""Turn the device's report of a failure into what a developer needs to see."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import (
    ReprEntry,
    ReprExceptionInfo,
    ReprFileLocation,
    ReprTraceback,
)

from ..errors import UserError
from ..python_names import parsed
from ..text import read_text
from ..tracebacks import as_sources
from .rewrite import calls
from .runner import Outcome

_FRAME = re.compile(r'  File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>.+)')
_OURS = ("torpor_test/", "/.sim/", ".sim/", "asyncio/", "main.py", "/main.py", "<stdin>")
_SHOWN_BEFORE = 5  # lines of a function above the one that failed


@dataclass(frozen=True)
class Frame:
    """A line of a traceback."""

    file: str  # as the device calls it, which is its path in the project or in the runtime
    line: int
    name: str


class DeviceFailure(Exception):  # noqa: N818
    """A test failed on the device; ``outcome`` has all that is known."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(headline(outcome))
        self.outcome = outcome


def improve(report: pytest.TestReport, item: pytest.Item, test: Path, error: BaseException) -> None:
    """Make the report of a test show what happened on the device."""
    line = (item.reportinfo()[1] or 0) + 1
    if report.skipped and isinstance(report.longrepr, tuple):
        report.longrepr = (str(test), line, report.longrepr[2])
    elif isinstance(error, DeviceFailure) and report.failed:
        root = test.parents[3]
        report.longrepr = representation(item.config, root, test, line, error.outcome)
    elif isinstance(error, UserError):
        report.longrepr = str(error)


def frames(trace: str) -> list[Frame]:
    """The frames of a traceback that are of interest, outermost first."""
    matches = _FRAME.finditer(as_sources(trace))
    found = [Frame(m["file"], int(m["line"]), m["name"]) for m in matches]
    return [f for f in found if not f.file.startswith(_OURS) and f.file != "torpor/strict.py"]


def headline(outcome: Outcome) -> str:
    """The failure in one line."""
    if outcome.outcome == "lost":
        return f"MicroPython crashed: {outcome.text}"
    if outcome.outcome == "hung":
        return "MicroPython hung, and did not react to an interrupt"
    if outcome.outcome == "late":
        return f"the test did not end within {outcome.text} s"
    if outcome.outcome == "stuck":
        return "the test waits for something that can no longer happen"
    note = f"{outcome.note}: " if outcome.note else ""
    return f"{note}{outcome.kind}: {outcome.text}".rstrip(": ")


def representation(
    config: pytest.Config, root: Path, test: Path, line: int, outcome: Outcome
) -> ReprExceptionInfo:
    """The failure as pytest shows one of its own: source lines, values, place."""
    trace = frames(outcome.trace)
    start = next((i for i, f in enumerate(trace) if _path(root, f.file) == test), None)
    if start is None:
        # The test does not show in the trace (a task of its own, a crash): begin with its name.
        trace = [Frame(str(test.relative_to(root)), line, ""), *trace]
    else:
        trace = trace[start:]
    message = list(_message(config, root, trace, outcome))
    entries = []
    for i, frame in enumerate(trace):
        is_last = i == len(trace) - 1
        lines = [*_source(root, frame), *(message if is_last else [])]
        short = outcome.kind or outcome.outcome if is_last else ""
        place = ReprFileLocation(_shown(root, frame.file), frame.line, short)
        entries.append(ReprEntry(lines, None, None, place, "long"))
    last = trace[-1]
    crash = ReprFileLocation(
        str(_path(root, last.file)), last.line, _short(message, outcome).splitlines()[0]
    )
    return ReprExceptionInfo(ReprTraceback(entries, None, "long"), crash)


def _short(message: list[str], outcome: Outcome) -> str:
    first = message[0][1:].strip() if message else ""
    return first or headline(outcome) or "failed"


def _message(
    config: pytest.Config, root: Path, trace: list[Frame], outcome: Outcome
) -> Iterator[str]:
    """The lines marked E."""
    text = headline(outcome)
    if outcome.detail:
        text = _assertion(config, root, trace, outcome)
    for line in text.splitlines():
        yield f"E   {line}"
    if outcome.cause:
        yield f"E   caused by a bug of the peer: {outcome.cause.rstrip().rpartition(chr(10))[2]}"
        for frame in frames(outcome.cause):
            yield f"E     {_shown(root, frame.file)}:{frame.line} in {frame.name}"
    if outcome.outcome == "stuck":
        yield "E   (no timer runs, no socket is open, and no other task is left)"
    if outcome.outcome in ("lost", "hung"):
        yield "E   the tests after this one run in a new interpreter"


def _assertion(config: pytest.Config, root: Path, trace: list[Frame], outcome: Outcome) -> str:
    """``assert left == right`` with the values, as pytest explains it."""
    detail = outcome.detail
    lines = [f"{outcome.kind}: {outcome.text}"] if outcome.text else []
    if "op" in detail:
        lines += _comparison(config, detail)
    elif "value" in detail:
        lines.append(f"assert {detail['value']}")
    elif "not" in detail:
        lines.append(f"assert not {detail['not']}")
    elif not outcome.text:
        lines.append("AssertionError")
    written = _calls_at(root, trace[-1]) if trace else []
    for number, result, given in detail.get("calls", ()):
        if number < len(written):
            lines.append(f" +  where {result} = {_call(written[number], given)}")
    return "\n".join(lines)


def _comparison(config: pytest.Config, detail: dict[str, Any]) -> list[str]:
    op, left, right = detail["op"], detail["left"], detail["right"]
    values = _value(left), _value(right)
    if ... not in values:
        explained = _explain(config, op, *values)
        if explained:
            return [f"assert {explained[0]}", *(f"  {line}" for line in explained[1:])]
    return [f"assert {left} {op} {right}"]


def _explain(config: pytest.Config, op: str, left: Any, right: Any) -> list[str] | None:
    """Pytest's own explanation of a comparison, through the hook that any plugin may answer."""
    answers = config.hook.pytest_assertrepr_compare(config=config, op=op, left=left, right=right)
    return next((list(found) for found in answers if found), None)


def _value(text: str) -> Any:
    """The value that a ``repr`` from the device shows, or ``...`` if it is not plain data."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ...


def _call(written: str, given: list[str] | None) -> str:
    """A call with the values of its arguments, if those are known."""
    if given is None:
        return written
    function = written[: written.index("(")]
    return f"{function}({', '.join(given)})"


def _calls_at(root: Path, frame: Frame) -> list[str]:
    tree = _tree(_path(root, frame.file))
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Assert) and node.lineno <= frame.line <= (node.end_lineno or 0):
            return calls(node)
    return []


def _source(root: Path, frame: Frame) -> Iterator[str]:
    """The lines of a frame's function down to the one that runs, as pytest marks them."""
    path = _path(root, frame.file)
    lines = _lines(path)
    if not 0 < frame.line <= len(lines):
        return
    first = _function_start(path, frame.line) or frame.line
    first = max(first, frame.line - _SHOWN_BEFORE)
    for number in range(first, frame.line):
        yield f"    {lines[number - 1]}".rstrip()
    yield f">   {lines[frame.line - 1]}"


def _function_start(path: Path, line: int) -> int | None:
    tree = _tree(path)
    found = None
    for node in ast.walk(tree) if tree else ():
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.lineno <= line <= (node.end_lineno or 0):
            found = max(found or 0, node.lineno)
    return found


def _path(root: Path, file: str) -> Path:
    """The file that the device calls ``file``."""
    from ..paths import firmware_dir

    mine = root / file.lstrip("/")
    return mine if mine.is_file() else firmware_dir() / file.lstrip("/")


def _shown(root: Path, file: str) -> str:
    path = _path(root, file)
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path) if path.is_file() else file


@lru_cache(maxsize=64)
def _lines(path: Path) -> list[str]:
    try:
        return read_text(path, path.name).splitlines()
    except (OSError, UserError):
        return []


@lru_cache(maxsize=64)
def _tree(path: Path) -> ast.Module | None:
    try:
        return parsed(read_text(path, path.name))
    except (OSError, SyntaxError, UserError):
        return None
