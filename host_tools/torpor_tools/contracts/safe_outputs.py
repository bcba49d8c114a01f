"""Safe outputs, ``self.output(pin, safe=0)``: the build reads them for ``boot.py`` and the wiring.

So a board knows them even if the service cannot run or cannot be loaded.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..errors import Problem
from ..model.board import Board
from ..model.cluster import BoardEntry, Cluster, ServiceEntry
from ..model.plan import SafeOutput
from .pin_uses import constant, output_pin, value_of
from .source import Source
from .source_module import Module

_NAME = "output"  # of the method of Service


def outputs_of(source: Source, entry: ServiceEntry | None) -> tuple[SafeOutput, ...]:
    """Return the safe outputs of a service that the build can read, each pin once."""
    found: dict[int | str, SafeOutput] = {}
    for module, call in calls(source):
        pin, safe = _pin(module, call, entry), _safe(module, call)
        if pin is not None and safe is not None:
            found.setdefault(pin, SafeOutput(pin, safe, module.where(call)))
    return tuple(found.values())


def outputs_are_known(cluster: Cluster, sources: dict[str, Source]) -> Iterator[Problem]:
    """The build can read each pin and its safe value, and a pin has one such value."""
    entries = {entry.name: entry for entry in cluster.services}
    for name, source in sources.items():
        values: dict[int | str, int] = {}
        for module, call in calls(source):
            pin, safe = _pin(module, call, entries.get(name)), _safe(module, call)
            text = ast.unparse(call)
            if pin is None:
                what = f"the build cannot read the pin of {text}"
                remedy = 'write the number, a name that is set once, or self.config["pin"]'
                yield module.problem(call, f"{what}, which it must set without the service", remedy)
            elif safe is None:
                what = f"{text} needs a safe value of 0 or 1 that the build can read"
                yield module.problem(call, what, "write safe=0 or safe=1")
            elif values.setdefault(pin, safe) != safe:
                what = f"pin {pin} has two safe values, {values[pin]} and {safe}"
                yield module.problem(call, what, "choose one of them")


def boards_have_outputs(
    board: BoardEntry, kind: Board, sources: dict[str, Source]
) -> Iterator[Problem]:
    """A board that is a Linux process has no pins to make safe."""
    for name in board.services if kind.port == "unix" else ():
        for module, call in calls(sources[name]) if name in sources else ():
            what = f"{board.name} is a {kind.name} board, which has no outputs"
            yield module.problem(call, what, f"move {name} to a board with a chip")


def calls(source: Source) -> Iterator[tuple[Module, ast.Call]]:
    """Each ``self.output(...)`` of a service's class."""
    for cls in source.lineage:
        for node in ast.walk(cls.node):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == f"self.{_NAME}":
                yield cls.module, node


def _pin(module: Module, call: ast.Call, entry: ServiceEntry | None) -> int | str | None:
    node = output_pin(call)
    return value_of(module, node, entry)[0] if node else None


def _safe(module: Module, call: ast.Call) -> int | None:
    named = (k.value for k in call.keywords if k.arg == "safe")
    node = call.args[1] if len(call.args) > 1 else next(named, None)
    if node is None:
        return 0
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return int(node.value)
    value = constant(module, node)
    return value if value in (0, 1) and isinstance(value, int) else None
