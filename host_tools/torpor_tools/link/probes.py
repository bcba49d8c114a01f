"""Instruments a service so that it notes which of its statements run.

MicroPython's official builds have no ``settrace``. So each statement gets a mark in front of it, on
its own line: ``_tc[12]=1;x = f()``. Where no statement can stand (``if``, ``while``, ``for``,
``with``) the mark is in the expression: ``if _tk(12) or (x > 3):``, for ``_tk`` returns None. Both
are put among the builtins by ``torpor_test.serve``; ``_tc`` is a ``bytearray`` for the whole
service, so a mark costs a look-up and a store. In a shipped image there is nothing of this.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .edits import Edits

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Probes:
    """The marks of a service: each a line of a file."""

    places: list[tuple[Path, int]] = field(default_factory=list)  # by the mark's number
    # Lines of statements that cannot have a mark -> the mark that they run with; None: they ran
    # if anything of the file did.
    implied: dict[tuple[Path, int], int | None] = field(default_factory=dict)

    def ran(self, hits: Sequence[int]) -> dict[str, list[int]]:
        """The lines that ran, by file, when these marks were set."""
        found: dict[Path, set[int]] = {}
        for number in hits:
            path, line = self.places[number]
            found.setdefault(path, set()).add(line)
        done = set(hits)
        for (path, line), mark in self.implied.items():
            if mark in done or (mark is None and path in found):
                found[path].add(line)
        return {str(path): sorted(lines) for path, lines in found.items()}

    def instrument(self, stripped: str, path: Path) -> str:
        """The text of a module with marks; ``stripped`` is the device's text of ``path``."""
        work = _Work(self, path, Edits(stripped))
        work.block(ast.parse(stripped).body, None, top=True)
        self._imply_what_was_stripped(path)
        return work.edits.apply()

    def _imply_what_was_stripped(self, path: Path) -> None:
        """The imports of peers' classes and torpor's decorators, which the linker takes out."""
        marked = set(self.places)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8-sig"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                if not node.col_offset and (path, node.lineno) not in marked:
                    self.implied[path, node.lineno] = None
            elif isinstance(node, Function):
                for decorator in node.decorator_list:
                    near = self.implied.get((path, node.lineno))
                    self.implied[path, decorator.lineno] = near


@dataclass
class _Work:
    probes: Probes
    path: Path
    edits: Edits

    def block(
        self, body: Sequence[ast.stmt], around: int | None, *, top: bool = False
    ) -> int | None:
        """Mark the statements of a block; the first mark in it. ``top``: outside of functions."""
        marks = [self.statement(node, top, i == 0) for i, node in enumerate(body)]
        first = next((mark for mark in marks if mark is not None), around)
        for i, (node, mark) in enumerate(zip(body, marks, strict=True)):
            if mark is None and not _is_docstring(node, i):
                after = next((m for m in marks[i + 1 :] if m is not None), None)
                before = next((m for m in reversed(marks[:i]) if m is not None), around)
                near = None if top else after if after is not None else before
                self.imply(node, near)
        return first

    def statement(self, node: ast.stmt, top: bool, first: bool) -> int | None:
        """Mark a statement and what is in it; its mark, None if it cannot have one."""
        if isinstance(node, Function):
            self.block(node.body, None)
            return None
        if isinstance(node, ast.ClassDef):
            self.block(node.body, None, top=top)
            return None
        if isinstance(node, ast.Try):
            return self.attempt(node, top)
        if isinstance(node, ast.If | ast.While):
            mark = self.embed(node, node.test)
        elif isinstance(node, ast.For | ast.AsyncFor):
            mark = self.embed(node, node.iter)
        elif isinstance(node, ast.With | ast.AsyncWith):
            mark = self.embed(node, node.items[0].context_expr)
        elif _is_docstring(node, 0 if first else 1):
            return None
        else:
            return self.prefix(node)
        for name in ("body", "orelse"):
            self.block(getattr(node, name, []), mark, top=top)
        return mark

    def attempt(self, node: ast.Try, top: bool) -> int | None:
        """``try`` runs when the first statement in it does, ``except`` likewise."""
        mark = self.block(node.body, None, top=top)
        for handler in node.handlers:
            inside = self.block(handler.body, None, top=top)
            self.probes.implied[self.path, handler.lineno] = inside
        self.block(node.orelse, None, top=top)
        self.block(node.finalbody, None, top=top)
        self.probes.implied[self.path, node.lineno] = mark
        return mark

    def imply(self, node: ast.stmt, mark: int | None) -> None:
        decorators = getattr(node, "decorator_list", [])
        for line in range(min([node.lineno, *(d.lineno for d in decorators)]), node.lineno + 1):
            self.probes.implied[self.path, line] = mark

    def mark(self, node: ast.stmt) -> int:
        self.probes.places.append((self.path, node.lineno))
        return len(self.probes.places) - 1

    def prefix(self, node: ast.stmt) -> int:
        mark = self.mark(node)
        start = self.edits.span(node)[0]
        self.edits.replace(start, start, f"_tc[{mark}]=1;")
        return mark

    def embed(self, node: ast.stmt, expression: ast.expr) -> int:
        mark = self.mark(node)
        start, end = self._with_brackets(expression)
        self.edits.replace(start, start, f"_tk({mark}) or (")
        self.edits.replace(end, end, ")")
        return mark

    def _with_brackets(self, node: ast.expr) -> tuple[int, int]:
        """The span of an expression with the brackets around it, which ``ast`` leaves out."""
        start, end = self.edits.span(node)
        text = self.edits.text
        while True:
            before = text[:start].rstrip(" \t\n\\")
            after = text[end:].lstrip(" \t\n\\")
            if not (before.endswith("(") and after.startswith(")")):
                return start, end
            start, end = len(before) - 1, len(text) - len(after) + 1


def _is_docstring(node: ast.stmt, index: int) -> bool:
    return (
        index == 0
        and isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
