"""Fingerprints of contracts: short texts that two boards compare instead of whole signatures.

A stub sends the fingerprint of the method as it was when the stub was built, without the optional
arguments at the end that the call leaves out. A server honours the fingerprints of its signature
from the whole one down to that of the required arguments alone. So boards whose versions differ in
optional arguments understand each other, either way round, as long as the call does not use them.
Names, order and types of the arguments and the type of the result count. Defaults, routes,
schedules and documentation do not: an argument with its default at the end of a call is left out,
and the server fills in its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ..model.contract import Argument, Contract, Method

METHOD_DIGITS = 8  # hexadecimal; 32 bits distinguish the few versions of one method
SERVICE_DIGITS = 12


def method_fingerprint(method: Method) -> str:
    """Return what a stub sends with a call that passes all arguments: 8 hex digits."""
    return _of(method, method.arguments)


def honoured_fingerprints(method: Method) -> tuple[str, ...]:
    """Return the fingerprints that a server with ``method`` accepts, its own first."""
    required = sum(argument.default is None for argument in method.arguments)
    counts = range(len(method.arguments), required - 1, -1)
    return tuple(_of(method, method.arguments[:count]) for count in counts)


def short_fingerprint(fingerprint: str) -> int:
    """Return the lowest 30 bits of a fingerprint, as a frame carries it: a small int on a chip."""
    return int(fingerprint, 16) & 0x3FFFFFFF


def service_fingerprint(contract: Contract) -> str:
    """12 hexadecimal digits that change with anything of the contract that a caller can see.

    That is what ``method_fingerprint`` sees of each method, which arguments are optional, and the
    routes; the order of the methods in the source does not count.
    """
    lines = [line for method in contract.methods for line in _lines(method)]
    return _digest("\n".join(sorted(lines)), SERVICE_DIGITS)


def signature(method: Method) -> str:
    """``(fridge: str, limit: int?) -> list[dict]``: a method in one line, ``?`` for optional.

    It says ``yields`` for ``->`` where the answer comes in chunks, which no peer can call for.
    """
    arrow = "yields" if method.streamed else "->"
    arguments = (f"{a.name}: {a.type}{'?' * (a.default is not None)}" for a in method.arguments)
    return f"({', '.join(arguments)}) {arrow} {method.returns}"


def route_lines(method: Method) -> tuple[str, ...]:
    """A method's routes as a client writes them: ``GET /alerts/<fridge>``."""
    return tuple(sorted(f"{route.verb} {route.path}" for route in method.routes))


def _of(method: Method, arguments: Sequence[Argument]) -> str:
    known = ", ".join(f"{a.name}: {a.type}" for a in arguments)
    return _digest(f"{method.name}({known}) -> {method.returns}", METHOD_DIGITS)


def _lines(method: Method) -> list[str]:
    own = f"{method.name}{signature(method)}"
    return [own, *(f"{own} at {route}" for route in route_lines(method))]


def _digest(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
