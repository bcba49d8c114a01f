"""Why an annotation cannot be part of a contract, and what to write instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from ..aliases import statements
from ..limits import wrong_limit
from ..records import field_nodes
from ..shapes import parse, unquoted
from ..source import Source
from ..source_module import Module

_ENUMS = ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")


def remedy(node: ast.expr, module: Module, source: Source) -> str:
    """Return the remedy for the first part of an annotation that cannot be sent, if known."""
    return next(_remedies(node, module, source, ()), "")


def _remedies(
    node: ast.expr, module: Module, source: Source, outer: Sequence[ast.ClassDef]
) -> Iterator[str]:
    for part in ast.walk(unquoted(node)):
        if isinstance(part, ast.Subscript):
            yield from _limits(part, module)
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            if unquoted(part) is not part:
                yield from _remedies(unquoted(part), module, source, outer)
        elif isinstance(part, ast.Name) and part.id in module.aliases:
            type_, home = module.aliases[part.id]
            yield from _remedies(type_, home, source, outer)
        elif isinstance(part, ast.Name) and part.id in module.records:
            yield from _of_record(*module.records[part.id], source, outer)
        elif isinstance(part, ast.Name) and (cls := _class(source, module, part.id)):
            yield _of_class(cls)


def _of_record(
    cls: ast.ClassDef, home: Module, source: Source, outer: Sequence[ast.ClassDef]
) -> Iterator[str]:
    if cls in outer:
        yield f"{cls.name} contains itself: send a flat list whose items name their parent"
        return
    for name, node in field_nodes(cls):
        inner = next(_remedies(node, home, source, (*outer, cls)), "")
        if inner:
            yield inner
        elif parse(node, home) is None and not _is_requirement(node):
            yield f"change its field {name}: {ast.unparse(node)} cannot be sent"


def _is_requirement(node: ast.expr) -> bool:
    return isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("Required")


def _limits(node: ast.Subscript, module: Module) -> Iterator[str]:
    if module.origin(node.value).rpartition(".")[2] == "Annotated":
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else []
        inner = parse(items[0], module) if items else None
        if inner:
            yield from filter(None, (wrong_limit(inner, item) for item in items[1:]))


def _class(source: Source, module: Module, name: str) -> ast.ClassDef | None:
    """The class that a name stands for, also one that only the host has."""
    origin = module.names.get(name, f"{module.name}.{name}")
    for other in source.modules:
        for node in statements(other.tree.body):
            if isinstance(node, ast.ClassDef) and f"{other.name}.{node.name}" == origin:
                return node
    return None


def _of_class(cls: ast.ClassDef) -> str:
    bases = [ast.unparse(base).rpartition(".")[2] for base in cls.bases]
    if any(base in _ENUMS for base in bases):
        return f"{cls.name} is an enum: write {cls.name} = Literal[...] with its values"
    words = [ast.unparse(item) for item in cls.decorator_list]
    kind = "a dataclass" if any("dataclass" in word for word in words) else "a class"
    kind = "a named tuple" if "NamedTuple" in bases else kind
    return f"{cls.name} is {kind}: write class {cls.name}(TypedDict) with its fields"
