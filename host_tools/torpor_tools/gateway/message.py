"""What goes through the broker: a request and its envelope, an answer, a board's status."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import h11

Header = tuple[bytes, bytes]

# RFC 9110, 7.6.1, and what is between the client and the gateway only.
_HOP_BY_HOP = {
    b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
    b"upgrade", b"content-length", b"expect", b"prefer", b"idempotency-key", b"torpor-board",
}  # fmt: skip
_NOT_PARKED = {b"user-agent", b"accept-encoding", b"cache-control"}  # a board does not look at them
MOST_HEAD = 4000  # bytes; the board takes 4,096
MOST_BODY = 16_384


@dataclass(frozen=True)
class Topics:
    """The names of a cluster's topics."""

    cluster: str

    def inbox(self, board: str) -> str:
        return f"torpor/{self.cluster}/{board}/in"

    def answer(self, id: str) -> str:
        return f"torpor/{self.cluster}/answers/{id}"

    @property
    def heard(self) -> tuple[str, ...]:
        """What a gateway subscribes to."""
        base = f"torpor/{self.cluster}"
        return (f"{base}/answers/+", f"{base}/+/status", f"{base}/+/dead/+")


@dataclass(frozen=True)
class Answer:
    """An HTTP answer that came through the broker."""

    status: int
    headers: tuple[Header, ...]
    body: bytes


@dataclass(frozen=True)
class Status:
    """What a board has said last of itself: ``state`` is awake, asleep or lost."""

    state: str
    address: str = ""
    wakes_at: float | None = None  # Unix time; None: not known


def end_to_end(headers: Iterable[Header]) -> list[Header]:
    """The headers that are for the other end, and not for us."""
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]


def named(headers: Iterable[Header]) -> set[str]:
    """The boards that a request may be for: what ``Torpor-Board`` and the host's name say."""
    found = set()
    for name, value in headers:
        if name == b"torpor-board":
            found.add(value.decode("latin-1"))
        elif name == b"host":
            found.add(value.decode("latin-1").split(".")[0])
    return found


def request_head(verb: str, target: bytes, headers: Iterable[Header]) -> bytes:
    """The head of a request with just these headers."""
    lines = [verb.encode() + b" " + target + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"", b""])


def head(verb: str, target: bytes, headers: Iterable[Header], length: int) -> bytes:
    """The head of a request as a board gets it from its mailbox."""
    kept = [header for header in end_to_end(headers) if header[0].lower() not in _NOT_PARKED]
    if length:
        kept.append((b"Content-Length", b"%d" % length))
    return request_head(verb, target, kept)


def envelope(id: str, reply: str, until: float, service: str) -> bytes:
    """The line before a parked request."""
    told = {"id": id, "reply": reply, "until": int(until), "service": service}
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


def answer(data: bytes) -> Answer:
    """Read an answer. Raises ``ValueError`` if it is none."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "board")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    connection.receive_data(b"")
    status = 0
    headers: tuple[Header, ...] = ()
    body = b""
    try:
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status, headers = event.status_code, tuple(event.headers)
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif not isinstance(event, h11.InformationalResponse):
                raise ValueError("not an answer")
    except h11.RemoteProtocolError as error:
        raise ValueError(str(error)) from None
    return Answer(status, tuple(end_to_end(headers)), body)


def status(data: bytes, now: float) -> Status:
    """Read a board's status, heard at the Unix time ``now``. Raises ``ValueError``."""
    told = json.loads(data)
    if not isinstance(told, dict) or told.get("state") not in ("awake", "asleep", "lost"):
        raise ValueError("not a status")
    wakes_at = None
    ms = told.get("ms", -1)
    if told["state"] == "asleep" and isinstance(ms, int) and ms >= 0:
        wakes_at = min(float(told.get("at", now)), now) + ms / 1000
    return Status(told["state"], str(told.get("address") or ""), wakes_at)
