"""``contracts.lock``: the released contracts, next to ``cluster.toml`` and under git.

Each service has a table: the version of its contract, its fingerprint, and a table per method.
Tables of other parts of torpor, such as ``migrations``, are next to ``methods`` and do not change.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit

from ..errors import Problem, UserError, Where
from ..model.contract import Argument, Contract, Event, Method, Route
from ..model.types import Field, Type
from ..project.document import Document
from .event_changes import promised
from .fingerprint import event_fingerprint, method_fingerprint, route_lines, service_fingerprint
from .shapes import from_text

NAME = "contracts.lock"
_HEAD = """\
What the services have promised; commit it. `torpor check` refuses what would break a caller.
Written by `torpor contracts lock` and `torpor contracts bump`: of two versions that git cannot
merge take either one, then run `torpor contracts lock`."""


@dataclass(frozen=True)
class Locked:
    """A service's entry. ``extra`` has the tables next to ``methods``, such as ``migrations``."""

    contract: Contract
    version: int = 1  # grows when a breaking change is accepted
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_contract(self) -> bool:
        """Whether the contract is recorded; otherwise the entry exists only for ``extra``."""
        return bool(self.contract.class_name)


def read_lock(root: Path) -> dict[str, Locked] | None:
    """The entries of ``root/contracts.lock``, or None if there is no such file.

    Raises ``UserError`` for a file that does not have the form that ``write_lock`` writes.
    """
    if not (root / NAME).is_file():
        return None
    try:
        document = Document(root / NAME, NAME)
    except UserError as error:
        remedy = "restore the last version from git, then run: torpor contracts lock"
        raise UserError([Problem(p.where, p.what, remedy) for p in error.problems]) from None
    services = document.take((), document.data, "services", dict, {})
    found = {name: _locked(document, name, value) for name, value in services.items()}
    if document.problems:
        raise UserError(document.problems)
    return found


def write_lock(root: Path, entries: Mapping[str, Locked]) -> None:
    """Replace ``root/contracts.lock`` atomically; the same entries produce the same bytes."""
    text = tomlkit.document()
    for line in _HEAD.splitlines():
        text.add(tomlkit.comment(line))
    text.add(tomlkit.nl())
    text.add("services", tomlkit.item({name: _table(entries[name]) for name in sorted(entries)}))
    handle, name = tempfile.mkstemp(prefix=f".{NAME}.", dir=root)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(tomlkit.dumps(text))
    os.chmod(name, 0o644)
    os.replace(name, root / NAME)


def read_migrations(root: Path) -> dict[str, dict[str, str]]:
    """The recorded migrations of each service: file name -> hash. Raises ``UserError``."""
    entries = read_lock(root) or {}
    return {name: dict(locked.extra.get("migrations", {})) for name, locked in entries.items()}


def _table(locked: Locked) -> dict[str, Any]:
    contract = locked.contract
    table: dict[str, Any] = {}
    if locked.has_contract:
        table = {
            "class": contract.class_name,
            "version": locked.version,
            "fingerprint": service_fingerprint(contract),
            **_records_table(contract),
            **_events_table(contract),
            "methods": {
                m.name: _method_table(m) for m in sorted(contract.methods, key=lambda m: m.name)
            },
        }
    return {**table, **locked.extra}


def _events_table(contract: Contract) -> dict[str, Any]:
    events = sorted(promised(contract).items())
    table = {
        name: {
            "fingerprint": event_fingerprint(event),
            "fields": [_argument_text(field) for field in event.fields],
        }
        for name, event in events
    }
    return {"events": table} if table else {}


def _records_table(contract: Contract) -> dict[str, Any]:
    in_events = (r for e in promised(contract).values() for f in e.fields for r in f.type.records)
    records = sorted({**contract.records, **{record.name: record for record in in_events}}.items())
    table = {name: {f.name: str(f) for f in record.fields or ()} for name, record in records}
    return {"records": table} if table else {}


def _method_table(method: Method) -> dict[str, Any]:
    table: dict[str, Any] = {"fingerprint": method_fingerprint(method)}
    arguments = [_argument_text(argument) for argument in method.arguments]
    for key, value in (("arguments", arguments), ("routes", list(route_lines(method)))):
        if value:
            table[key] = value
    table["returns"] = str(method.returns)
    if method.streamed:
        table["streamed"] = True
    if method.earlier:
        table["earlier"] = list(method.earlier)
    return table


def _argument_text(argument: Argument) -> str:
    default = "" if argument.default is None else f" = {argument.default}"
    return f"{argument.name}: {argument.type}{default}"


def _locked(document: Document, service: str, value: Any) -> Locked:
    path = ("services", service)
    if not isinstance(value, dict):
        document.report(path, f"{service}: expected a table, got {value!r}")
        value = {}
    methods = document.take(path, value, "methods", dict, {})
    records = _records(document.take(path, value, "records", dict, {}))
    contract = Contract(
        service,
        document.take(path, value, "class", str, ""),
        document.where(*path),
        tuple(_method(document, (*path, "methods", n), m, records) for n, m in methods.items()),
        (),
        events=tuple(_events(document, path, value, service, records)),
    )
    own = ("class", "version", "fingerprint", "methods", "records", "events")
    extra = {key: item for key, item in value.items() if key not in own}
    return Locked(contract, document.take(path, value, "version", int, 1), extra)


def _events(
    document: Document,
    path: tuple[str, ...],
    value: dict[str, Any],
    service: str,
    records: Mapping[str, Type],
) -> Iterator[Event]:
    for name, table in document.take(path, value, "events", dict, {}).items():
        where = document.where(*path, "events", name)
        texts = document.take((*path, "events", name), table, "fields", list, [])
        fields = tuple(_argument(str(text), where, records) for text in texts)
        yield Event(name, service, fields, where)


def _records(tables: Mapping[str, Any]) -> dict[str, Type]:
    """The records of an entry; the name of an unknown record in one remains text."""
    known: dict[str, Type] = {}
    for _ in tables:  # a record may come before one that it contains
        known = {
            name: Type(name, fields=tuple(_field(n, str(t), known) for n, t in table.items()))
            for name, table in tables.items()
            if isinstance(table, dict)
        }
    return known


def _field(name: str, text: str, records: Mapping[str, Type]) -> Field:
    required = not text.startswith("NotRequired[")
    return Field(name, from_text(text if required else text[12:-1], records), required)


def _method(
    document: Document, path: tuple[str, ...], table: Any, records: Mapping[str, Type]
) -> Method:
    if not isinstance(table, dict):
        document.report(path, f"{path[-1]}: expected a table, got {table!r}")
        table = {}
    where = document.where(*path)
    arguments = document.take(path, table, "arguments", list, [])
    routes = document.take(path, table, "routes", list, [])
    return Method(
        path[-1],
        tuple(_argument(str(text), where, records) for text in arguments),
        from_text(document.take(path, table, "returns", str, ""), records),
        where,
        tuple(Route(verb, at, where) for verb, _, at in (str(r).partition(" ") for r in routes)),
        streamed=document.take(path, table, "streamed", bool, False),
        earlier=tuple(map(str, document.take(path, table, "earlier", list, []))),
    )


def _argument(text: str, where: Where, records: Mapping[str, Type]) -> Argument:
    """The argument that ``_argument_text`` wrote; no type has an equals sign."""
    name, _, rest = text.partition(": ")
    kind, equals, default = rest.partition(" = ")
    return Argument(name, from_text(kind, records), default if equals else None, where)
