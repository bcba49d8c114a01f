"""A service's routes as a tree, and the small functions that bind a request to a method.

The tree has a level for each segment of a path; ``"*"`` stands for a parameter. The device walks it
without backtracking, so a fixed segment next to a parameter also gets the routes below that
parameter. If two routes match, the one that first has a fixed segment takes precedence.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from ..model.contract import Argument, Contract, Method, Route
from ..model.types import Type, is_routed_argument
from .encoding import encoded
from .literal import WIDTH, Code, literal, one_line
from .runtime import COMBINERS, CONVERTERS, FIELDS, PATH_CONVERTERS

Tree = dict[str, Any]

_FUNCTIONS = {*CONVERTERS.values(), *PATH_CONVERTERS, *COMBINERS, *FIELDS}


@dataclass(frozen=True)
class Binder:
    """A function of the wiring that calls ``method`` for a request to ``route``."""

    name: str
    method: Method
    route: Route

    @property
    def leaf(self) -> Code | tuple[object, ...]:
        """The entry in the route tree: the function, or a tuple that names what serves it."""
        if self.serves is None:
            return Code(self.name)
        leaf = Code(f"{self.serves}"), Code(self.name), self.route.content_type
        return leaf if self.route.deadline_ms is None else (*leaf, self.route.deadline_ms)

    @property
    def serves(self) -> str | None:
        """The function below ``torpor.http`` that serves the route, if it is not the usual one."""
        if self.method.streamed:
            return "response.streamed"
        if self.route.deadline_ms is not None:
            return "response.limited"
        return "response.typed" if self.route.content_type is not None else None

    @property
    def arguments(self) -> list[str]:
        """The source of each argument, in the method's order."""
        return [_converted(a, self.route) for a in self.method.arguments]

    @property
    def converters(self) -> set[str]:
        """The functions of ``torpor.http`` that the function calls."""
        names = (
            n for a in self.arguments for n in ast.walk(ast.parse(a)) if isinstance(n, ast.Name)
        )
        return {name.id for name in names} & _FUNCTIONS

    def lines(self, strict: bool = False, crumb: int = 0) -> list[str]:
        """Return the function's source; with ``strict``, it checks the type of the result.

        ``crumb``: the breadcrumb that it leaves, if not 0.
        """
        note = f"{self.route.verb} {self.route.path}" + (
            "  (streamed)" if self.method.streamed else ""
        )
        arguments = self.arguments
        call = f"return s.{self.method.name}({', '.join(arguments)})"
        body = [f"    {call}"]
        if len(call) + 8 > WIDTH:
            body = [
                f"    return s.{self.method.name}(",
                *(f"        {a}," for a in arguments),
                "    )",
            ]
        if strict and not self.method.streamed:
            kind_ = literal(encoded(self.method.returns), indent=8)
            call = f"s.{self.method.name}({', '.join(arguments)})"
            label = f"{self.route.verb} {self.route.path}: {self.method.name}()"
            body = [f'    return strict.route("{label}", {kind_}, {call})']
        left = [f"    crumb({crumb})"] if crumb else []
        return [f"def {self.name}(q):  # {note}", *left, *body]


def binders(contract: Contract) -> list[Binder]:
    """A binder for each route, in the order of the source."""
    made: list[Binder] = []
    taken = {
        *CONVERTERS,
        "crumb",
        "response",
        "microdot_adapter",
        "q",
        "s",
        "strict",
    }  # what the functions read
    for method in contract.methods:
        for route in method.routes:
            # The method's own name is in the image anyway; any other name would take heap.
            name = method.name
            wanted = f"{route.verb.lower()}_{name}"
            if name in taken:
                name = wanted
            number = 2
            while name in taken:
                name, number = f"{wanted}_{number}", number + 1
            taken.add(name)
            made.append(Binder(name, method, route))
    return made


def can_be_sent(argument: Argument) -> bool:
    """Return whether a request can carry a value of the argument's type."""
    return is_routed_argument(argument.type)


def tree(binders: list[Binder], has_app: bool = False, crumb: int = 0) -> Tree:
    """The route tree of a service; its application, if it has one, takes what no route matches.

    ``crumb``: the breadcrumb of the application's requests.
    """
    mounted = f"microdot_adapter.mount(s{f', {crumb}' if crumb else ''})"
    root: Tree = {"/": Code(mounted)} if has_app else {}
    for binder in binders:
        node = root
        for segment in binder.route.segments:
            node = node.setdefault("*" if segment.startswith("<") else segment, {})
        node["/" + binder.route.verb] = binder.leaf
    return _merged([root])


def _merged(nodes: list[Tree]) -> Tree:
    """Return one node made of several, in the order of their precedence."""
    made: Tree = {}
    for key in dict.fromkeys(key for node in nodes for key in node):
        if key.startswith("/"):
            made[key] = next(node[key] for node in nodes if key in node)
        else:
            # An empty segment, such as that after a trailing slash, is not a value for a parameter.
            ways = (key,) if key in ("", "*") else (key, "*")
            made[key] = _merged([node[way] for node in nodes for way in ways if way in node])
    return made


def _converted(argument: Argument, route: Route) -> str:
    """The source that takes an argument out of the request ``q``."""
    whole = argument.type.value
    kind = whole.plain
    if argument.name in route.parameters:
        index = route.segments.index(f"<{argument.name}>")
        if kind in ("str", "Any"):
            taken = f"q.path[{index}]"
        else:
            taken = f'path_{kind}(q, {index}, "{argument.name}")'
        return _shaped(taken, argument, whole)
    default = "" if argument.default is None else f", {_on_one_line(argument.default)}"
    taken = f'{CONVERTERS[kind]}(q, "{argument.name}"{default})'
    if argument.type.is_optional and kind != "Any":
        taken = f'opt_({CONVERTERS[kind]}, q, "{argument.name}"{default})'
    if whole.is_checked:
        return _shaped(taken, argument, whole)
    like = one_line(encoded(whole))
    if whole.args and like not in ("[object]", '{"": object}'):
        return f'inside({taken}, "{argument.name}", "{whole}", {like})'
    return taken


def _shaped(taken: str, argument: Argument, whole: Type) -> str:
    """The source that also checks fields, literals and limits, if the type has any."""
    if not whole.is_checked:
        return taken
    return f'shaped({taken}, "{argument.name}", {one_line(encoded(whole))})'


def _on_one_line(expression: str) -> str:
    return ast.unparse(ast.parse(expression)) if "\n" in expression else expression
