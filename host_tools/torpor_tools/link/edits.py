"""Edits of a source text that leave every line where it was."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ..python_names import imported_from
from .statements import decorators


class Edits:
    """Collects replacements of pieces of a text, and applies them all at once.

    A piece is given by character offsets. The replacement has as many line breaks as the
    piece had, so all text that follows keeps its line.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._edits: list[tuple[int, int, str]] = []

    def offset(self, line: int, column: int) -> int:
        """The character offset of a position as ``ast`` gives it (column in UTF-8 bytes)."""
        text = self._lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode())
        return self._starts[line - 1] + column

    def span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        """The offsets of a node's beginning and end."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.offset(node.lineno, node.col_offset)
        return start, self.offset(node.end_lineno, node.end_col_offset)

    def blank(self, start: int, end: int) -> None:
        """Remove a piece; its line breaks stay."""
        self._edits.append((start, end, "\n" * self.text.count("\n", start, end)))

    def replace(self, start: int, end: int, text: str) -> None:
        """Replace a piece with ``text``, which is one line."""
        breaks = self.text.count("\n", start, end)
        self._edits.append((start, end, text + (" \\\n" if self.followed(end) else "\n") * breaks))

    def remove(self, node: ast.stmt) -> None:
        """Remove a statement with its decorators."""
        if self.shares_line(node):
            self.replace(*self.span(node), "pass")
            return
        start = min([node.lineno, *(d.lineno for d in decorators(node))])
        self.blank(self.offset(start, 0), self.span(node)[1])

    def replace_import(
        self, node: ast.Import | ast.ImportFrom, names: Sequence[ast.alias], package: str
    ) -> None:
        """Reduce an import to ``names``, and write the absolute name of its module.

        Args:
            node: The statement.
            names: The names that stay. If there are none, the statement is removed.
            package: The package of the module that has the import.
        """
        if not names:
            self.remove(node)
            return
        texts = ", ".join(map(ast.unparse, names))
        if isinstance(node, ast.ImportFrom):
            text = f"from {imported_from(node, package)} import {texts}"
        else:
            text = f"import {texts}"
        self.replace(*self.span(node), text)

    def followed(self, offset: int) -> bool:
        """Return whether a semicolon comes next on the line."""
        return self._rest(offset).startswith(";")

    def shares_line(self, node: ast.stmt) -> bool:
        """Return whether another statement, or the head of the block, is on the node's lines."""
        start, end = self.span(node)
        before = self.text[self.text.rfind("\n", 0, start) + 1 : start]
        return bool(before.strip()) or self.followed(end)

    def apply(self) -> str:
        """The edited text."""
        parts, at = [], 0
        for start, end, replacement in sorted(self._edits):
            parts += [self.text[at:start], replacement]
            at = end
        return "".join([*parts, self.text[at:]])

    def _rest(self, offset: int) -> str:
        end = self.text.find("\n", offset)
        return self.text[offset : end if end >= 0 else None].lstrip()
