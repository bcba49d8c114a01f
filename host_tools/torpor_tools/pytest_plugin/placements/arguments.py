"""Arguments of ``cluster.call`` in the order in which the wire carries them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from ...contracts.remedies import signature
from ...errors import Problem, UserError, fail
from ...model.contract import Method
from ...model.plan import BoardPlan, PlacedService, Plan
from ...suggest import counted, did_you_mean, listing


def find(plan: Plan, target: str) -> tuple[BoardPlan, PlacedService, Method]:
    """Return the board, the service and the method of ``service.method``. Raises ``UserError``."""
    service, _, name = target.partition(".")
    homes = plan.homes(service)
    if not homes:
        known = [s.name for board in plan.boards for s in board.services]
        remedy = did_you_mean(service, known) or f"services: {listing(known)}"
        raise fail(f"no board runs a service {service}", remedy)
    placed = homes[0].service(service)
    methods = {method.name: method for method in placed.contract.methods}
    if name not in methods:
        remedy = did_you_mean(name, methods) or f"its methods: {listing(methods)}"
        raise fail(f"{service} has no method {name}", remedy)
    return homes[0], placed, methods[name]


def in_order(method: Method, given: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
    """Return the values of a call as positional arguments, without defaults at the end.

    Raises ``UserError`` with everything that does not fit the method.
    """
    remedy = f"it is {signature(method)}"
    names = [argument.name for argument in method.arguments]
    problems = []
    if len(given) > len(names):
        what = f"{method.name} takes at most {counted(len(names), 'argument')}, not {len(given)}"
        problems.append(Problem(None, what, remedy))
    for name in named:
        if name not in names:
            near = did_you_mean(name, names)
            text = f"{near} {remedy}" if near else remedy
            problems.append(Problem(None, f"{method.name} has no argument {name}", text))
        elif name in names[: len(given)]:
            problems.append(Problem(None, f"{name} is given twice", remedy))
    values = {**dict(zip(names, given, strict=False)), **named}
    last = max((i for i, name in enumerate(names) if name in values), default=-1)
    ordered = []
    for index, argument in enumerate(method.arguments):
        if argument.name in values:
            ordered.append(values[argument.name])
        elif argument.default is None:
            problems.append(Problem(None, f"{argument.name} is missing", remedy))
        elif index < last:
            ordered.append(ast.literal_eval(argument.default))
    if problems:
        raise UserError(problems)
    return ordered
