"""Arguments from a command line, ``fridge=fridge-1 limit=5``, converted to the contract's types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..contracts.remedies import signature
from ..errors import Problem, UserError
from ..model.contract import Method
from ..suggest import did_you_mean
from .fields import MisfitError, Tree, value_of


def arguments(method: Method, words: Sequence[str]) -> dict[str, Any]:
    """The values of ``name=value`` texts; ``name.field=value`` is a part of one.

    Raises:
        UserError: Arguments are wrong; it lists all mistakes.
    """
    problems: list[Problem] = []
    kinds = {a.name: a.type for a in method.arguments}
    remedy = f"it is {signature(method)}"
    texts: Tree = {}
    for text in words:
        path, equals, value = text.partition("=")
        name = path.partition(".")[0]
        if not equals:
            problems.append(
                Problem(None, f"{text} is not an argument", f"write name=value; {remedy}")
            )
        elif name not in kinds:
            near = did_you_mean(name, kinds) or remedy
            problems.append(Problem(None, f"{method.name} has no argument {name}", near))
        elif not _put(texts, path, value):
            problems.append(Problem(None, f"{path} is given twice", "remove one"))
    values: dict[str, Any] = {}
    for name, part in texts.items():
        try:
            values[name] = value_of(kinds[name], part, name)
        except MisfitError as error:
            problems.append(Problem(None, str(error), remedy))
    for argument in method.arguments:
        if argument.default is None and argument.name not in texts:
            problems.append(Problem(None, f"{argument.name} is missing", remedy))
    if problems:
        raise UserError(problems)
    return values


def _put(tree: Tree, path: str, text: str) -> bool:
    """Put a text at its place; return whether the place was free."""
    *above, last = path.split(".")
    for part in above:
        below = tree.setdefault(part, {})
        if isinstance(below, str):
            return False
        tree = below
    if last in tree:
        return False
    tree[last] = text
    return True
