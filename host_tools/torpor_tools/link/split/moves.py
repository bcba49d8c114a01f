"""Decides which code of a module moves, and which functions leave a stub behind.

Marked code moves, and what only moving code uses: imports, constants, and functions whose name
begins with an underscore. A module in which everything is marked, and which has no variables, stays
whole.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from ...python_names import parsed
from ..module import Module
from ..scope import Function, bound_by, globals_of
from ..statements import Definition, is_const, is_empty, is_fixed, is_private, rebound
from .marks import Marks
from .units import Unit, defaults


class Moves:
    """The code of a module that moves.

    Args:
        module: The module.
        marks: Its marks.
        needed: The names of which others use any (None: they may use all).

    Attributes:
        units: All pieces of the module.
        marked: The definitions that have a mark -> the mark.
        group: What moves -> its mark.
        rebound: The variables that change at run time.
        whole: The mark of a module that stays whole, or "".
    """

    def __init__(self, module: Module, marks: Marks, needed: frozenset[str] | None) -> None:
        self.module = module
        self.tree = parsed(module.source)
        self.marks = marks
        self._needed = needed
        # What is asked many times: the module's names in a piece of code, and more of this kind.
        self._places: dict[ast.stmt, dict[str, list[ast.Name]]] = {}
        self._called: dict[ast.stmt, set[ast.expr]] = {}
        self._stubs: dict[ast.stmt, bool] = {}
        self.marked: dict[ast.stmt, str] = {}
        self.units = list(self._units())
        self.group = dict(self.marked)
        self.rebound = set(rebound(self.tree))
        self._add_helpers()
        self.whole = self._mark_of_all()

    @property
    def used_marks(self) -> set[str]:
        """The marks of what moves."""
        return set(self.group.values())

    def moving(self, mark: str) -> list[Unit]:
        """Return the pieces that move with a mark."""
        return [u for u in self.units if self.group.get(u.node) == mark]

    def definitions(self, mark: str) -> dict[str, ast.stmt]:
        """Return the definitions that move with a mark, by name, without methods."""
        return {
            u.node.name: u.node
            for u in self.moving(mark)
            if isinstance(u.node, Definition) and not u.of
        }

    def users(self, name: str, but: ast.stmt) -> list[Unit]:
        """Return the pieces that use a name, without one of them."""
        return [u for u in self.units if name in u.names and u.node is not but]

    def uses(self, unit: Unit, name: str) -> list[ast.Name]:
        """Return the places where a piece uses a name."""
        return self.places_in(unit.node).get(name, [])

    def places_in(
        self, node: ast.stmt, without: Iterable[ast.stmt] = ()
    ) -> dict[str, list[ast.Name]]:
        """Return where code uses names that are not local to it, by name."""
        if node not in self._places:
            found: dict[str, list[ast.Name]] = {}
            for each in globals_of(node, without):
                found.setdefault(each.id, []).append(each)
            self._places[node] = found
        return self._places[node]

    def only_calls(self, unit: Unit, name: str) -> bool:
        """Return whether a piece only calls a function, and does not pass it on."""
        node = unit.node
        if node not in self._called:
            self._called[node] = {n.func for n in ast.walk(node) if isinstance(n, ast.Call)}
        return self._called[node].issuperset(self.uses(unit, name))

    def leaves_stub(self, unit: Unit) -> bool:
        """Return whether a piece moves and leaves a stub."""
        return unit.node in self.group and bool(unit.of or self._needs_stub(unit))

    def is_loaded(self, unit: Unit) -> bool:
        """Return whether code loads a moved definition itself, because it has no stub."""
        if unit.of or unit.node not in self.group or not isinstance(unit.node, Definition):
            return False
        return not self._needs_stub(unit)

    def without_stub(self) -> frozenset[str]:
        """Return the public functions of cold code that leave no stub."""
        return frozenset(
            u.node.name
            for u in self.moving("cold")
            if isinstance(u.node, Definition)
            and not u.of
            and not is_private(u.node.name)
            and not self._needs_stub(u)
        )

    def _units(self) -> Iterator[Unit]:
        for node in self.tree.body:
            methods: list[ast.stmt] = []
            if mark := self.marks.of(node):
                self.marked[node] = mark
            elif isinstance(node, ast.ClassDef):
                methods = [each for each in node.body if self.marks.of(each)]
                for method in methods:
                    self.marked[method] = self.marks.of(method)
                    yield Unit(method, self._names(method), frozenset(), node)
            yield Unit(node, self._names(node, methods), frozenset(bound_by(node)))

    def _names(self, node: ast.stmt, without: Iterable[ast.stmt] = ()) -> frozenset[str]:
        return frozenset(self.places_in(node, without)) - self.marks.names.keys()

    def _add_helpers(self) -> None:
        """Move code along that only moving code uses, except for the defaults that stubs keep."""
        marked = [
            u.node for u in self.units if isinstance(u.node, Function) and u.node in self.group
        ]
        stay = {name for node in marked for name in defaults(node).names}
        while True:
            found = {}
            for unit in self.units:
                if unit.node not in self.group and self._may_follow(unit.node):
                    (name,) = unit.binds
                    if name in stay:
                        continue
                    marks = {self.group.get(u.node) for u in self.users(name, unit.node)}
                    if len(marks) == 1 and None not in marks:
                        found[unit.node] = str(marks.pop())
            if not found:
                return
            self.group.update(found)

    def _may_follow(self, node: ast.stmt) -> bool:
        """Return whether a statement defines one private name that may move along."""
        names = bound_by(node)
        if len(names) != 1 or not is_private(next(iter(names))) or names & self.rebound:
            return False
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return not self.marks.of(node)
        return isinstance(node, ast.Assign) and not is_const(node) and is_fixed(node.value)

    def _mark_of_all(self) -> str:
        """Return the mark of all definitions, if they have the same one and nothing would be lost.

        The variables of a module are lost when it is released.
        """
        defined = [u for u in self.units if isinstance(u.node, Definition)]
        everything = all(u.node in self.group and u.of is None for u in defined)
        has_variables = any(
            isinstance(u.node, ast.Assign | ast.AnnAssign)
            and (u.binds & self.rebound or is_empty(u.node.value))
            for u in self.units
        )
        marks = self.used_marks
        return next(iter(marks)) if len(marks) == 1 and everything and not has_variables else ""

    def _needs_stub(self, unit: Unit) -> bool:
        """Return whether a stub of a function stays. Ask when all that moves is known."""
        if unit.node not in self._stubs:
            self._stubs[unit.node] = self._is_used_otherwise(unit)
        return self._stubs[unit.node]

    def _is_used_otherwise(self, unit: Unit) -> bool:
        node = unit.node
        if isinstance(node, ast.ClassDef) or not isinstance(node, Definition):
            return False
        mark = self.group[node]
        others = [u for u in self.users(node.name, node) if self.group.get(u.node) != mark]
        public = not is_private(node.name)
        if public and (mark != "cold" or self._needed is None or node.name in self._needed):
            return True
        return any(not self.only_calls(u, node.name) for u in others)
