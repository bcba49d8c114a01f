"""Writes the parts of a module that is split: the module with its stubs, and the code that moves.

Every line keeps its number.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..edits import Edits
from ..module import Module
from ..statements import decorators, is_const, is_docstring, is_private, name_of
from .marks import LOADERS, import_of
from .moves import Moves
from .units import Unit, defaults, signature

RELEASE = "from torpor.cold import until_collected; until_collected(__name__)"


def parts_of(moves: Moves) -> list[Module]:
    """Return the modules that come of one, itself first."""
    parts = _Parts(moves)
    if moves.whole:
        return [replace(moves.module, source=parts.whole(), is_cold=moves.whole == "cold")]
    itself = replace(moves.module, source=parts.remaining())
    return [itself, *(parts.moved(mark) for mark in LOADERS if mark in moves.used_marks)]


class _Parts:
    """The texts of the parts."""

    def __init__(self, moves: Moves) -> None:
        self.moves = moves
        self.module = moves.module
        self.units = moves.units
        self.group = moves.group

    # -- the module itself

    def whole(self) -> str:
        """Return a module that is released as a whole."""
        edits = Edits(self.module.source)
        for unit in self.units:
            self._unmark(edits, unit.node)
        self._drop_mark_imports(edits)
        self._begin(edits, self.moves.tree.body, RELEASE)
        return edits.apply()

    def remaining(self) -> str:
        """Return the module without what moves, and with its stubs."""
        edits = Edits(self.module.source)
        self._drop_mark_imports(edits)
        stay = [u for u in self.units if u.node not in self.group]
        stay += [defaults(u.node) for u in self.units if self.moves.leaves_stub(u)]
        loaders = self._load_where_called(edits, stay, "__name__")
        loaders |= {self.group[u.node] for u in self.units if self.moves.leaves_stub(u)}
        for unit in self.units:
            if unit.node in self.group:
                if self.moves.leaves_stub(unit):
                    self._stub(edits, unit.node)
                else:
                    edits.remove(unit.node)
            elif isinstance(unit.node, ast.Import | ast.ImportFrom):
                self._keep_imports(edits, unit.node, stay)
            elif is_const(unit.node) and self._only_moving_uses(unit, stay):
                edits.remove(unit.node)
        if loaders:
            self._begin(edits, self.moves.tree.body, import_of(loaders))
        return edits.apply()

    def _only_moving_uses(self, unit: Unit, stay: Iterable[Unit]) -> bool:
        private = all(is_private(name) for name in unit.binds)
        return private and not any(unit.binds & u.names for u in stay if u is not unit)

    def _keep_imports(
        self, edits: Edits, node: ast.Import | ast.ImportFrom, stay: Sequence[Unit]
    ) -> None:
        """Leave out the names that only moving code uses."""
        if self.moves.marks.imports(node):
            return
        moving = [u for u in self.units if u.node in self.group]
        kept = [
            alias
            for alias in node.names
            if any(name_of(alias) in u.names for u in stay)
            or not any(name_of(alias) in u.names for u in moving)
        ]
        if len(kept) < len(node.names):
            edits.replace_import(node, kept, self.module.package)

    def _load_where_called(self, edits: Edits, users: Sequence[Unit], name: str) -> set[str]:
        """Make code load what it calls in another part if that has no stub.

        Args:
            edits: Those of the code.
            users: The pieces of the code.
            name: The expression of the module's name there.

        Returns:
            The marks of what is loaded.
        """
        marks = set()
        own = {self.group.get(user.node) for user in users}
        for unit in self.units:
            if not self.moves.is_loaded(unit) or (mark := self.group[unit.node]) in own:
                continue
            (called,) = unit.binds
            for use in (n for user in users for n in self.moves.uses(user, called)):
                edits.replace(*edits.span(use), f"_{LOADERS[mark]}({name}).{called}")
                marks.add(mark)
        return marks

    def _stub(self, edits: Edits, node: ast.stmt) -> None:
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        self._unmark(edits, node)
        parameters, arguments = signature(node)
        call = f"_{LOADERS[self.group[node]]}(__name__).{self._moved_name(node)}({arguments})"
        edits.replace(*edits.span(node), f"def {node.name}({parameters}): return {call}")

    def _moved_name(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
        """Return the name in the new module, where a method's own name may be taken."""
        owner = next(u.of for u in self.units if u.node is node)
        if owner is None:
            return node.name
        taken = {name for u in self.units for name in u.names | u.binds}
        methods = [u for u in self.units if u.of and getattr(u.node, "name", "") == node.name]
        return f"{owner.name}_{node.name}" if node.name in taken or len(methods) > 1 else node.name

    # -- what moves

    def moved(self, mark: str) -> Module:
        """Return the module of the code with one mark."""
        edits = Edits(self.module.source)
        moving = self.moves.moving(mark)
        needed = {name for u in moving for name in u.names}
        while (
            more := {
                n for u in self.units if is_const(u.node) and u.binds & needed for n in u.names
            }
            - needed
        ):
            needed |= more
        first: list[ast.stmt] = []
        own: set[str] = set()
        for unit in self.units:
            node = unit.node
            if unit.of or is_docstring(node):
                continue
            if node in self.group and self.group[node] == mark:
                self._unmark(edits, node)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                kept = [a for a in node.names if name_of(a) in needed]
                if self.moves.marks.imports(node):
                    kept = [a for a in kept if name_of(a) not in self.moves.marks.names]
                edits.replace_import(node, kept, self.module.package)
                own |= {name_of(alias) for alias in kept}
                first += [node] if kept else []
                continue
            elif is_const(node) and unit.binds & needed:
                pass
            elif any(u.of is node for u in moving):
                self._only_methods(edits, node, mark)
                first.append(node)
                continue
            else:
                edits.remove(node)
                continue
            own |= unit.binds
            first.append(node)
        for unit in moving:
            self._rewrite(edits, unit.node)
        name = self.module.name
        loaders = self._load_where_called(edits, moving, repr(name))
        stable, changing = self._from_module(moving, own)
        lines = [RELEASE] if mark == "cold" and self.moves.without_stub() else []
        lines += [import_of(loaders)] if loaders else []
        lines += [f"import {name} as _module"] if changing else []
        lines += [f"from {name} import {', '.join(stable)}"] if stable else []
        if lines:
            self._begin(edits, first, "; ".join(lines))
        return replace(
            self.module,
            name=f"{name}__{mark}",
            is_package=False,
            source=edits.apply(),
            traced_as=self.module.compiled_path,
            is_cold=mark == "cold",
        )

    def _from_module(self, moving: Iterable[Unit], own: set[str]) -> tuple[list[str], list[str]]:
        """The names that moving code takes from the module: those that stay, and that change."""
        defined = {n for u in self.units for n in u.binds} | self.moves.rebound
        defined -= {name for u in self.units if self.moves.is_loaded(u) for name in u.binds}
        used = {name for u in moving for name in u.names if name in defined - own}
        return sorted(used - self.moves.rebound), sorted(used & self.moves.rebound)

    def _rewrite(self, edits: Edits, node: ast.stmt) -> None:
        """Let it read and set the module's variables there, and import by absolute names."""
        for name, uses in self.moves.places_in(node).items():
            for use in uses if name in self.moves.rebound else ():
                edits.replace(*edits.span(use), f"_module.{name}")
        for each in ast.walk(node):
            if isinstance(each, ast.Global):
                edits.replace(*edits.span(each), "pass")
            elif isinstance(each, ast.ImportFrom) and each.level and self.module.is_package:
                edits.replace_import(each, each.names, self.module.package)

    def _only_methods(self, edits: Edits, owner: ast.stmt, mark: str) -> None:
        """Turn the methods that move into functions. ``if 1:`` keeps their indentation."""
        assert isinstance(owner, ast.ClassDef)
        first = owner.decorator_list[0] if owner.decorator_list else owner
        start = edits.offset(first.lineno, 0)
        body = owner.body[0]
        head = edits.offset(min([body.lineno, *(d.lineno for d in decorators(body))]), 0)
        edits.replace(start, head - 1, "if 1:")
        for each in owner.body:
            if self.group.get(each) != mark:
                edits.remove(each)
                continue
            assert isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            for decorator in each.decorator_list:
                start = edits.offset(decorator.lineno, 0)
                edits.blank(start, edits.span(decorator)[1])
            if (name := self._moved_name(each)) != each.name:
                start = edits.span(each)[0]
                found = re.compile(r"def\s+(\w+)").search(edits.text, start)
                assert found
                edits.replace(*found.span(1), name)

    # -- editing

    def _unmark(self, edits: Edits, node: ast.stmt) -> None:
        for decorator in decorators(node):
            if isinstance(decorator, ast.Name) and decorator.id in self.moves.marks.names:
                start = edits.text.rindex("@", 0, edits.span(decorator)[0])
                edits.blank(start, edits.span(decorator)[1])

    def _drop_mark_imports(self, edits: Edits) -> None:
        for node in self.moves.tree.body:
            if self.moves.marks.imports(node):
                kept = [alias for alias in node.names if alias.name not in LOADERS]
                if len(kept) < len(node.names):
                    edits.replace_import(node, kept, self.module.package)

    def _begin(self, edits: Edits, body: Sequence[ast.stmt], text: str) -> None:
        """Put a line of code before all others of a module."""
        document = self.moves.tree.body[0]
        if is_docstring(document):
            edits.replace(*edits.span(document), text)
        elif edits.text.startswith(("\n", "#")) or not body or body[0].lineno > 1:
            edits.replace(0, 0, f"{text}  # " if body and body[0].lineno > 1 else text)
        else:
            edits.replace(0, 0, f"{text}; ")
