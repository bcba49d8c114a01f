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

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from ...errors import Problem
from ...python_names import parsed
from ..edits import Edits
from ..module import Module
from ..program import Program
from ..start import start_modules
from ..statements import Definition, has_constants_only
from .lifetime import held
from .marks import HOME, LOADERS, Marks
from .moves import Moves
from .parts import RELEASE, parts_of
from .refusals import problems_of
from .users import Users, redirected


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
        if work.whole:
            whole[module.name] = work.whole
    problems += [p for module in results for p in held(module, whole)]
    return [redirected(module, moved, "__cold") for module in results], problems


def split(module: Module) -> tuple[list[Module], list[Problem]]:
    """Split one module, which comes first in what is returned."""
    return split_all([module])


@dataclass(frozen=True)
class _Result:
    """The modules that come of one, and what it says about them."""

    modules: tuple[Module, ...]
    problems: tuple[Problem, ...] = ()
    without_stub: frozenset[str] = frozenset()
    whole: str = ""  # the mark of a module that stays whole


@lru_cache(maxsize=1024)  # the boards of a cluster, and one image and the next, share most modules
def _split(module: Module, needed: frozenset[str] | None) -> _Result:
    unsplit = _Result((module,))
    if not re.search(r"\bcold import\b|\bconst\b", module.source):
        return unsplit
    tree = parsed(module.source)
    if has_constants_only(tree):
        return _Result((replace(module, source=f"{module.source}\n{RELEASE}\n"),))
    marks = Marks(tree, module.package)
    if not marks.names:
        return unsplit
    moves = Moves(module, marks, needed)
    return _Result(
        tuple(parts_of(moves)),
        tuple(problems_of(moves)),
        frozenset() if moves.whole else moves.without_stub(),
        moves.whole,
    )


def _without_marks(module: Module) -> Module:
    """The module ``HOME``: in an image the marks have done their work."""
    edits = Edits(module.source)
    for node in parsed(module.source).body:
        if isinstance(node, Definition) and node.name in LOADERS:
            edits.remove(node)
    return replace(module, source=edits.apply())
