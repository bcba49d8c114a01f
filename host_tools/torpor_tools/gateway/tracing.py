"""The gateway's part in traces: a span for each request, and the export of spans as OTLP/JSON.

``Tracer.begin`` and ``Tracer.end`` surround a request. ``Tracer.run`` collects the spans that the
requests caused on boards, and sends all spans to the collector.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import httpx

from ..board.live import traces
from ..board.live.traces import Span
from .client import Request

Collect = Callable[[], Awaitable[list[Span]]]

NAME = "gateway"
EVERY_S = 2.0
_RIPE_US = 500_000
_MOST = 1000  # spans that wait; if the collector does not answer, the oldest are lost
_SENT = 4096  # remembered ids of sent spans
_SERVER = 2  # OTLP's SpanKind
_ERROR = 2  # OTLP's StatusCode
_PARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)  # W3C Trace Context, 3.2

_log = logging.getLogger("torpor.gateway")


class Tracer:
    """Traces the requests that pass through the gateway.

    Args:
        otlp: The collector's address; None: spans are not sent.
        collect: Returns the newest spans of the boards that are awake.
    """

    def __init__(self, otlp: str | None, collect: Collect) -> None:
        self._url = f"{otlp}/v1/traces" if otlp else None
        self._collect = collect
        self._waiting: deque[Span] = deque(maxlen=_MOST)
        self._sent: deque[str] = deque(maxlen=_SENT)
        self._failed = False

    def begin(self, request: Request, service: str) -> tuple[Request, Span | None]:
        """Return the request to pass on, and its span, which is None if it is not recorded.

        A request without a valid ``traceparent`` begins a trace.
        """
        text = (request.header(b"traceparent") or b"").decode("latin-1")
        found = _PARENT.fullmatch(text)
        if found and found[1] == "00" and found[5]:
            found = None  # version 00 ends with its flags
        trace, parent = (found[2], found[3]) if found else (traces.new_trace(), "")
        sampled = not found or bool(int(found[4], 16) & 1)
        id = traces.new_id()
        header = traces.traceparent(trace, id, sampled).encode()
        dropped = (b"traceparent",) if found else (b"traceparent", b"tracestate")
        headers = [(name, value) for name, value in request.headers if name not in dropped]
        passed = replace(request, headers=[*headers, (b"traceparent", header)])
        if not sampled:
            return passed, None
        name = f"{request.verb} {request.path.decode('latin-1')}"
        return passed, Span(trace, id, parent, NAME, service, name, time.time_ns() // 1000, 0, 0)

    def end(self, span: Span, status: int) -> None:
        """Record the end of a request."""
        span.us = time.time_ns() // 1000 - span.start_us
        span.status = status
        if self._url:
            self._waiting.append(span)

    async def run(self) -> None:
        """Send spans forever."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            while True:
                await asyncio.sleep(EVERY_S)
                if roots := self._ripe():
                    await self._send(http, roots)

    def _ripe(self) -> list[Span]:
        """Return the spans that are old enough for the calls they caused to have ended too."""
        before = time.time_ns() // 1000 - _RIPE_US
        roots = []
        while self._waiting and self._waiting[0].start_us + self._waiting[0].us < before:
            roots.append(self._waiting.popleft())
        return roots

    async def _send(self, http: httpx.AsyncClient, roots: list[Span]) -> None:
        spans = [s for s in traces.hang(roots, await self._collect()) if s.id not in self._sent]
        try:
            answer = await http.post(self._url or "", json=otlp(spans))
            answer.raise_for_status()
        except httpx.HTTPError as error:
            if not self._failed:
                _log.warning("the collector at %s does not accept traces: %s", self._url, error)
            self._failed = True
            self._waiting.extendleft(reversed(roots))
            return
        self._failed = False
        self._sent.extend(span.id for span in spans)


def otlp(spans: Iterable[Span]) -> dict[str, Any]:
    """The request to a collector: OTLP/JSON, one resource for each service of a board."""
    by_service: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        by_service.setdefault((span.board, span.service), []).append(span)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(_resource(board, service))},
                "scopeSpans": [{"scope": {"name": "torpor"}, "spans": [*map(_otlp_span, found)]}],
            }
            for (board, service), found in by_service.items()
        ]
    }


def _resource(board: str, service: str) -> dict[str, str]:
    return {"service.name": NAME if board == NAME else service, "host.name": board}


def _otlp_span(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {
        "traceId": span.trace,
        "spanId": span.id,
        "name": span.name,
        "kind": _SERVER,
        "startTimeUnixNano": str(span.start_us * 1000),
        "endTimeUnixNano": str((span.start_us + span.us) * 1000),
        "attributes": [
            {"key": "http.response.status_code", "value": {"intValue": str(span.status)}}
        ],
    }
    if span.parent:
        found["parentSpanId"] = span.parent
    if span.status >= 500:
        found["status"] = {"code": _ERROR}
    return found


def _attributes(values: dict[str, str]) -> Sequence[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]
