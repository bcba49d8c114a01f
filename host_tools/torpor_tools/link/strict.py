"""The additions of strict mode to the wiring.

A ``torpor.strict.CheckedPeer`` with its contract wraps each peer, and each route's result
must match its annotation.

Without strict mode an image has none of this, and a call between services is a plain ``await``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..model.contract import Argument, Contract, Peer
from .encoding import encoded
from .literal import Code, literal


def contract_name(service: str) -> str:
    """The name of a contract's table in the wiring."""
    return f"{service.upper()}_CONTRACT"


def tables(contracts: Iterable[Contract]) -> Iterator[str]:
    """The lines that define the contracts as ``torpor.strict`` reads them."""
    for contract in contracts:
        name = contract_name(contract.service)
        yield from f"{name} = {literal(table(contract), column=len(name) + 3)}".split("\n")
        yield ""


def wrapped(caller: str, peer: Peer) -> str:
    """The expression for a peer in ``wire(s)``."""
    return f'strict.CheckedPeer("{caller}", "{peer.service}", s["{peer.service}"], ' + (
        f"{contract_name(peer.service)})"
    )


def table(contract: Contract) -> dict[str, Any]:
    """Return method -> (arguments, type of the result); peers do not call streams."""
    return {
        method.name: (tuple(map(_argument, method.arguments)), encoded(method.returns))
        for method in contract.methods
        if not method.streamed
    }


def _argument(argument: Argument) -> tuple[Any, ...]:
    default = () if argument.default is None else (Code(argument.default),)
    return (argument.name, encoded(argument.type), *default)
