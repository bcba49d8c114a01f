"""Chooses the example request that ``torpor sim`` shows for a service."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from ..model.contract import Contract, Method
from ..model.plan import PlacedService, Plan


def curl_line(plan: Plan, service: PlacedService, url: str) -> str:
    """A curl command that ``service`` at ``url`` answers; empty if there is none."""
    path = example_path(service.contract, known_words(plan))
    if path is None:
        return ""
    # An application's page is sent gzipped, as it is stored in the image.
    options = "--compressed " if service.contract.has_app and path == "/" else ""
    return f"curl {options}{shlex.quote(url + path)}"


def example_path(contract: Contract, words: tuple[str, ...]) -> str | None:
    """The path of the first GET route without parameters, or with ones that ``words`` can fill.

    A word fills the parameter whose name it begins with: ``fridge-1`` fills ``<fridge>``.
    """
    paths = (
        _filled(route.segments, words)
        for method in sorted(contract.methods, key=lambda method: method.streamed)
        for route in method.routes
        if route.verb == "GET" and not _required(method, route.parameters)
    )
    return next((path for path in paths if path is not None), "/" if contract.has_app else None)


def known_words(plan: Plan) -> tuple[str, ...]:
    """All keys and strings of the services' settings, in the order of ``cluster.toml``."""
    return tuple(word for service in plan.cluster.services for word in _words(service.config))


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)


def _required(method: Method, parameters: tuple[str, ...]) -> bool:
    return any(a.default is None and a.name not in parameters for a in method.arguments)


def _filled(segments: tuple[str, ...], words: tuple[str, ...]) -> str | None:
    filled = []
    for segment in segments:
        if segment.startswith("<"):
            name = segment[1:-1]
            found = next((word for word in words if re.match(rf"{name}[^a-z]", word)), None)
            if found is None:
                return None
            segment = found
        filled.append(segment)
    return "/" + "/".join(filled)
