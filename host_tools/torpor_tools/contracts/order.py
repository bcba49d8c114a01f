"""In what order the services of a board start: peers first."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.contract import Contract


def start_order(
    names: Sequence[str], contracts: dict[str, Contract]
) -> tuple[list[str], list[list[str]]]:
    """The order, and the rings of services that need each other (in the order of ``names``)."""
    needs = {
        name: {p.service for p in contracts[name].peers if p.service in names} - {name}
        for name in names
    }
    order: list[str] = []
    rings: list[list[str]] = []
    left = list(names)
    while left:
        ready = next((n for n in left if needs[n] <= set(order)), None)
        if ready is None:
            ring = [n for n in left if n in _reach(n, needs, left)]
            # Of several rings the one that needs no other comes first.
            ring = min(
                ([m for m in ring if m in _reach(n, needs, left)] for n in ring),
                key=len,
            )
            rings.append(ring)
            order += ring
            left = [n for n in left if n not in ring]
        else:
            order.append(ready)
            left.remove(ready)
    return order, rings


def _reach(name: str, needs: dict[str, set[str]], left: Sequence[str]) -> set[str]:
    """All that ``name`` needs, directly or through others, of the services left."""
    found: set[str] = set()
    pending = [name]
    while pending:
        for need in needs[pending.pop()] & set(left):
            if need not in found:
                found.add(need)
                pending.append(need)
    return found
