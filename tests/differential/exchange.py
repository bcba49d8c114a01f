"""Raw requests to a server, and its answers without the parts that HTTP lets a server choose."""

from __future__ import annotations

import gzip
import socket
from dataclasses import dataclass, field

from tests.helpers.running import read_all

FRAMING = ("connection", "content-length", "transfer-encoding")
STANDARD_REASONS = ("OK", "N/A", "")  # all that Microdot adds


@dataclass
class Answer:
    """The parts of an answer that a client's program sees, and how they were sent."""

    interim: list[int] = field(default_factory=list)  # statuses before the final one
    version: str = ""
    status: int = 0  # 0: the connection was closed without an answer
    reason: str = ""
    headers: dict[str, list[str]] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = True  # by its framing, if there is one
    extra: bytes = b""  # what came after the end of the body

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


def exchange(address: tuple[str, int], request: bytes, until: bytes | None = None) -> Answer:
    """Send a request and read the answer to its end, or until it contains ``until``."""
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


def parse(data: bytes, head_only: bool = False) -> Answer:
    """Parse an answer. Bytes that are not HTTP become the body, with status 0."""
    answer = Answer()
    while True:
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/"):
            answer.body = data
            return answer
        answer.version, answer.status = words[0], int(words[1])
        answer.reason = words[2] if len(words) > 2 else ""
        if not 100 <= answer.status < 200 or answer.status == 101:
            break
        answer.interim.append(answer.status)
        data = rest
    for line in lines[1:]:
        name, _, value = line.partition(":")
        answer.headers.setdefault(name.strip().lower(), []).append(value.strip())
    _take_body(answer, rest, head_only)
    return answer


def _take_body(answer: Answer, data: bytes, head_only: bool) -> None:
    if head_only or answer.status in (204, 304):
        answer.extra = data
    elif "transfer-encoding" in answer.headers:
        answer.complete = False
        while data:
            size, _, data = data.partition(b"\r\n")
            length = int(size, 16)
            answer.body += data[:length]
            data = data[length + 2 :]
            if length == 0:
                answer.complete, answer.extra = True, data
                return
    elif "content-length" in answer.headers:
        length = int(answer.headers["content-length"][0])
        answer.body, answer.extra = data[:length], data[length:]
        answer.complete = len(answer.body) == length
    else:
        answer.body = data
