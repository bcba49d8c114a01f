"""The document of a service: its paths, their operations, and what each takes and answers."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace

from ...model.contract import Argument, Contract, Method, Route
from ...model.plan import PlacedService, Plan
from ..fingerprint import service_fingerprint
from ..lock import read_lock
from .schema import JSON, Schema, answers, component, literal, record_schema, schema

VERSION = "3.1.0"
_WITH_BODY = ("POST", "PUT")
_STATUS = re.compile(r"\b[45]\d\d\b")
_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}},
    "required": ["error"],
}
# The listener's own responses to any request.
_ANY_ERROR = {
    "4XX": ("Refused", "The request is not understood or not allowed; the text says why."),
    "5XX": ("Failed", "The service failed, did not start, or its board is busy."),
}
_MEANINGS = {
    "400": "An argument is missing or is not what was expected; the text names it.",
    "404": "There is no such thing.",
    "503": "It is not available now.",
}


def documents(plan: Plan) -> dict[str, Schema]:
    """The documents of all services that have a port.

    Raises ``UserError`` for a ``contracts.lock`` that cannot be read.
    """
    versions = {name: entry.version for name, entry in (read_lock(plan.cluster.root) or {}).items()}
    placed = {s.name: s for board in plan.boards for s in board.services if s.port}
    return {
        name: document(plan.cluster.name, service, versions.get(name, 0))
        for name, service in placed.items()
    }


def document(cluster: str, service: PlacedService, version: int) -> Schema:
    """The OpenAPI document of a service, to be served by the service's port itself.

    ``version`` is the contract's in ``contracts.lock`` (0: it is in none). Only routes are in it:
    what a Microdot application answers in addition is in no contract.
    """
    contract = service.contract
    return {
        "openapi": VERSION,
        "info": {
            "title": f"{cluster}: {service.name}",
            "description": contract.doc,
            "version": str(version),
            "x-torpor-fingerprint": service_fingerprint(contract),
        },
        "paths": _paths(contract),
        "components": {
            "schemas": {"Error": _ERROR, **_records(contract)},
            "responses": {name: _error(meaning) for name, meaning in _ANY_ERROR.values()},
        },
    }


def _records(contract: Contract) -> Schema:
    """The records of the routes."""
    routed = tuple(method for method in contract.methods if method.routes)
    records = replace(contract, methods=routed).records.values()
    return {component(record): record_schema(record) for record in records}


def _paths(contract: Contract) -> Schema:
    paths: Schema = {}
    for method in contract.methods:
        for route in method.routes:
            path = re.sub(r"<(\w+)>", r"{\1}", route.path)
            paths.setdefault(path, {})[route.verb.lower()] = _operation(contract, method, route)
    return paths


def _operation(contract: Contract, method: Method, route: Route) -> Schema:
    summary, _, description = inspect.cleandoc(method.doc).partition("\n")
    first = method.routes.index(route) == 0
    found: Schema = {
        "operationId": method.name if first else f"{method.name}_{method.routes.index(route) + 1}",
        "tags": [contract.service],
        "summary": summary,
    }
    if description.strip():
        found["description"] = description.strip()
    in_body = [a for a in method.arguments if a.name not in route.parameters]
    if route.verb in _WITH_BODY and in_body:
        found["requestBody"] = _body(in_body)
        in_body = []
    parameters = [_in_path(a) for a in method.arguments if a.name in route.parameters]
    parameters += [_in_query(argument) for argument in in_body]
    if parameters:
        found["parameters"] = parameters
    found["responses"] = _responses(method, route)
    return found


def _in_path(argument: Argument) -> Schema:
    kind = schema(argument.type)
    if kind.get("type") == "string" and "enum" not in kind:
        # An empty segment is the end of another path, not a value.
        kind["minLength"] = max(1, kind.get("minLength", 1))
    return {"name": argument.name, "in": "path", "required": True, "schema": kind}


def _in_query(argument: Argument) -> Schema:
    found: Schema = {"name": argument.name, "in": "query", "required": argument.default is None}
    kind = argument.type.value
    if kind.plain in ("list", "dict"):  # comes as JSON text
        return {**found, "content": {JSON: {"schema": schema(kind)}}}
    # A query cannot say null, so what may be None is simply left out.
    return {**found, "schema": _with_default(schema(kind), argument)}


def _body(arguments: list[Argument]) -> Schema:
    required = [argument.name for argument in arguments if argument.default is None]
    fields = {a.name: _with_default(schema(a.type), a) for a in arguments}
    kind: Schema = {"type": "object", "properties": fields}
    if required:
        kind["required"] = required
    return {"required": bool(required), "content": {JSON: {"schema": kind}}}


def _with_default(kind: Schema, argument: Argument) -> Schema:
    value = ... if argument.default is None else literal(argument.default)
    return kind if value in (..., None) else {**kind, "default": value}


def _responses(method: Method, route: Route) -> Schema:
    found: Schema = dict(answers(method.returns, route.content_type))
    named = set(_STATUS.findall(method.doc)) | ({"400"} if method.arguments else set())
    for status in sorted(named):
        found[status] = _error(_MEANINGS.get(status, "See the description."))
    for status, (name, _) in _ANY_ERROR.items():
        found[status] = {"$ref": f"#/components/responses/{name}"}
    return found


def _error(meaning: str) -> Schema:
    reference = {"$ref": "#/components/schemas/Error"}
    return {"description": meaning, "content": {JSON: {"schema": reference}}}
