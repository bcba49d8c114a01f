"""A load generator: several connections, each with one request in flight.

It is in Python, so that nothing has to be installed. It sends over 50,000 requests a second; the
servers that it measures respond to 40,000 at most. It compares every response with the first one.
"""

from __future__ import annotations

import _socket
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

Address = tuple[str, int]
TIMEOUT_S = 5


@dataclass(frozen=True)
class Load:
    """The responses of a run."""

    rps: float  # responses a second
    latencies: Sequence[float]  # seconds, sorted, one for each response

    def percentile(self, share: float) -> float:
        """Return the latency that ``share`` (0 to 1) of the responses do not exceed."""
        return self.latencies[int(share * (len(self.latencies) - 1))]


def load(
    address: Address,
    path: str,
    *,
    connections: int = 1,
    seconds: float = 0.5,
    close: bool = False,
) -> Load:
    """Request ``path`` for ``seconds``; the server may close a connection after each response.

    Raises ``RuntimeError`` if a response differs from the first one.
    """
    ending = "Connection: close\r\n" if close else ""
    request = f"GET {path} HTTP/1.1\r\nHost: board\r\n{ending}\r\n".encode()
    expected, closes = _first(address, request)
    with select.epoll() as poll:
        clients: dict[int, _Client] = {}
        for _ in range(connections):
            client = _Client(address, request, poll)
            clients[client.number] = client
        latencies: list[float] = []
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            events = poll.poll(TIMEOUT_S)
            if not events:
                raise RuntimeError(
                    f"no response within {TIMEOUT_S} s after {len(latencies)} responses"
                )
            for number, _ in events:
                client = clients[number]
                if client.connecting:
                    client.connected()
                    continue
                if not client.take(expected):
                    continue
                latencies.append(time.perf_counter() - client.asked)
                if closes:
                    clients.pop(number).sock.close()
                    client = _Client(address, request, poll)
                    clients[client.number] = client
                else:
                    client.ask()
        elapsed = time.perf_counter() - began
        for client in clients.values():
            client.sock.close()
    return Load(len(latencies) / elapsed, sorted(latencies))


class _Client:
    """A connection with one request in flight."""

    def __init__(self, address: Address, request: bytes, poll: select.epoll) -> None:
        self.request = request
        self.poll = poll
        # Without the class around it, which would double the cost. Because the socket does not
        # block, a server with a full backlog delays only this client.
        self.sock = _socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.asked = time.perf_counter()
        self.sock.connect_ex(address)
        self.number = self.sock.fileno()
        self.data = b""
        try:
            self.sock.send(request)  # a local connection is usually open already
            self.connecting = False
            poll.register(self.number, select.EPOLLIN)
        except BlockingIOError:
            self.connecting = True
            poll.register(self.number, select.EPOLLOUT)

    def connected(self) -> None:
        """Send the first request of a connection that could not be opened at once."""
        self.connecting = False
        self.poll.modify(self.number, select.EPOLLIN)
        self.sock.send(self.request)

    def ask(self) -> None:
        """Send the next request."""
        self.data = b""
        self.asked = time.perf_counter()
        self.sock.send(self.request)

    def take(self, expected: bytes) -> bool:
        """Read the bytes that have arrived; return whether the response is complete.

        Raises ``RuntimeError`` if they are not those of the expected response.
        """
        data = self.sock.recv(65536)
        self.data = self.data + data if self.data else data
        if self.data == expected:
            return True
        if not data or len(self.data) >= len(expected):
            raise RuntimeError(f"expected {expected!r}, got {self.data!r}")
        return False


def _first(address: Address, request: bytes) -> tuple[bytes, bool]:
    """Return a response, and whether the server closes the connection after it."""
    with socket.create_connection(address, timeout=TIMEOUT_S) as sock:
        sock.sendall(request)
        response = b""
        while not _is_complete(response):
            data = sock.recv(65536)
            if not data:
                raise RuntimeError(f"the connection ended after {response!r}")
            response += data
        if b" 200 " not in response.partition(b"\r\n")[0]:
            raise RuntimeError(f"expected 200, got {response!r}")
        sock.settimeout(0.3)
        try:
            return response, sock.recv(1) == b""
        except TimeoutError:
            return response, False


def _is_complete(response: bytes) -> bool:
    head, end, body = response.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return bool(end) and len(body) >= int(value)
    return False
