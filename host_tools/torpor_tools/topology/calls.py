"""The calls that the services' sources make, without running them.

A call is ``self.<peer>.<method>`` anywhere in a method, in a helper of the same class that the
method uses, or passed to a function; the peer may be assigned to a variable first (``valve =
self.valve``). What an application (``app``) calls is read from the service's code outside the class
and from handlers that are defined in its methods: there ``<anything>.<peer>.<method>`` counts, and
``<anything>.<method>`` of the service itself. Other calls are not found.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..contracts.read import LIFECYCLE, Function
from ..contracts.source import Source, read_source
from ..model.contract import Contract
from ..model.plan import Plan

APP = "app"  # stands for the method of all that an application answers


@dataclass(frozen=True, order=True)
class Point:
    """A method of a service; ``method`` is ``app`` for what its application answers."""

    service: str
    method: str

    def __str__(self) -> str:
        return f"{self.service}.{self.method}"


@dataclass(frozen=True)
class Calls:
    """``direct``: from each method of a contract to the methods that it calls, in their order."""

    direct: Mapping[Point, tuple[Point, ...]]

    def between(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Map (caller's service, peer's service) to the peer's methods that are called."""
        found: dict[tuple[str, str], dict[str, None]] = {}
        for caller, peers in self.direct.items():
            for peer in peers:
                if peer.service != caller.service:
                    found.setdefault((caller.service, peer.service), {})[peer.method] = None
        return {pair: tuple(methods) for pair, methods in found.items()}

    def sites(self) -> list[tuple[Point, Point]]:
        """Each pair of methods of two services, one of which calls the other."""
        return [(a, b) for a, bs in self.direct.items() for b in bs if a.service != b.service]

    def tree(self, root: Point) -> list[tuple[int, Point]]:
        """The methods that a call of ``root`` reaches, with their depth; a ring is cut."""
        return list(self._walk(root, 0, ()))

    def _walk(
        self, point: Point, depth: int, above: tuple[Point, ...]
    ) -> Iterator[tuple[int, Point]]:
        yield depth, point
        if point not in above:
            for peer in self.direct.get(point, ()):
                yield from self._walk(peer, depth + 1, (*above, point))


def calls(plan: Plan) -> Calls:
    """The calls of all services that a board runs. Raises ``UserError`` for broken sources."""
    contracts = {s.name: s.contract for board in plan.boards for s in board.services}
    direct: dict[Point, tuple[Point, ...]] = {}
    for contract in contracts.values():
        reader = _Reader(contract, contracts, read_source(plan.cluster.root, contract.service))
        direct.update(reader.calls())
    return Calls(direct)


@dataclass(frozen=True)
class _Reader:
    contract: Contract
    contracts: Mapping[str, Contract]
    source: Source

    def calls(self) -> Iterator[tuple[Point, tuple[Point, ...]]]:
        names = [method.name for method in self.contract.methods]
        names += [handler.method for handler in self.contract.handlers]
        for name in dict.fromkeys([*names, *LIFECYCLE]):
            if name in self.functions:
                yield self.point(name), tuple(dict.fromkeys(self.reached(name, set())))
        if self.contract.has_app:
            yield self.point(APP), tuple(dict.fromkeys(self.of_app()))

    def point(self, method: str) -> Point:
        return Point(self.contract.service, method)

    @cached_property
    def functions(self) -> dict[str, Function]:
        cls = self.source.classes[0]
        return {node.name: node for node in cls.body if isinstance(node, Function)}

    @cached_property
    def peers(self) -> dict[str, str]:
        return {peer.attribute: peer.service for peer in self.contract.peers}

    @cached_property
    def public(self) -> set[str]:
        return {method.name for method in self.contract.methods}

    def reached(self, name: str, seen: set[str]) -> Iterator[Point]:
        """The calls in a method and in the private helpers that it uses."""
        seen.add(name)
        function = self.functions[name]
        aliases = self.aliases(function)
        for node in _attributes(function):
            owner = node.value
            if isinstance(owner, ast.Attribute) and _is_self(owner.value):
                if owner.attr in self.peers:
                    yield Point(self.peers[owner.attr], node.attr)
            elif isinstance(owner, ast.Name) and owner.id in aliases:
                yield Point(aliases[owner.id], node.attr)
            elif _is_self(owner) and node.attr in self.functions and node.attr not in seen:
                yield from self.own(node.attr, seen)

    def own(self, name: str, seen: set[str]) -> Iterator[Point]:
        """A call of the service's own method: of a helper, what that calls."""
        if name in self.public:
            yield self.point(name)
        else:
            yield from self.reached(name, seen)

    def aliases(self, tree: ast.AST) -> dict[str, str]:
        """The names that are given to peers: ``valve = self.valve``."""
        found: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                value = node.value
                if isinstance(value, ast.Attribute) and value.attr in self.peers:
                    service = self.peers[value.attr]
                    found |= {t.id: service for t in targets if isinstance(t, ast.Name)}
        return found

    def of_app(self) -> Iterator[Point]:
        for statement in [*self.outside(), *self.handlers()]:
            aliases = self.aliases(statement)
            for node in _attributes(statement):
                owner = node.value
                peer = None
                if isinstance(owner, ast.Attribute):
                    peer = self.peers.get(owner.attr)
                elif isinstance(owner, ast.Name):
                    peer = aliases.get(owner.id)
                if peer:
                    if self.can_be_called(peer, node.attr):
                        yield Point(peer, node.attr)
                elif node.attr in self.functions and node.attr not in LIFECYCLE:
                    yield from self.own(node.attr, set())

    def can_be_called(self, service: str, method: str) -> bool:
        contract = self.contracts.get(service)
        return contract is not None and any(m.name == method for m in contract.methods)

    def outside(self) -> Iterator[ast.stmt]:
        """The statements of the service's modules that are not part of its class."""
        inside = [cls.node for cls in self.source.lineage]
        for module in self.source.modules:
            yield from (node for node in module.tree.body if node not in inside)

    def handlers(self) -> Iterator[Function]:
        """Functions that a method defines and decorates: ``@self.app.get("/")`` in ``start``."""
        for function in self.functions.values():
            for node in ast.walk(function):
                if isinstance(node, Function) and node is not function and node.decorator_list:
                    yield node


def _attributes(node: ast.AST) -> list[ast.Attribute]:
    """The attributes that are read in ``node``, in the order of the source."""
    found = [n for n in ast.walk(node) if isinstance(n, ast.Attribute)]
    return sorted(found, key=lambda n: (n.end_lineno or 0, n.end_col_offset or 0))


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
