"""Raw requests to a server, and its responses without the parts that HTTP lets a server choose."""

from __future__ import annotations

import gzip
import socket
from dataclasses import dataclass, field

from tests.helpers.running import read_all

FRAMING = ("connection", "content-length", "transfer-encoding")
STANDARD_REASONS = ("OK", "N/A", "")  # the only ones that Microdot adds


@dataclass
class Response:
    """A response as a client's program sees it, and how it was framed."""

    interim: list[int] = field(default_factory=list)  # statuses before the final one
    version: str = ""
    status: int = 0  # 0: the connection was closed without a response
    reason: str = ""
    headers: dict[str, list[str]] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = True  # according to its framing, if it has one
    extra: bytes = b""  # bytes after the end of the body

    def fields(self) -> dict[str, object]:
        """Return the values to compare, by name."""
        body = self.body
        if self.headers.get("content-encoding") == ["gzip"] and body:
            body = gzip.decompress(body)
        values: dict[str, object] = {
            "interim": self.interim,
            "status": self.status,
            "body": body.decode("utf-8", "backslashreplace"),
            "complete": self.complete,
            "extra": self.extra.decode("utf-8", "backslashreplace"),
        }
        for name, lines in self.headers.items():
            if name == "vary":  # a set: Microdot writes it in any order
                lines = sorted({part.strip() for line in lines for part in line.split(",")})
            if name not in FRAMING:
                values[name] = lines
        return values


def exchange(address: tuple[str, int], request: bytes, until: bytes | None = None) -> Response:
    """Send a request and read the response to its end, or until it contains ``until``."""
    with socket.create_connection(address, timeout=20) as sock:
        try:
            sock.sendall(request)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server has refused it before it was complete
        data = b""
        if until is None:
            data = read_all(sock)
        else:
            while until not in data and (part := sock.recv(65536)):
                data += part
    return parse(data, head_only=request.startswith(b"HEAD "))


def parse(data: bytes, head_only: bool = False) -> Response:
    """Parse a response. Bytes that are not HTTP become the body, with status 0."""
    response = Response()
    while True:
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/"):
            response.body = data
            return response
        response.version, response.status = words[0], int(words[1])
        response.reason = words[2] if len(words) > 2 else ""
        if not 100 <= response.status < 200 or response.status == 101:
            break
        response.interim.append(response.status)
        data = rest
    for line in lines[1:]:
        name, _, value = line.partition(":")
        response.headers.setdefault(name.strip().lower(), []).append(value.strip())
    _take_body(response, rest, head_only)
    return response


def _take_body(response: Response, data: bytes, head_only: bool) -> None:
    if head_only or response.status in (204, 304):
        response.extra = data
    elif "transfer-encoding" in response.headers:
        response.complete = False
        while data:
            size, _, data = data.partition(b"\r\n")
            length = int(size, 16)
            response.body += data[:length]
            data = data[length + 2 :]
            if length == 0:
                response.complete, response.extra = True, data
                return
    elif "content-length" in response.headers:
        length = int(response.headers["content-length"][0])
        response.body, response.extra = data[:length], data[length:]
        response.complete = len(response.body) == length
    else:
        response.body = data
