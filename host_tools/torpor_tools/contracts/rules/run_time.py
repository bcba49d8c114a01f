"""Rules for code that mpy-cross compiles and that fails on the board."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...errors import Problem
from ..aliases import host_blocks, host_only, run_time_types
from ..read import Function, contract_methods, is_generator
from ..source import Source

_ITERATOR = "write a class with __aiter__ and async def __anext__"


def async_generators_are_streams(source: Source) -> Iterator[Problem]:
    """An ``async def`` that yields is the stream of a route, which torpor sends; nothing else."""
    streams = {m for part in source.lineage for m in contract_methods(part.node)}
    bodies = {part.node: part.node.name for part in source.lineage}
    for module in source.modules:
        for owner, node in _functions(module.tree, None):
            if node in streams or not isinstance(node, ast.AsyncFunctionDef):
                continue
            if is_generator(node):
                name = f"{bodies[owner]}.{node.name}" if owner in bodies else node.name
                what = f"{name} yields in an async def: MicroPython has no async generators"
                remedy = f"make it a method with a route, return a list, or {_ITERATOR}"
                yield module.problem(node, what, remedy)


def _functions(
    node: ast.AST, owner: ast.ClassDef | None
) -> Iterator[tuple[ast.ClassDef | None, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield owner, child
            yield from _functions(child, None)
        else:
            yield from _functions(child, child if isinstance(child, ast.ClassDef) else owner)


def streams_are_not_iterated(source: Source) -> Iterator[Problem]:
    """``async for`` over a stream of the service's own."""
    methods = [m for cls in source.classes[:1] for m in contract_methods(cls)]
    streams = {method.name for method in methods if is_generator(method)}
    for module in source.modules:
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.AsyncFor) or not isinstance(node.iter, ast.Call):
                continue
            called = ast.unparse(node.iter.func)
            if called.startswith("self.") and called.removeprefix("self.") in streams:
                what = f"async for over {called}: MicroPython has no async generators"
                remedy = "move what both need into a private method that returns a list"
                yield module.problem(node, what, remedy)


def types_are_not_computed(source: Source) -> Iterator[Problem]:
    """``list[int]`` and ``int | None`` belong in annotations and aliases."""
    for module in source.modules:
        skip: set[ast.AST] = set(host_only(module.tree).values())
        skip.update(host_blocks(module.tree))
        for node in run_time_types(module.tree, skip):
            text = ast.unparse(node)
            what = f"{text} is evaluated on the board, where MicroPython's types cannot do that"
            if isinstance(node, ast.BinOp):
                remedy = "for isinstance write a tuple: (int, str)"
            else:
                remedy = f"write {text.partition('[')[0]}, or define an alias at the top level"
            yield module.problem(node, what, remedy)


def tuples_have_no_steps(source: Source) -> Iterator[Problem]:
    """``(1, 2, 3)[::-1]``, which mypy computes itself and accepts."""
    for module in source.modules:
        names = _tuples(module.tree)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
                owner = node.value
                is_tuple = isinstance(owner, ast.Tuple) or getattr(owner, "id", "") in names
                if is_tuple and has_step(node.slice):
                    what = f"{ast.unparse(node)}: MicroPython's tuple has no slices with a step"
                    yield module.problem(node, what, "take the slice of a list: list(t)[::-1]")


def has_step(node: ast.Slice) -> bool:
    """Return whether a slice skips elements or reverses them: ``s[::1]`` does not."""
    if node.step is None:
        return False
    return not isinstance(node.step, ast.Constant) or node.step.value not in (1, None)


def _tuples(tree: ast.Module) -> set[str]:
    """The names that a module sets once, to a tuple that is written out."""
    stored: dict[str, int] = {}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.arg):
            name = node.id if isinstance(node, ast.Name) else node.arg
            if isinstance(node, ast.arg) or not isinstance(node.ctx, ast.Load):
                stored[name] = stored.get(name, 0) + 1
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in found if stored[name] == 1}
