"""What to do about what mypy says, in a sentence that names the contract in question."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..config.suggest import listing
from ..model.board import Board
from ..model.contract import Contract, Method

_CALLED = re.compile(r'"(?P<method>\w+)" of "(?P<cls>\w+)"')
_MISSING = re.compile(r'^"(?P<cls>\w+)" has no attribute "(?P<name>\w+)"')
_MODULE = re.compile(r'^Module (?:"[\w.]+" )?has no attribute')

_REMEDIES = {
    "arg-type": "pass what the annotation says",
    "assignment": "the two sides must agree: change the annotation or what is assigned",
    "attr-defined": "correct the name; mypy knows what the annotations say",
    "call-arg": "give the arguments that the function takes",
    "dict-item": "use what the annotation of the dict says",
    "index": "test for None first, or give it an annotation that can be indexed",
    "name-defined": "import it, or correct the name",
    "operator": "convert one side, or test for None first",
    "return": "return a value on every way out, or annotate it -> None",
    "return-value": "return what the annotation says, or change the annotation",
    "syntax": "correct the syntax",
    "union-attr": "test for None first",
    "unused-coroutine": "write await in front of the call",
}


def remedy(code: str, text: str, contracts: Sequence[Contract], board: Board) -> str:
    """The remedy for a message of mypy: its error code, its text, and the contracts around it."""
    if code in ("import-not-found", "import-untyped"):
        return f"MicroPython on {board.name} has no such module"
    if _MODULE.search(text):
        return f"correct the name; if it is right, the module of {board.name} lacks it"
    if "Coroutine[" in text and code != "unused-coroutine":
        return "a contract's methods are async: write await in front of the call"
    if (match := _CALLED.search(text)) and (found := _method(contracts, **match.groupdict())):
        contract, method = found
        return f"the contract: {contract.service}.{signature(method)} ({method.where})"
    if match := _MISSING.search(text):
        for contract in contracts:
            if contract.class_name == match["cls"]:
                return _offers(contract)
    return _REMEDIES.get(code, f"mypy calls this {code}" if code else "")


def _method(contracts: Sequence[Contract], method: str, cls: str) -> tuple[Contract, Method] | None:
    for contract in contracts:
        for found in contract.methods:
            if (contract.class_name, found.name) == (cls, method):
                return contract, found
    return None


def _offers(contract: Contract) -> str:
    names = listing([method.name for method in contract.methods]) or "no methods"
    return f"the contract of {contract.service} has {names} ({contract.where})"


def signature(method: Method) -> str:
    """A method in one line: ``newest(fridge: str, limit: int = 1) -> list[dict]``."""
    arguments = [
        f"{a.name}: {a.type}" + (f" = {a.default}" if a.default is not None else "")
        for a in method.arguments
    ]
    return f"{method.name}({', '.join(arguments)}) -> {method.returns}"
