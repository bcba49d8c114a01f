"""Pieces of a module that stay in it or move as one, and what a stub has of a function."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ..scope import global_names


@dataclass(frozen=True)
class Unit:
    """A piece that stays or moves as one: a statement of the module, or a marked method."""

    node: ast.stmt
    names: frozenset[str]  # of the module, or built in, that it uses
    binds: frozenset[str]
    of: ast.ClassDef | None = None  # the class of a method


def signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, str]:
    """Return a function's parameters without annotations, and arguments that pass them on."""
    bare = ast.arguments(
        [_bare(a) for a in node.args.posonlyargs],
        [_bare(a) for a in node.args.args],
        node.args.vararg and _bare(node.args.vararg),
        [_bare(a) for a in node.args.kwonlyargs],
        node.args.kw_defaults,
        node.args.kwarg and _bare(node.args.kwarg),
        node.args.defaults,
    )
    arguments = [a.arg for a in [*node.args.posonlyargs, *node.args.args]]
    arguments += [f"*{node.args.vararg.arg}"] if node.args.vararg else []
    arguments += [f"{a.arg}={a.arg}" for a in node.args.kwonlyargs]
    arguments += [f"**{node.args.kwarg.arg}"] if node.args.kwarg else []
    return ast.unparse(bare), ", ".join(arguments)


def defaults(node: ast.stmt) -> Unit:
    """Return what a stub keeps of a function: the defaults of its parameters."""
    arguments = getattr(node, "args", None)
    assert isinstance(arguments, ast.arguments)
    values = [value for value in (*arguments.defaults, *arguments.kw_defaults) if value]
    expression = ast.Expr(ast.Tuple(values, ast.Load()))
    return Unit(expression, frozenset(global_names(expression)), frozenset())


def _bare(argument: ast.arg) -> ast.arg:
    return ast.arg(argument.arg)
