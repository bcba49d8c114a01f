"""A service's routes, called from this computer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from ..closing import Closing

_JSON = "application/json"


class Fault(Exception):  # noqa: N818  (what services call it)
    """An error answer of a service: an HTTP status and its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message


class Client(Closing):
    """A service at ``url``; ``timeout`` is in seconds. Use it in a ``with``, or call ``_close``.

    All names begin with an underscore, so that a contract may use any other.
    """

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout, trust_env=False)

    def _close(self) -> None:
        """Close the connection: a board has few."""
        self._http.close()

    def _ask(
        self,
        verb: str,
        path: Sequence[object],
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Any:
        """Call the route; return a JSON value, text, bytes, or None for an empty answer.

        ``path``: its segments. What is None in ``query`` is left out. Raises ``Fault`` for an
        answer that is an error, ``httpx.HTTPError`` if there is none.
        """
        answer = self._http.request(
            verb, segments(path), params=_query(query), json=None if body is None else dict(body)
        )
        _raise_for(answer)
        return _value(answer)

    def _stream(
        self, verb: str, path: Sequence[object], query: Mapping[str, object] | None = None
    ) -> Iterator[str]:
        """The pieces of a streamed answer as they come. Raises as ``_ask``."""
        with self._http.stream(verb, segments(path), params=_query(query)) as answer:
            if answer.status_code >= 400:
                answer.read()
            _raise_for(answer)
            yield from answer.iter_text()


def segments(path: Sequence[object]) -> str:
    """A path made of values, each quoted so that it stays one segment."""
    return "/" + "/".join(quote(_text(part), safe="") for part in path)


def _query(values: Mapping[str, object] | None) -> dict[str, str]:
    return {name: _text(value) for name, value in (values or {}).items() if value is not None}


def _text(value: object) -> str:
    """A value as the boards read it from a path or a query."""
    if isinstance(value, bool | list | dict):
        return json.dumps(value)
    return str(value)


def _raise_for(answer: httpx.Response) -> None:
    if answer.status_code >= 400:
        message = answer.text
        if _is_json(answer):
            said = answer.json()
            message = said.get("error", message) if isinstance(said, dict) else message
        raise Fault(answer.status_code, str(message))


def _value(answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    if _is_json(answer):
        return answer.json()
    kind = answer.headers.get("content-type", "")
    return answer.text if kind.startswith("text/") else answer.content


def _is_json(answer: httpx.Response) -> bool:
    return str(answer.headers.get("content-type", "")).startswith(_JSON)
