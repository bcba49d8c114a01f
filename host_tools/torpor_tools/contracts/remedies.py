"""Remedies for mypy's messages, which name the contract in question."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from ..model.board import Board
from ..model.contract import Contract, Method
from ..paths import firmware_dir
from ..python_names import parsed
from ..suggest import listing
from .read import Function

_CALLED = re.compile(r'"(?P<method>\w+)" of "(?P<cls>\w+)"')
_MISSING = re.compile(r'^"(?P<cls>\w+)" has no attribute "(?P<name>\w+)"')
_UNKNOWN = re.compile(r'^Name "(?P<name>\w+)" is not defined')
_MODULE = re.compile(r'^Module (?:"[\w.]+" )?has no attribute')

_METHOD = "give the value another name: a method cannot be replaced"
# Remedies for messages whose error code covers too much.
_BY_TEXT = (
    (re.compile(r"^Cannot assign to a method|variable has type .*Coroutine"), _METHOD),
    (re.compile(r'"(Callable|def).*Coroutine'), "call the method and await it: await self.x.y()"),
    (re.compile(r'^Incompatible types in "await"'), "leave out await: this is not async"),
    (re.compile(r"not iterable"), "loop over a list, or test for None first"),
    (re.compile(r"values to unpack"), "take as many names as there are values"),
    (re.compile(r"^Unpacking a string"), "split the text with split()"),
    (re.compile(r"^Cannot (assign|determine type|infer)"), "give the variable an annotation"),
    (re.compile(r"^Cannot override"), "give it another name, or the type that the base class has"),
    (re.compile(r"async generator"), "yield in a method with a route: -> AsyncIterator[str]"),
    (re.compile(r'"yield" outside|"return" outside|"await" outside'), "move it into a function"),
)
_OTHER = "check the type of each part of the line against the annotations"
_REMEDIES = {
    "abstract": "define the abstract methods of the class",
    "annotation-unchecked": "annotate the function's arguments, so that it is checked",
    "assert-type": "correct the annotation",
    "await-not-async": "write async def, or call it without await",
    "call-overload": "pass arguments in one of the forms that the function accepts",
    "exit-return": "annotate __exit__ -> None",
    "func-returns-value": "the function returns nothing: do not use its value",
    "has-type": "give the variable an annotation where it is first set",
    "list-item": "use the type that the list's annotation allows",
    "method-assign": _METHOD,
    "misc": "check the type of each part of the line: one of them does not allow this",
    "no-redef": "give one of the two another name",
    "override": "take the same arguments and return the same type as the base class",
    "safe-super": "the base class has no such method to call",
    "str-bytes-safe": "decode the bytes first: data.decode()",
    "str-format": "make the format match the values",
    "type-var": "use a type that the function accepts",
    "typeddict-item": "use the keys and types that the record declares",
    "typeddict-unknown-key": "use the keys that the record declares",
    "used-before-def": "define it above this line",
    "valid-type": "write a type, not a value",
    "arg-type": "pass a value of the annotated type",
    "assignment": "the two sides must have the same type: change the annotation or the value",
    "attr-defined": "correct the name, or annotate the object with a class that has it",
    "call-arg": "pass the arguments that the function accepts",
    "dict-item": "use the types that the dict's annotation allows",
    "index": "test for None first, or annotate it with a type that can be indexed",
    "name-defined": "import it, or correct the name",
    "operator": "convert one side, or test for None first",
    "return": "return a value at the end of every branch, or annotate it -> None",
    "return-value": "return a value of the annotated type, or change the annotation",
    "syntax": "correct the syntax",
    "union-attr": "test for None first",
    "unused-coroutine": "write await in front of the call",
}


def remedy(
    code: str,
    text: str,
    contracts: Sequence[Contract],
    board: Board,
    module: str = "",
    file: str = "",
) -> str:
    """Return the remedy for a message of mypy.

    Args:
        code: mypy's error code.
        text: The message.
        contracts: The contracts of all services.
        board: The type of board that the services run on.
        module: The dotted name of the module that the message is about, if known.
        file: Where the mistake is, relative to the project.
    """
    if code in ("import-not-found", "import-untyped"):
        return f"MicroPython on {board.name} has no such module"
    if _MODULE.search(text):
        return _absent(module, board)
    if '"Coroutine[' in text and code != "unused-coroutine":
        return "a contract's methods are async: write await in front of the call"
    if (match := _CALLED.search(text)) and (found := _method(contracts, **match.groupdict())):
        contract, method = found
        return f"the contract: {contract.service}.{signature(method)} ({method.where})"
    if match := _MISSING.search(text):
        for contract in contracts:
            if contract.class_name == match["cls"]:
                is_own = file.startswith(f"services/{contract.service}/")
                return _peers(contract, contracts) if is_own else _offers(contract)
    if (match := _UNKNOWN.match(text)) and (home := _home(match["name"], contracts)):
        return f"from {home} import {match['name']}"
    for pattern, todo in _BY_TEXT:
        if pattern.search(text):
            return todo
    return _REMEDIES.get(code, _OTHER if code else "")


def _home(name: str, contracts: Sequence[Contract]) -> str:
    """Return the module from which a name is imported; empty if it is not one of ours."""
    for contract in contracts:
        if contract.class_name == name:
            return f"services.{contract.service}"
    return "torpor" if name in _public("torpor") else ""


def _peers(contract: Contract, contracts: Sequence[Contract]) -> str:
    """Return the remedy for an attribute that a service itself does not have."""
    classes = {each.service: each.class_name for each in contracts}
    peers = [f"{p.attribute}: {classes.get(p.service, p.service)}" for p in contract.peers]
    if not peers:
        return "correct the name, or set it in start(); a peer is declared in the class"
    return f"correct the name; the peers of {contract.service}: {listing(peers)}"


def _absent(module: str, board: Board) -> str:
    """Return the remedy for a name that a module does not have."""
    top = module.partition(".")[0]
    if top == "services":
        return f"correct the name, or define it in {module}"
    if top == "torpor":
        offered = _public(module)
        return "correct the name" + (f"; {module} has {listing(offered)}" if offered else "")
    return f"correct the name; if it is correct, the firmware of {board.name} does not have it"


def _public(module: str) -> list[str]:
    """Return the public functions and classes of a module of the runtime, in its order.

    If the module has a list ``__all__``, it is that.
    """
    path = firmware_dir().joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        return []
    body = parsed(file.read_text(encoding="utf-8")).body
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    definitions = (n for n in body if isinstance(n, ast.ClassDef | Function))
    return [n.name for n in definitions if not n.name.startswith("_")]


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
