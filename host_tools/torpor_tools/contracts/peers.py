"""Rules between services. They also need the contract of the peer."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..errors import Problem
from ..model.cluster import Cluster
from ..model.contract import Contract
from ..python_names import is_foreign
from ..suggest import did_you_mean, listing, nearest
from .aliases import host_only
from .placement import is_misspelt
from .read import Function
from .records import record_statements
from .rules.service import RESERVED
from .source import Module, Source


def peers_exist(cluster: Cluster, sources: dict[str, Source]) -> Iterator[Problem]:
    """Every class imported from a service is the class of an existing service."""
    named = {s.name for s in cluster.services} | {n for b in cluster.boards for n in b.services}
    for source in sources.values():
        for item in source.imports():
            other = sources.get(item.service)
            if other and item.name != "*":
                classes = [cls.name for cls in other.classes]
                main = other.main
                types = [*classes, *main.records, *main.events, *main.aliases]
                if classes and item.name not in types:
                    what = f"{item.name} of {item.service} is not its service class"
                    more = f"only a peer's class and types may be imported: {listing(types)}"
                    if types == classes:
                        more = f"only a peer's class may be imported from it: {listing(classes)}"
                    yield Problem(item.where, what, did_you_mean(item.name, types) or more)
            elif not other and not _is_there(cluster, item.service) and item.service not in named:
                known = sorted(sources)
                remedy = did_you_mean(item.service, known) or f"services: {listing(known)}"
                yield Problem(item.where, f"there is no service {item.service}", remedy)


def _is_there(cluster: Cluster, service: str) -> bool:
    return (cluster.root / "services" / service / "__init__.py").is_file()


def peers_are_only_types(sources: dict[str, Source]) -> Iterator[Problem]:
    """The build drops the import of a peer's class, so no code may use the name."""
    for source in sources.values():
        for module in source.modules:
            types = _annotations(module.tree) | _of_types(module)
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Name) and node not in types:
                    origin = module.origin(node)
                    if node.id in module.events:
                        continue  # an event, which has its own rules
                    if origin.count(".") == 2 and is_foreign(origin, source.service):
                        yield module.problem(node, *_used(node.id, origin, sources))


def _used(name: str, origin: str, sources: dict[str, Source]) -> tuple[str, str]:
    _, peer, attribute = origin.split(".")
    classes = [cls.name for cls in sources[peer].classes] if peer in sources else []
    if peer in sources and attribute in sources[peer].main.records:
        what = f"{name} is a record, which the board does not have, and is used at run time"
        return what, f"write a dict and annotate where it goes: row: {name} = {{...}}"
    if not classes or attribute in classes:
        what = f"{name} is used as a value, but a peer's class is only a type here"
        return what, f"declare the peer in the class ({peer}: {name}), call self.{peer}"
    what = f"{name} belongs to {peer}, which may run on another board: its value is not here"
    return what, f"ask {peer} through a method of its contract, or move {name} into lib/"


def _of_types(module: Module) -> set[ast.AST]:
    """All nodes of aliases and records, which the build removes."""
    gone = [*host_only(module.tree).values(), *record_statements(module.tree, module.records)]
    return {inner for node in gone for inner in ast.walk(node)}


def _annotations(tree: ast.Module) -> set[ast.AST]:
    """All nodes that are part of an annotation, which the device forgets."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(part, ast.AST):
                found.update(ast.walk(part))
    return found


def peers_are_placed(cluster: Cluster, contracts: dict[str, Contract]) -> Iterator[Problem]:
    """A peer runs on some board, or is meant by a misspelt name."""
    entries = [s.name for s in cluster.services]
    homes = {name: board.name for board in cluster.boards for name in board.services}
    meant = {nearest(name, entries) for name in homes if is_misspelt(cluster, name)}
    for contract in contracts.values():
        for peer in contract.peers:
            if peer.service not in {*homes, *meant} and _is_there(cluster, peer.service):
                what = f"{contract.service} needs {peer.service}, which is not on any board"
                remedy = f"add it to the services of {homes[contract.service]} in cluster.toml"
                yield Problem(peer.where, what, remedy)


def only_contracts_are_used(
    sources: dict[str, Source], contracts: dict[str, Contract]
) -> Iterator[Problem]:
    """Only the contract of a peer is used, which works from another board too."""
    for name, contract in contracts.items():
        declared = {p.attribute: p.service for p in contract.peers}
        for cls in sources[name].lineage:
            for node in ast.walk(cls.node):
                peer = _peer_of(node, declared)
                if peer in contracts and isinstance(node, ast.Attribute):
                    yield from _use(sources[name], node, contracts[peer], sources[peer])


def _peer_of(node: ast.AST, declared: dict[str, str]) -> str:
    """The service that ``self.<peer>.<anything>`` calls; empty for anything else."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
        owner = node.value.value
        if isinstance(owner, ast.Name) and owner.id == "self":
            return declared.get(node.value.attr, "")
    return ""


def _use(source: Source, node: ast.Attribute, peer: Contract, there: Source) -> Iterator[Problem]:
    method = next((m for m in peer.methods if m.name == node.attr), None)
    if method and method.streamed:
        what = f"{peer.service}.{node.attr} streams: a peer cannot call it"
        yield source.problem(node, what, "ask the peer for a list instead")
    elif method and not isinstance(node.ctx, ast.Load):
        what = f"{ast.unparse(node)} is a method of another service"
        yield source.problem(node, what, "call it; the service itself keeps its state")
    elif not method and _is_inner(node.attr, there, peer):
        what = f"{node.attr} is not part of the contract of {peer.service}"
        names = listing(m.name for m in peer.methods if not m.streamed) or "no method yet"
        yield source.problem(node, what, f"call a method; its contract has {names}")


def _is_inner(name: str, there: Source, contract: Contract) -> bool:
    """Return whether a peer has such an attribute, which mypy would accept."""
    if any(h.method == name for h in contract.handlers):
        return True
    if name.startswith("_") or name in RESERVED:
        return True
    nodes = [node for cls in there.lineage for node in ast.walk(cls.node)]
    stored = {n.attr for n in nodes if isinstance(n, ast.Attribute) and not _is_read(n)}
    stored |= {n.id for n in nodes if isinstance(n, ast.Name) and not _is_read(n)}
    return name in stored and not any(isinstance(n, Function) and n.name == name for n in nodes)


def _is_read(node: ast.Attribute | ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)
