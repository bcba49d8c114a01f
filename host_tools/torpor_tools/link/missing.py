"""Explains imports and names that the device does not have."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..contracts import aliases
from ..errors import Problem, Where
from ..files import NOT_SHIPPED
from ..libraries.known import package_for
from ..suggest import did_you_mean
from .builtin import MODULES, NOT_SIMULATED
from .imports import Import
from .module import Module
from .runtime import EVENT, LIMITS, MOVED

HOST_ONLY = (*aliases.HOST_ONLY, "__future__")
_ANNOTATIONS = "import it with `from ... import`, and use the names in annotations only"
# Modules that authors who come from CPython expect, and what to use instead.
_INSTEAD = {
    "abc": "leave it out: a base class whose methods raise NotImplementedError does the same",
    "concurrent": "use asyncio; a service starts a task with self.spawn",
    "contextlib": "write a class with __enter__ and __exit__",
    "copy": "copy with list(x), dict(x) or x[:]",
    "dataclasses": "write a plain class with an __init__, or use a dict",
    "datetime": "count in seconds with torpor.clock; time.gmtime() takes them apart",
    "decimal": "count in whole numbers of the smallest unit",
    "enum": "write constants: _OPEN = const(1), with `from micropython import const`",
    "functools": "write the function out",
    "inspect": "leave it out: the device keeps no signatures or annotations",
    "itertools": "write the loop out",
    "logging": "use self.log of the service",
    "multiprocessing": "use asyncio; a service starts a task with self.spawn",
    "pathlib": "use os and paths as text",
    "statistics": "write the formula out",
    "subprocess": "leave it out: a chip runs no other programs",
    "typing": _ANNOTATIONS,
    "typing_extensions": _ANNOTATIONS,
    "threading": "use asyncio; a service starts a task with self.spawn",
    "traceback": "use sys.print_exception(error, file)",
    "urequests": "write `import requests`: that is its name now, and the simulator has no other",
    "urllib": "use requests, which the firmware has",
    "uuid": "use binascii.hexlify(os.urandom(16))",
    "warnings": "use self.log.warning of the service",
}


def not_simulated(name: str, where: Where) -> Problem:
    """Return the problem of importing what the chip has and the simulator does not.

    ``name`` is that of a module, or of something in it: ``machine.I2S``.

    Without this, the service would pass every check and fail in ``torpor sim`` and in its tests.
    """
    kind = "" if name.partition(".")[0] in NOT_SIMULATED else "module "
    what = f"the simulator and the tests have no {kind}{name}, which only the chip has"
    remedy = "catch ImportError around the import, with `pass`, and use "
    remedy += f"{'the module' if kind else 'it'} only on a chip"
    return Problem(where, what, remedy)


def needs_of_library(item: Import, module: Module, taken: str, where: Where) -> Problem:
    """Return the problem of a library that imports what no board has.

    ``where`` is the import in a service, of ``taken``, that brought the library.
    """
    what = f"{module.library} cannot run on MicroPython: {module.file}:{item.line} imports "
    what += f"{item.name}, which it does not have"
    other = f"use a library that is written for MicroPython: torpor remove {module.library}"
    return Problem(where, what, _offer(item.name) or other)


def needs_of_microdot(item: Import, module: Module, taken: str, where: Where) -> Problem:
    """Return the problem of an extension of Microdot that needs another package."""
    what = f"{taken} needs {item.name}, which MicroPython does not have"
    other = f"leave out {taken}; Microdot's other extensions work"
    return Problem(where, what, _offer(item.name) or other)


def _offer(module: str) -> str:
    """Return the command that adds the package with a module, if there is one."""
    package = package_for(module)
    return f"add it: torpor add {package}" if package else ""


def missing_module(name: str, where: Where, port: str, near: list[str]) -> Problem:
    """Return the problem of an import that no part of the image has.

    ``near`` are modules that could have been meant, besides those of the firmware.
    """
    top = name.partition(".")[0]
    parts = name.split(".")
    if top == "services":
        folder = "/".join(parts[:2])
        for i, part in enumerate(parts):
            if i > 1 and part in NOT_SHIPPED:
                what = f"{'/'.join(parts[: i + 1])}/ does not go to the board"
                return Problem(where, what, f"move what the service needs out of {part}/")
        what = f"{folder}/ has no module {'.'.join(parts[2:])}"
        return Problem(where, what, did_you_mean(name, near) or "correct the name or add the file")
    if top == "torpor" or top in near:
        what = f"there is no module {name}"
        return Problem(where, what, did_you_mean(name, near) or f"see what {top} offers")
    elsewhere = sorted(p for p, modules in MODULES.items() if top in modules)
    if port in elsewhere:
        what = f"the firmware of this board's chip has no module {top}"
        return Problem(where, what, f"boards of the port {port} with another chip have it")
    if elsewhere:
        what = f"the firmware of this board ({port}) has no module {top}"
        return Problem(where, what, f"boards of the port {' or '.join(elsewhere)} have it")
    what = f"MicroPython has no module {top}"
    if top == "lib" and len(parts) > 1:
        return Problem(where, what, f"a module of lib/ has its plain name: import {parts[1]}")
    if top == "urequests":
        what = "urequests is the old name of requests"
    if any(module.endswith(f".{top}") for module in near):
        return Problem(where, what, f"for the file of this service write `from . import {top}`")
    remedy = _INSTEAD.get(top) or did_you_mean(top, [*MODULES[port], *near])
    if offer := _offer(name):
        remedy = f"{offer}; or {remedy}" if remedy else offer
    return Problem(where, what, remedy or f"put {top}.py into lib/, which all services share")


def moved_name(node: ast.AST, file: str) -> Iterator[Problem]:
    """Report uses of ``torpor.deadline``, which must be imported by its name."""
    if not isinstance(node, ast.Attribute) or node.attr not in MOVED:
        return
    if ast.unparse(node.value) == "torpor":
        what = f"torpor.{node.attr} does not exist on the device"
        where = Where(file, node.lineno, node.col_offset + 1)
        yield Problem(where, what, f"write: from torpor import {node.attr}")


def removed_name(name: str, module: str, where: Where) -> Problem:
    """Return the problem of using ``name``, which came from ``module`` and was removed."""
    if module.startswith("services."):
        peer = name.lower()
        what = f"{name} of {module} exists only for annotations, and is used at run time"
        remedy = f"declare `{peer}: {name}` in the service class and use self.{peer}"
    elif module == "torpor" and name in LIMITS:
        what = f"{name} of torpor is for annotations only, and is used at run time"
        remedy = f"write it in an annotation: Annotated[int, {name}(...)]"
    elif module == "torpor" and name == EVENT:
        what = "Event of torpor is the base class of events, and is used as something else"
        remedy = "write class Name(Event): with its fields, at the top level of a module"
    elif module == "event":
        what = f"{name} is an event, which exists only where it is published"
        remedy = f"write await self.publish({name}(...)), and {name} in annotations otherwise"
    elif module == "torpor":
        what = f"{name} of torpor is a decorator, and is used as something else"
        remedy = f"write it as @{name}(...) above a method; the build reads it there"
    elif module == "record":
        what = f"{name} is a record, which the board does not have, and is used at run time"
        remedy = f"write a dict and annotate where it goes: row: {name} = {{...}}"
    elif module == "alias":
        what = f"{name} is a type alias, which the board does not have, and is used at run time"
        remedy = "use it in annotations only"
    elif module == "TYPE_CHECKING":
        what = f"{name} is defined under `if TYPE_CHECKING:` and used at run time"
        remedy = "define it outside that block, or use it in annotations only"
    elif module in HOST_ONLY:
        what = f"{name} comes from {module}, which MicroPython lacks, and is used at run time"
        remedy = "use it in annotations only; a class made of it belongs under `if TYPE_CHECKING:`"
    else:
        what = f"{name} is imported under `if TYPE_CHECKING:` and used at run time"
        remedy = "import it outside that block, or use it in annotations only"
    return Problem(where, what, remedy)
