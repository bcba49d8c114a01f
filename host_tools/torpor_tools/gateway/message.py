"""The messages at the broker: requests with their envelopes, answers, status of boards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httptools

Header = tuple[bytes, bytes]

# Hop-by-hop fields: RFC 9110, 7.6.1 and 11.7, RFC 9113, 3.2.1 (HTTP2-Settings).
_HOP_BY_HOP = {
    b"connection", b"http2-settings", b"keep-alive", b"proxy-authenticate",
    b"proxy-authentication-info", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade",
}  # fmt: skip
# Fields that the gateway handles or writes itself.
_OURS = {b"content-length", b"expect", b"prefer", b"idempotency-key", b"torpor-board"}
_NOT_PASSED = _HOP_BY_HOP | _OURS
_NOT_PARKED = {b"user-agent", b"cache-control"}  # a board ignores them
ASKED = b"held"  # a board's answer to an envelope with ``held``: it asks for the request
MOST_HEAD = 4000  # bytes; the board accepts 4,096
MOST_BODY = 16_384


@dataclass(frozen=True)
class Topics:
    """The names of a cluster's topics."""

    cluster: str

    def inbox(self, board: str) -> str:
        return f"torpor/{self.cluster}/{board}/in"

    def answer(self, id: str) -> str:
        return f"torpor/{self.cluster}/answers/{id}"

    def key(self, id: str) -> str:
        return f"torpor/{self.cluster}/keys/{id}"

    def update(self, board: str) -> str:
        return f"torpor/{self.cluster}/{board}/update"

    def status(self, board: str) -> str:
        return f"torpor/{self.cluster}/{board}/status"

    def report(self, board: str) -> str:
        return f"torpor/{self.cluster}/{board}/report"

    @property
    def echo(self) -> str:
        """The topic below which each gateway sends messages to itself."""
        return f"torpor/{self.cluster}/gateways"

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The topics that a gateway subscribes to."""
        base = f"torpor/{self.cluster}"
        boards = (f"{base}/+/status", f"{base}/+/lost", f"{base}/+/dead/+")
        return (f"{base}/answers/+", f"{base}/keys/+", f"{base}/events/+", *boards)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer that came through the broker."""

    status: int
    headers: tuple[Header, ...]
    body: bytes


@dataclass(frozen=True)
class Status:
    """The newest status message of a board.

    Attributes:
        state: "awake" or "asleep" as the board reported, or "lost" if that connection broke off.
        address: Its address while it is awake.
        wakes_at: When it will wake, in Unix time; None if that is not known.
        fresh: A name for the board's new session, if the broker had lost the previous one.
        connection: The name of the board's connection to the broker. The broker publishes it under
            ``lost`` when that connection breaks off.
        figures: The figures that the board sent when it last went to sleep, if it counts any.
        figures_at: When they came, in Unix time.
    """

    state: str
    address: str = ""
    wakes_at: float | None = None  # Unix time; None: not known
    fresh: str = ""
    connection: str = ""
    figures: dict[str, Any] | None = None
    figures_at: float = 0.0


def end_to_end(headers: Iterable[Header]) -> list[Header]:
    """Return the headers without those that concern one connection only (RFC 9110, 7.6.1)."""
    headers = list(headers)
    dropped = _NOT_PASSED
    for name, value in headers:
        if name.lower() == b"connection":
            named = {option.strip().lower() for option in value.split(b",")}
            dropped = dropped | (named - {b"host"})  # every request needs its host
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def response_problem(headers: Iterable[Header]) -> str:
    """Return why the end of a response is ambiguous, or an empty text."""
    codings = [value.lower() for name, value in headers if name.lower() == b"transfer-encoding"]
    if codings and codings != [b"chunked"]:
        return "its Transfer-Encoding is not chunked"
    return ""


def first_label(headers: Iterable[Header]) -> str:
    """Return the first label of ``Host``, up to a dot; an empty text if there is no ``Host``."""
    hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
    return hosts[0].split(".")[0] if hosts else ""


def request_head(verb: str, target: bytes, headers: Iterable[Header]) -> bytes:
    """Return the head of a request. ``Host`` is added if there is none, as in HTTP/1.0."""
    lines = [verb.encode() + b" " + target + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in headers]
    if not any(line[:5].lower() == b"host:" for line in lines[1:]):
        lines.append(b"Host:")  # RFC 9112, 3.2: empty where no host is known
    return b"\r\n".join([*lines, b"", b""])


def head(verb: str, target: bytes, headers: Iterable[Header], length: int) -> bytes:
    """Return the head of a request as a board gets it from its mailbox."""
    passed = [header for header in end_to_end(headers) if header[0].lower() not in _NOT_PARKED]
    if length:
        passed.append((b"Content-Length", b"%d" % length))
    return request_head(verb, target, passed)


def envelope(id: str, reply: str, until: float, service: str, *, held: bool | None = None) -> bytes:
    """Return the line before a parked request.

    Args:
        id: The request's id.
        reply: The topic for the answer.
        until: Unix time after which the board does not execute the request.
        service: The service that the request is for.
        held: If given, no request follows: the gateway sends it when the board asks for it (True),
            or will not send it (False).
    """
    line: dict[str, str | int] = {
        "id": id,
        "reply": reply,
        "until": int(until),
        "service": service,
    }
    if held is not None:
        line["held"] = int(held)
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def fingerprint(verb: str, target: bytes, body: bytes) -> str:
    """Return a hash that requests with the same ``Idempotency-Key`` must share."""
    return hashlib.sha256(b"\0".join([verb.encode(), target, body])).hexdigest()[:32]


def answer(data: bytes) -> Answer:
    """Read a response. Raises ``ValueError`` if it is not exactly one complete response."""
    reader = _Reader()
    try:
        reader.parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        raise ValueError(str(error)) from None
    if reader.problem or not reader.is_whole:
        raise ValueError(reader.problem or "the response is not complete")
    return Answer(reader.status, tuple(end_to_end(reader.headers)), reader.body)


class _Reader:
    """Collects the parts that llhttp finds in a response."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[Header] = []
        self.body = b""
        self.is_whole = False
        self.problem = ""
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        if self.is_whole:
            self.problem = "there is data after the response"

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self.parser.get_status_code() < 200:
            self.headers = []
            return
        self.status = self.parser.get_status_code()
        self.problem = self.problem or response_problem(self.headers)
        names = {name for name, _ in self.headers}
        # Without a length a response ends with the data.
        self.is_whole = names.isdisjoint({b"content-length", b"transfer-encoding"})

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.is_whole = bool(self.status)


def status(data: bytes, now: float) -> Status:
    """Read a board's status, received at the Unix time ``now``. Raises ``ValueError``."""
    fields = json.loads(data)
    if not isinstance(fields, dict) or fields.get("state") not in ("awake", "asleep"):
        raise ValueError("not a status")
    wakes_at = None
    ms = fields.get("ms", -1)
    if fields["state"] == "asleep" and isinstance(ms, int) and ms >= 0:
        wakes_at = min(float(fields.get("at", now)), now) + ms / 1000
    fresh = str(fields.get("fresh") or "")
    address = str(fields.get("address") or "")
    connection = str(fields.get("connection") or "")
    figures = fields.get("metrics")
    figures = figures if isinstance(figures, dict) else None
    figures_at = now if figures else 0.0
    return Status(fields["state"], address, wakes_at, fresh, connection, figures, figures_at)
