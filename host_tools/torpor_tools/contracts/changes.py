"""Compares two versions of a contract: what changed, and whether it breaks callers.

Each kind of change has one function, as with the rules, and a case in ``tests/cases/contracts``.
Callers are peers (by name and by position), other boards (by fingerprint) and HTTP clients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import Where
from ..model.contract import Contract, Method
from .event_changes import event_changes
from .fingerprint import route_lines, signature
from .type_changes import type_changes


@dataclass(frozen=True)
class Change:
    """A change of a service's contract; ``what`` names the method."""

    breaking: bool
    where: Where
    what: str


def changes(old: Contract, new: Contract) -> list[Change]:
    """All changes from ``old`` to ``new``, the breaking ones first."""
    found = [*_renamed(old, new), *_removed(old, new), *_added(old, new)]
    now = {method.name: method for method in new.methods}
    for before in old.methods:
        if before.name in now:
            found += method_changes(before, now[before.name])
    found += [Change(*change) for change in event_changes(old, new)]
    return sorted(found, key=lambda change: not change.breaking)


def method_changes(old: Method, new: Method) -> list[Change]:
    """All changes of one method."""
    return [change for rule in METHOD_RULES for change in rule(old, new)]


def _renamed(old: Contract, new: Contract) -> Iterator[Change]:
    if old.class_name != new.class_name:
        what = f"its class {old.class_name} is called {new.class_name}, peers import it by name"
        yield Change(True, new.where, what)


def _removed(old: Contract, new: Contract) -> Iterator[Change]:
    names = {method.name for method in new.methods}
    fresh = [m for m in new.methods if m.name not in {o.name for o in old.methods}]
    for method in old.methods:
        if method.name not in names:
            same = [m for m in fresh if signature(m) == signature(method)]
            what = f"{method.name} is gone"
            if len(same) == 1:
                what = f"{method.name} was renamed to {same[0].name}"
            yield Change(True, same[0].where if same else new.where, what)


def _added(old: Contract, new: Contract) -> Iterator[Change]:
    names = {method.name for method in old.methods}
    for method in new.methods:
        if method.name not in names:
            yield Change(False, method.where, f"{method.name} is new")


def arguments_stay(old: Method, new: Method) -> Iterator[Change]:
    """Report arguments that callers pass and that were removed, renamed or moved."""
    before = [a.name for a in old.arguments]
    now = {a.name: a for a in new.arguments}
    gone = [name for name in before if name not in now]
    for name in gone:
        yield Change(True, new.where, f"{new.name} has lost its argument {name}")
    kept = [a.name for a in new.arguments][: len(before)]
    if not gone and kept != before:
        yield Change(True, new.where, f"{new.name} takes its arguments in another order")


def arguments_added_are_optional(old: Method, new: Method) -> Iterator[Change]:
    """Report new arguments; older callers do not pass them."""
    names = {a.name for a in old.arguments}
    for argument in new.arguments:
        if argument.name not in names:
            needed = argument.default is None
            kind = "now requires" if needed else "now takes"
            yield Change(needed, argument.where, f"{new.name} {kind} {argument.name}")


def types_stay(old: Method, new: Method) -> Iterator[Change]:
    """Report arguments and results whose type has changed."""
    types = {a.name: a.type for a in old.arguments}
    for argument in new.arguments:
        before = types.get(argument.name, argument.type)
        for breaking, what in type_changes(before, argument.type, argument.name, sent=True):
            yield Change(breaking, argument.where, f"{new.name}: {what}")
    for breaking, what in type_changes(old.returns, new.returns, "", sent=False):
        separator = " " if what.startswith("returned ") else ": "
        yield Change(breaking, new.where, f"{new.name}{separator}{what}")
    if old.returns == new.returns and old.streamed != new.streamed:
        now = "streams" if new.streamed else "streams no longer"
        yield Change(True, new.where, f"{new.name} {now}")


def optional_stays_optional(old: Method, new: Method) -> Iterator[Change]:
    """Report arguments that became required or optional, or have another default."""
    before = {a.name: a.default for a in old.arguments}
    for argument in new.arguments:
        default = before.get(argument.name, argument.default)
        if default == argument.default:
            continue
        name = f"{new.name}: {argument.name}"
        if argument.default is None:
            yield Change(True, argument.where, f"{name} was optional ({default}), is required")
        elif default is None:
            yield Change(False, argument.where, f"{name} is optional now")
        else:
            what = f"{name} is {argument.default} when left out, was {default}"
            yield Change(False, argument.where, what)


def routes_stay(old: Method, new: Method) -> Iterator[Change]:
    """Report routes that were added, removed or moved."""
    before, now = route_lines(old), route_lines(new)
    for route in before:
        if route not in now:
            yield Change(True, new.where, f"{new.name} no longer answers {route}")
    for route in now:
        if route not in before:
            yield Change(False, new.where, f"{new.name} answers {route} too")


METHOD_RULES: tuple[Callable[[Method, Method], Iterator[Change]], ...] = (
    arguments_stay,
    arguments_added_are_optional,
    types_stay,
    optional_stays_optional,
    routes_stay,
)
