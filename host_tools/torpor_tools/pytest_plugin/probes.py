"""Instruments a service so that it notes which of its statements run.

MicroPython's official builds have no ``settrace``. So each statement gets a probe in front of it,
on its own line: ``_tc[12]=1;x = f()``. The head of a block (``if``, ``for``, ``try``) has none: it
ran if a statement on one of its branches did. It needs one only if a branch leaves the block, and
then inside its expression: ``if _tk(12) or (x > 3):``, because ``_tk`` returns None.
``torpor_test.serve`` provides both names. ``_tc`` is a ``bytearray`` for the whole service. A
shipped image has none of this.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..link.edits import Edits
from ..python_names import parsed
from ..text import read_text

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Probes:
    """The probes of a service: each a line of a file."""

    places: list[tuple[Path, int]] = field(default_factory=list)  # by the probe's number
    # Lines of statements without a probe -> the probes that show that they ran, any of them; None:
    # they ran if anything of the file did.
    implied: dict[tuple[Path, int], frozenset[int] | None] = field(default_factory=dict)

    def ran(self, hits: Sequence[int]) -> dict[str, list[int]]:
        """The lines that ran, by file, when these probes were set."""
        found: dict[Path, set[int]] = {}
        for number in hits:
            path, line = self.places[number]
            found.setdefault(path, set()).add(line)
        done = set(hits)
        for (path, line), probes in self.implied.items():
            if path in found if probes is None else not done.isdisjoint(probes):
                found[path].add(line)
        return {str(path): sorted(lines) for path, lines in found.items()}

    def instrument(self, stripped: str, path: Path) -> str:
        """The text of a module with probes; ``stripped`` is the device's text of ``path``."""
        work = _Work(self, path, Edits(stripped))
        work.block(parsed(stripped).body, top=True)
        self._imply_what_was_stripped(path)
        return work.edits.apply()

    def _imply_what_was_stripped(self, path: Path) -> None:
        """The imports of peers' classes and torpor's decorators, which the linker takes out."""
        marked = set(self.places)
        for node in ast.walk(parsed(read_text(path, path.name))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                if not node.col_offset and (path, node.lineno) not in marked:
                    self.implied[path, node.lineno] = None
            elif isinstance(node, Function):
                for decorator in node.decorator_list:
                    near = self.implied.get((path, node.lineno))
                    self.implied[path, decorator.lineno] = near


_NONE: frozenset[int] = frozenset()


@dataclass
class _Work:
    probes: Probes
    path: Path
    edits: Edits
    started: dict[ast.stmt, frozenset[int]] = field(default_factory=dict)

    def block(self, body: Sequence[ast.stmt], *, top: bool = False) -> frozenset[int]:
        """Mark the statements of a block; the probes that show that it was entered.

        ``top``: outside of functions, where all runs when the module is loaded.
        """
        following = _NONE
        unmarked: list[ast.stmt] = []
        for number in range(len(body) - 1, -1, -1):
            node = body[number]
            probes = self.statement(node, following, top, number == 0)
            if isinstance(node, Function | ast.ClassDef):
                unmarked.append(node)
            following = probes or following
        for node in unmarked:
            self.imply(node, None if top else self.near(body, node) or following)
        return following

    def near(self, body: Sequence[ast.stmt], node: ast.stmt) -> frozenset[int]:
        """The probes of the statement after a function, or else of the one before it."""
        at = body.index(node)
        for other in [*body[at + 1 :], *reversed(body[:at])]:
            if probes := self.started.get(other):
                return probes
        return _NONE

    def statement(
        self, node: ast.stmt, following: frozenset[int], top: bool, first: bool
    ) -> frozenset[int]:
        """Mark a statement and what is in it; the probes that show that it began."""
        if isinstance(node, Function):
            self.block(node.body)
            return _NONE
        if isinstance(node, ast.ClassDef):
            self.block(node.body, top=top)
            return _NONE
        if _is_docstring(node, 0 if first else 1):
            return _NONE
        if isinstance(node, ast.Try):
            probes = self.attempt(node, top)
        elif isinstance(node, ast.If | ast.While | ast.For | ast.AsyncFor):
            probes = self.branch(node, following, top)
        elif isinstance(node, ast.With | ast.AsyncWith):
            probes = self.block(node.body, top=top)
            self.probes.implied[self.path, node.lineno] = probes
        else:
            probes = frozenset([self.prefix(node)])
        self.started[node] = probes
        return probes

    def branch(
        self,
        node: ast.If | ast.While | ast.For | ast.AsyncFor,
        following: frozenset[int],
        top: bool,
    ) -> frozenset[int]:
        """A head with two ways: into its block, or past it."""
        probes = self.block(node.body, top=top)
        if isinstance(node, ast.While) and isinstance(node.test, ast.Constant):
            following = following or probes  # there is one way only
        other = self.block(node.orelse, top=top) if node.orelse else following
        if other:
            probes |= other
            self.probes.implied[self.path, node.lineno] = probes
            return probes
        test = node.test if isinstance(node, ast.If | ast.While) else node.iter
        return frozenset([self.embed(node, test)])

    def attempt(self, node: ast.Try, top: bool) -> frozenset[int]:
        """``try`` runs when the first statement in it does, and so does ``except``."""
        probes = self.block(node.body, top=top)
        for handler in node.handlers:
            self.probes.implied[self.path, handler.lineno] = self.block(handler.body, top=top)
        self.block(node.orelse, top=top)
        self.block(node.finalbody, top=top)
        self.probes.implied[self.path, node.lineno] = probes
        return probes

    def imply(self, node: ast.stmt, probes: frozenset[int] | None) -> None:
        decorators = getattr(node, "decorator_list", [])
        for line in range(min([node.lineno, *(d.lineno for d in decorators)]), node.lineno + 1):
            self.probes.implied[self.path, line] = probes

    def probe(self, node: ast.stmt) -> int:
        self.probes.places.append((self.path, node.lineno))
        return len(self.probes.places) - 1

    def prefix(self, node: ast.stmt) -> int:
        probe = self.probe(node)
        start = self.edits.span(node)[0]
        self.edits.replace(start, start, f"_tc[{probe}]=1;")
        return probe

    def embed(self, node: ast.stmt, expression: ast.expr) -> int:
        probe = self.probe(node)
        start, end = self._with_brackets(expression)
        self.edits.replace(start, start, f"_tk({probe}) or (")
        self.edits.replace(end, end, ")")
        return probe

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
