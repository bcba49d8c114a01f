"""Reports code that cannot be split: marks in the wrong place, and what would keep code loaded."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...errors import Problem, Where
from ..statements import decorators
from .lifetime import escapes
from .marks import LOADERS
from .moves import Moves

_Found = Iterator[tuple[ast.AST, str, str]]  # where, what and the remedy


def problems_of(moves: Moves) -> Iterator[Problem]:
    """Report what is wrong with the marks of a module, and with the code that moves."""
    for node, what, remedy in (
        *_misplaced(moves),
        *_supers(moves),
        *_kept_classes(moves),
        *_escapes(moves),
        *(() if moves.whole else _texts(moves)),
    ):
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        yield Problem(Where(moves.module.file, line, column + 1), what, remedy)


def _misplaced(moves: Moves) -> _Found:
    """Report marks that are not above a function of the module or a method."""
    marked = {id(d) for node in moves.marked for d in decorators(node)}
    for node in ast.walk(moves.tree):
        if isinstance(node, ast.Name) and node.id in moves.marks.names and id(node) not in marked:
            what = f"{node.id} marks a function of a module or a method of its classes"
            yield node, what, f"write @{node.id} above its def"


def _supers(moves: Moves) -> _Found:
    """Report calls of ``super`` in methods, which become functions."""
    for method in (unit.node for unit in moves.units if unit.of):
        for each in ast.walk(method):
            if isinstance(each, ast.Call) and ast.unparse(each) == "super()":
                what = "super() does not work in a method that is loaded when it is called"
                yield each, what, "name the base class instead"


def _kept_classes(moves: Moves) -> _Found:
    """Report what uses a class for more than a call, and so keeps it loaded."""
    for node, mark in moves.marked.items():
        if isinstance(node, ast.ClassDef):
            for user in moves.users(node.name, node):
                if moves.marked.get(user.node) != mark and not moves.only_calls(user, node.name):
                    what = f"{node.name} is marked @{mark}, and this uses it for more than a call"
                    remedy = f"mark what uses it @{mark} too, or leave the class unmarked"
                    yield user.node, what, remedy


def _escapes(moves: Moves) -> _Found:
    """Report what moving code defines that would outlive it."""
    for unit in moves.units:
        if mark := moves.group.get(unit.node):
            yield from escapes(unit.node, moves.definitions(mark))


def _texts(moves: Moves) -> _Found:
    """Report f-strings with a variable of the module, whose name cannot be replaced there."""
    code = [unit.node for mark in LOADERS for unit in moves.moving(mark)]
    for text in (n for node in code for n in ast.walk(node) if isinstance(n, ast.JoinedStr)):
        names = {n.id for n in ast.walk(text) if isinstance(n, ast.Name)}
        for name in sorted(names & moves.rebound):
            what = f"{name} changes at run time, and is used in an f-string of cold code"
            yield text, what, 'format it with "%"'
