"""Moves the functions that are marked ``@cold`` or ``@startup`` into modules of their own.

A marked function is called rarely, so its code is not kept in the heap: the module
``<name>__cold`` is loaded when it is called and released at the next collection, and
``<name>__startup`` at once after the call. The module itself keeps a stub of one line for each
function. Code that only marked code uses moves with it: imports, constants, and functions whose
name begins with an underscore. A module in which everything is marked, and which has no variables,
stays whole and is released as a whole.

Every line keeps its number, and tracebacks name the module that the function was written in.
docs/internals/cold.md has the rules.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ..errors import Problem, Where
from ..python_names import parsed
from .edits import Edits
from .lazy import Users, redirected
from .lifetime import escapes, held
from .marks import HOME, LOADERS, Marks, import_of
from .module import Module
from .program import Program
from .scope import Function, bound_by, globals_of
from .start import start_modules
from .statements import (
    Definition,
    decorators,
    has_constants_only,
    is_const,
    is_docstring,
    is_empty,
    is_fixed,
    is_private,
    name_of,
    rebound,
)
from .units import Unit, defaults, signature

_RELEASE = "from torpor.cold import until_collected as _release; _release(__name__)"


def run(program: Program, closed: bool = True) -> None:
    """Split every module of the program.

    Args:
        program: The program.
        closed: Whether nothing else uses its modules, so that stubs without a user are left out.
    """
    keys = {module.name: key for key, module in program.modules.items()}
    modules = list(program.modules.values())
    users = Users([*modules, *start_modules(program.board.board.port)]) if closed else None
    modules, problems = split_all(modules, users)
    program.modules = {keys.get(module.name, module.name): module for module in modules}
    program.problems += problems


def split_all(
    modules: Iterable[Module], users: Users | None = None
) -> tuple[list[Module], list[Problem]]:
    """Move the marked code of modules into modules of its own.

    Args:
        modules: The modules.
        users: All that use them; without it any public function may have a user.

    Returns:
        All modules that result, and what is wrong with the marks.
    """
    results: list[Module] = []
    problems: list[Problem] = []
    whole: dict[str, str] = {}
    moved: dict[str, frozenset[str]] = {}  # functions without a stub, by the name of their module
    for module in modules:
        if module.name == HOME:
            results.append(_without_marks(module))
            continue
        work = _split(module, users and users.needed(module))
        results += work.modules
        problems += work.problems
        moved[module.name] = work.without_stub
        if work.is_whole:
            whole[module.name] = work.mark
    problems += [p for module in results for p in held(module, whole)]
    return [redirected(module, moved, "__cold") for module in results], problems


def split(module: Module) -> tuple[list[Module], list[Problem]]:
    """Split one module, which comes first in what is returned."""
    return split_all([module])


@dataclass(frozen=True)
class _Result:
    """The modules that come of one, and what it says about them."""

    modules: tuple[Module, ...]
    problems: tuple[Problem, ...]
    without_stub: frozenset[str]
    is_whole: bool
    mark: str


@lru_cache(maxsize=1024)  # the boards of a cluster, and one image and the next, share most modules
def _split(module: Module, needed: frozenset[str] | None) -> _Result:
    work = _Split(module, needed)
    return _Result(
        tuple(work.modules), tuple(work.problems), work.without_stub, work.is_whole, work.mark
    )


class _Split:
    """The work on one module, of which others use the names in ``needed`` (None: any)."""

    def __init__(self, module: Module, needed: frozenset[str] | None) -> None:
        self.module = module
        self.needed = needed
        self.without_stub: frozenset[str] = frozenset()
        self.modules = [module]
        self.problems: list[Problem] = []
        self.is_whole = False
        self.mark = ""
        # What is asked many times: the module's names in a piece of code, and more of this kind.
        self._places: dict[ast.stmt, dict[str, list[ast.Name]]] = {}
        self._called: dict[ast.stmt, set[ast.expr]] = {}
        self._stubs: dict[ast.stmt, bool] = {}
        if not re.search(r"\bcold import\b|\bconst\b", module.source):
            return
        self.tree = parsed(module.source)
        if has_constants_only(self.tree):
            self.modules = [replace(module, source=f"{module.source}\n{_RELEASE}\n")]
            return
        self.marks = Marks(self.tree, module.package)
        if self.marks.names:
            self._run()

    def _run(self) -> None:
        self.group: dict[ast.stmt, str] = {}  # what moves -> its mark
        self.units = list(self._units())
        self._check_marks()
        self.rebound = set(rebound(self.tree))
        self._add_helpers()
        marked = set(self.group.values())
        defined = [u for u in self.units if isinstance(u.node, Definition)]
        everything = all(u.node in self.group and u.of is None for u in defined)
        self.is_whole = len(marked) == 1 and everything and not self._has_state()
        self.mark = next(iter(marked), "")
        for unit in self.units:
            if unit.node in self.group:
                found = escapes(unit.node, self._moving(self.group[unit.node]))
                self.problems += [self._problem(node, *texts) for node, *texts in found]
        if self.is_whole:
            source, cold = self._released_whole(), self.mark == "cold"
            self.modules = [replace(self.module, source=source, is_cold=cold)]
        else:
            self.without_stub = frozenset(
                name
                for name, node in self._moving("cold").items()
                if not is_private(name) and not self._needs_stub(self._unit_of(node))
            )
            parts = [self._part(mark) for mark in LOADERS if mark in marked]
            self.modules = [replace(self.module, source=self._remaining()), *parts]

    def _has_state(self) -> bool:
        """Return whether the module has variables that would be lost if it was released."""
        return any(
            isinstance(u.node, ast.Assign | ast.AnnAssign)
            and (u.binds & self.rebound or is_empty(u.node.value))
            for u in self.units
        )

    # -- what there is

    def _units(self) -> Iterator[Unit]:
        for node in self.tree.body:
            methods: list[ast.stmt] = []
            if mark := self.marks.of(node):
                self.group[node] = mark
            elif isinstance(node, ast.ClassDef):
                methods = [each for each in node.body if self.marks.of(each)]
                for method in methods:
                    self.group[method] = self.marks.of(method)
                    yield Unit(method, self._names(method), frozenset(), node)
            yield Unit(node, self._names(node, methods), frozenset(bound_by(node)))

    def _names(self, node: ast.stmt, without: Iterable[ast.stmt] = ()) -> frozenset[str]:
        return frozenset(self._places_in(node, without)) - self.marks.names.keys()

    def _places_in(
        self, node: ast.stmt, without: Iterable[ast.stmt] = ()
    ) -> dict[str, list[ast.Name]]:
        """Return where code uses names that are not local to it, by name."""
        if node not in self._places:
            found: dict[str, list[ast.Name]] = {}
            for each in globals_of(node, without):
                found.setdefault(each.id, []).append(each)
            self._places[node] = found
        return self._places[node]

    def _moving(self, mark: str) -> dict[str, ast.stmt]:
        """Return the definitions that move with a mark, by name, without methods."""
        return {
            u.node.name: u.node
            for u in self.units
            if isinstance(u.node, Definition) and self.group.get(u.node) == mark and not u.of
        }

    def _unit_of(self, node: ast.stmt) -> Unit:
        return next(u for u in self.units if u.node is node)

    def _users(self, name: str, but: ast.stmt) -> list[Unit]:
        return [u for u in self.units if name in u.names and u.node is not but]

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
                    marks = {self.group.get(u.node) for u in self._users(name, unit.node)}
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

    # -- the module itself

    def _released_whole(self) -> str:
        edits = Edits(self.module.source)
        for unit in self.units:
            self._unmark(edits, unit.node)
        self._drop_mark_imports(edits)
        self._begin(edits, self.tree.body, _RELEASE)
        return edits.apply()

    def _remaining(self) -> str:
        edits = Edits(self.module.source)
        self._drop_mark_imports(edits)
        stay = [u for u in self.units if u.node not in self.group]
        stay += [defaults(u.node) for u in self.units if self._leaves_stub(u)]
        loaders = self._load_where_called(edits, stay, "__name__")
        loaders |= {self.group[u.node] for u in self.units if self._leaves_stub(u)}
        for unit in self.units:
            if unit.node in self.group:
                if self._leaves_stub(unit):
                    self._stub(edits, unit.node)
                else:
                    edits.remove(unit.node)
            elif isinstance(unit.node, ast.Import | ast.ImportFrom):
                self._keep_imports(edits, unit.node, stay)
            elif is_const(unit.node) and self._only_moving_uses(unit, stay):
                edits.remove(unit.node)
        if loaders:
            self._begin(edits, self.tree.body, import_of(loaders))
        return edits.apply()

    def _only_moving_uses(self, unit: Unit, stay: Iterable[Unit]) -> bool:
        private = all(is_private(name) for name in unit.binds)
        return private and not any(unit.binds & u.names for u in stay if u is not unit)

    def _keep_imports(
        self, edits: Edits, node: ast.Import | ast.ImportFrom, stay: Sequence[Unit]
    ) -> None:
        """Leave out the names that only moving code uses."""
        if self.marks.imports(node):
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

    def _leaves_stub(self, unit: Unit) -> bool:
        return unit.node in self.group and bool(unit.of or self._needs_stub(unit))

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
        others = [u for u in self._users(node.name, node) if self.group.get(u.node) != mark]
        public = not is_private(node.name)
        if public and (mark != "cold" or self.needed is None or node.name in self.needed):
            return True
        return any(not self._only_calls(u, node.name) for u in others)

    def _only_calls(self, unit: Unit, name: str) -> bool:
        """Return whether a unit only calls a function, and does not pass it on."""
        node = unit.node
        if node not in self._called:
            self._called[node] = {n.func for n in ast.walk(node) if isinstance(n, ast.Call)}
        return self._called[node].issuperset(self._uses(unit, name))

    def _uses(self, unit: Unit, name: str) -> list[ast.Name]:
        return self._places_in(unit.node).get(name, [])

    def _load_where_called(self, edits: Edits, users: Sequence[Unit], name: str) -> set[str]:
        """Let code load what it calls in another part, where there is no stub.

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
            if not self._is_loaded(unit) or (mark := self.group[unit.node]) in own:
                continue
            (called,) = unit.binds
            for use in (n for user in users for n in self._uses(user, called)):
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

    def _part(self, mark: str) -> Module:
        """The module of the code with one mark."""
        edits = Edits(self.module.source)
        moving = [u for u in self.units if self.group.get(u.node) == mark]
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
                if self.marks.imports(node):
                    kept = [a for a in kept if name_of(a) not in self.marks.names]
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
        lines = [_RELEASE] if mark == "cold" and self.without_stub else []
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
        defined = {n for u in self.units for n in u.binds} | self.rebound
        defined -= {name for u in self.units if self._is_loaded(u) for name in u.binds}
        used = {name for u in moving for name in u.names if name in defined - own}
        return sorted(used - self.rebound), sorted(used & self.rebound)

    def _is_loaded(self, unit: Unit) -> bool:
        """Return whether its users load a definition that moves, because there is no stub."""
        if unit.of or unit.node not in self.group or not isinstance(unit.node, Definition):
            return False
        return not self._needs_stub(unit)

    def _rewrite(self, edits: Edits, node: ast.stmt) -> None:
        """Let it read and set the module's variables there, and import by absolute names."""
        for name, uses in self._places_in(node).items():
            for use in uses if name in self.rebound else ():
                edits.replace(*edits.span(use), f"_module.{name}")
        for each in ast.walk(node):
            if isinstance(each, ast.Global):
                edits.replace(*edits.span(each), "pass")
            elif isinstance(each, ast.ImportFrom) and each.level and self.module.is_package:
                edits.replace_import(each, each.names, self.module.package)
            elif isinstance(each, ast.JoinedStr):
                names = {n.id for n in ast.walk(each) if isinstance(n, ast.Name)}
                for name in sorted(names & self.rebound):
                    what = f"{name} changes at run time, and is used in an f-string of cold code"
                    self.problems.append(self._problem(each, what, 'format it with "%"'))

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
            if isinstance(decorator, ast.Name) and decorator.id in self.marks.names:
                start = edits.text.rindex("@", 0, edits.span(decorator)[0])
                edits.blank(start, edits.span(decorator)[1])

    def _drop_mark_imports(self, edits: Edits) -> None:
        for node in self.tree.body:
            if self.marks.imports(node):
                kept = [alias for alias in node.names if alias.name not in LOADERS]
                if len(kept) < len(node.names):
                    edits.replace_import(node, kept, self.module.package)

    def _begin(self, edits: Edits, body: Sequence[ast.stmt], text: str) -> None:
        """Put a line of code before all others of a module."""
        document = self.tree.body[0]
        if is_docstring(document):
            edits.replace(*edits.span(document), text)
        elif edits.text.startswith(("\n", "#")) or not body or body[0].lineno > 1:
            edits.replace(0, 0, f"{text}  # " if body and body[0].lineno > 1 else text)
        else:
            edits.replace(0, 0, f"{text}; ")

    # -- what is wrong

    def _problem(self, node: ast.AST, what: str, remedy: str) -> Problem:
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        return Problem(Where(self.module.file, line, column + 1), what, remedy)

    def _check_marks(self) -> None:
        marked = {id(d) for node in self.group for d in decorators(node)}
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Name)
                and node.id in self.marks.names
                and id(node) not in marked
            ):
                what = f"{node.id} marks a function of a module or a method of its classes"
                self.problems.append(self._problem(node, what, f"write @{node.id} above its def"))
        for method in (unit.node for unit in self.units if unit.of):
            for each in ast.walk(method):
                if isinstance(each, ast.Call) and ast.unparse(each) == "super()":
                    what = "super() does not work in a method that is loaded when it is called"
                    self.problems.append(self._problem(each, what, "name the base class instead"))
        for unit in self.units:
            if isinstance(unit.node, ast.ClassDef) and unit.node in self.group:
                mark = self.group[unit.node]
                name = unit.node.name
                for user in self._users(name, unit.node):
                    if self.group.get(user.node) != mark and not self._only_calls(user, name):
                        what = f"{name} is marked @{mark}, and this uses it for more than a call"
                        remedy = f"mark what uses it @{mark} too, or leave the class unmarked"
                        self.problems.append(self._problem(user.node, what, remedy))


def _without_marks(module: Module) -> Module:
    """The module ``HOME``: in an image the marks have done their work."""
    edits = Edits(module.source)
    for node in parsed(module.source).body:
        if isinstance(node, Definition) and node.name in LOADERS:
            edits.remove(node)
    return replace(module, source=edits.apply())
