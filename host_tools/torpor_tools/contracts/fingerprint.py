"""Fingerprints of contracts: short texts that two boards compare instead of whole signatures.

A stub sends the fingerprint of the method as it was when the stub was built, without the optional
arguments at the end that the call omits. A server accepts the fingerprint of its complete
signature, and those with fewer optional arguments at the end. So boards whose versions differ in
optional arguments can call each other, in both directions, if the call does not use them.

A fingerprint covers the names, order and types of the arguments, the type of the result, and the
required fields of records, so that one board can get an optional field before the other. It does
not cover defaults, because a stub omits arguments that equal their default, and the server uses its
own. It does not cover routes, schedules, documentation, literals or limits either.

A result may gain a field. ``contracts.lock`` keeps the earlier forms of a method
(``Method.earlier``): a server accepts them too, and a stub sends the oldest form that has all the
fields which its callers use.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence

from ..model.contract import Argument, Contract, Event, Method
from ..model.types import Field, Type

METHOD_DIGITS = 8  # hexadecimal; 32 bits distinguish the few versions of one method
SERVICE_DIGITS = 12
_FIELD = re.compile(r"(\w+): ")


def method_fingerprint(method: Method) -> str:
    """Return the fingerprint of a method with all of its arguments: 8 hex digits."""
    return _digest(_form(method, method.arguments), METHOD_DIGITS)


def honoured_fingerprints(method: Method) -> tuple[str, ...]:
    """Return the fingerprints that a server with ``method`` accepts, its own first."""
    return tuple(_digest(form, METHOD_DIGITS) for form in honoured_forms(method))


def honoured_forms(method: Method) -> tuple[str, ...]:
    """Return the texts whose fingerprints a server accepts; the one with all arguments first."""
    counts = range(len(method.arguments), required_count(method) - 1, -1)
    return (*(_form(method, method.arguments[:count]) for count in counts), *method.earlier)


def accepted_fingerprints(method: Method, count: int) -> tuple[str, ...]:
    """Return the fingerprints that a server accepts for a call with ``count`` arguments."""
    earlier = (form for form in method.earlier if _count(form) == count)
    forms = (_form(method, method.arguments[:count]), *earlier)
    return tuple(_digest(form, METHOD_DIGITS) for form in forms)


def sent_fingerprint(method: Method, count: int, used: Callable[[str], bool]) -> str:
    """Return the fingerprint that a caller sends with the first ``count`` arguments.

    Args:
        method: The called method.
        count: How many arguments the call has.
        used: Returns whether the caller uses a field of that name.
    """
    own = _form(method, method.arguments[:count])
    start = f"{method.name}({_known(method.arguments[:count])}) -> "
    for form in method.earlier:
        if form.startswith(start) and not any(map(used, _gained(form, own, len(start)))):
            return _digest(form, METHOD_DIGITS)
    return _digest(own, METHOD_DIGITS)


def required_count(method: Method) -> int:
    """Return how many arguments a call must have."""
    return sum(argument.default is None for argument in method.arguments)


def _count(form: str) -> int:
    """Return the number of arguments in a form."""
    depth = count = 0
    text = form.partition("(")[2]
    for sign in text:
        if not depth and sign in ",)":
            count += 1
        if not depth and sign == ")":
            break
        depth += (sign in "([{") - (sign in ")]}")
    return 0 if text.startswith(")") else count


def _gained(before: str, now: str, start: int) -> Counter[str]:
    """Return the fields that the result ``now`` has and ``before`` did not have."""
    names = (Counter(_FIELD.findall(form[start:])) for form in (now, before))
    return next(names) - next(names)


def short_fingerprint(fingerprint: str) -> int:
    """Return the lowest 30 bits of a fingerprint, as a frame carries it: a small int on a chip."""
    return int(fingerprint, 16) & 0x3FFFFFFF


def service_fingerprint(contract: Contract) -> str:
    """Return 12 hexadecimal digits that change with every change a caller of the contract can see.

    They cover each method like ``method_fingerprint``, and also which arguments are optional, and
    the routes. The order of the methods in the source does not matter.
    """
    lines = [line for method in contract.methods for line in _lines(method)]
    return _digest("\n".join(sorted(lines)), SERVICE_DIGITS)


def signature(method: Method) -> str:
    """``(fridge: str, limit: int?) -> list[dict]``: a method in one line, ``?`` for optional.

    It has ``yields`` instead of ``->`` if the response comes in chunks; peers cannot call that.
    """
    return _signature(method, str)


def _signature(method: Method, text: Callable[[Type], str]) -> str:
    arrow = "yields" if method.streamed else "->"
    arguments = (
        f"{a.name}: {text(a.type)}{'?' * (a.default is not None)}" for a in method.arguments
    )
    return f"({', '.join(arguments)}) {arrow} {text(method.returns)}"


def route_lines(method: Method) -> tuple[str, ...]:
    """A method's routes as a client writes them: ``GET /alerts/<fridge>``."""
    return tuple(sorted(f"{route.verb} {route.path}" for route in method.routes))


def _form(method: Method, arguments: Sequence[Argument]) -> str:
    return f"{method.name}({_known(arguments)}) -> {_relied_on(method.returns)}"


def _known(arguments: Sequence[Argument]) -> str:
    return ", ".join(f"{a.name}: {_relied_on(a.type)}" for a in arguments)


def _relied_on(type_: Type) -> str:
    """The part of a type that both sides rely on: the plain type and a record's required fields."""
    return _shape(type_, lambda field: field.required, limited=False)


def _whole(type_: Type) -> str:
    """A type with all the fields of its records."""
    return _shape(type_, lambda field: True, limited=True)


def _shape(type_: Type, counts: Callable[[Field], bool], limited: bool) -> str:
    """A type as text. The name of a record and the order of its fields do not matter."""
    if type_.fields is not None:
        fields = sorted((f for f in type_.fields if counts(f)), key=lambda field: field.name)
        parts = (
            f"{f.name}{'?' * (not f.required)}: {_shape(f.type, counts, limited)}" for f in fields
        )
        return "{" + ", ".join(parts) + "}"
    if not limited and (type_.choices or type_.limits):
        return type_.plain
    parts = (_shape(part, counts, limited) for part in type_.args)
    return type_.text(parts)


def fields_form(event: Event) -> str:
    """The text of an event that publisher and subscribers rely on: its fields without a default.

    A field with a default may be there on one side only.
    """
    required = sorted((f for f in event.fields if f.default is None), key=lambda f: f.name)
    return f"{event.name}({_known(required)})"


def event_fingerprint(event: Event) -> str:
    """Return 8 hexadecimal digits that change with every change a subscriber can see."""
    fields = sorted(event.fields, key=lambda f: f.name)
    text = ", ".join(f"{f.name}{'?' * (f.default is not None)}: {_whole(f.type)}" for f in fields)
    return _digest(f"{event.name}({text})", METHOD_DIGITS)


def _lines(method: Method) -> list[str]:
    own = f"{method.name}{_signature(method, _whole)}"
    return [own, *(f"{own} at {route}" for route in route_lines(method))]


def _digest(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
