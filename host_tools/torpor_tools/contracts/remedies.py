"""What to do about what mypy says, in a sentence that names the contract in question."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..model.board import Board
from ..model.contract import Contract, Method
from ..suggest import listing

_CALLED = re.compile(r'"(?P<method>\w+)" of "(?P<cls>\w+)"')
_MISSING = re.compile(r'^"(?P<cls>\w+)" has no attribute "(?P<name>\w+)"')
_MODULE = re.compile(r'^Module (?:"[\w.]+" )?has no attribute')

# What mypy has no code of its own for.
_BY_TEXT = (
    (re.compile(r'^Incompatible types in "await"'), "leave out await: this is not async"),
    (re.compile(r"not iterable"), "loop over a list, or test for None first"),
    (re.compile(r"values to unpack"), "take as many names as there are values"),
    (re.compile(r"^Unpacking a string"), "take the text apart with split()"),
    (re.compile(r"^Cannot (assign|determine type|infer)"), "give the variable an annotation"),
    (re.compile(r"^Cannot override"), "give it another name, or the type that the base class has"),
    (re.compile(r"async generator"), "yield in a method with a route: -> AsyncIterator[str]"),
    (re.compile(r'"yield" outside|"return" outside|"await" outside'), "move it into a function"),
)
_OTHER = "see what the line does with each type: the annotations do not allow it"
_REMEDIES = {
    "abstract": "write the methods that the class leaves open",
    "annotation-unchecked": "annotate the function's arguments, so that it is checked",
    "assert-type": "correct the annotation",
    "await-not-async": "write async def, or call it without await",
    "call-overload": "give one of the lists of arguments that the function takes",
    "exit-return": "annotate __exit__ -> None",
    "func-returns-value": "the function returns nothing: do not use its value",
    "has-type": "give the variable an annotation where it is first set",
    "list-item": "use what the annotation of the list says",
    "method-assign": "a method stays what it is: call the other function inside it",
    "misc": "see what the line does with each type: one of them does not allow it",
    "no-redef": "give one of the two another name",
    "override": "take the same arguments and return the same type as the base class",
    "safe-super": "the base class has no such method to call",
    "str-bytes-safe": "decode the bytes first: data.decode()",
    "str-format": "make the format fit the values",
    "type-var": "give a type that the function allows",
    "typeddict-item": "use the keys and types that the record declares",
    "typeddict-unknown-key": "use the keys that the record declares",
    "used-before-def": "define it above this line",
    "valid-type": "write a type, not a value",
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
    for pattern, todo in _BY_TEXT:
        if pattern.search(text):
            return todo
    return _REMEDIES.get(code, _OTHER if code else "")


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
