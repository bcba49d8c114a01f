"""Malformed and hostile requests: a 4xx or a closed connection, and the board keeps running."""

from __future__ import annotations

import socket

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.running import Running, read_all

_VALID = (
    b"PUT /items/x?limit=1 HTTP/1.1\r\nHost: x\r\n"
    b"Content-Type: application/json\r\nContent-Length: 11\r\n\r\n"
)

_junk = st.binary(max_size=300)
_names = st.sampled_from(
    [b"Host", b"Content-Length", b"Transfer-Encoding", b"Connection", b"Expect", b"X", b"", b"A B"]
)
_values = st.one_of(
    st.sampled_from(
        [b"", b"x", b"-1", b"0x10", b"99999999999999999999", b"chunked", b"gzip, chunked", b"1, 1"]
    ),
    st.binary(max_size=40),
)
_lines = st.one_of(
    st.sampled_from([b"GET / HTTP/1.1", b"GET /%00 HTTP/1.1", b"PUT /items/x HTTP/1.1", b"GET"]),
    st.builds(
        lambda verb, target, version: b"%s %s %s" % (verb, target, version),
        st.sampled_from([b"GET", b"PUT", b"BREW", b"", b"GET GET"]),
        st.binary(max_size=60),
        st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9.9", b"HTTP", b""]),
    ),
)


@st.composite
def _requests(draw: st.DrawFn) -> bytes:
    headers = draw(st.lists(st.tuples(_names, _values), max_size=5))
    end = draw(st.sampled_from([b"\r\n", b"\n", b"\r"]))
    head = end.join([draw(_lines), *(b"%s: %s" % header for header in headers), b"", b""])
    return head + draw(_junk)


@st.composite
def _mutations(draw: st.DrawFn) -> bytes:
    data = bytearray(_VALID + b'{"value":1}')
    for _ in range(draw(st.integers(1, 5))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(1, len(data)))])


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.one_of(_junk, _requests(), _mutations()))
def test_hostile_requests(board: Running, data: bytes) -> None:
    with board.connect("items") as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the board has closed already
        answer = read_all(sock)
    # A mutation may leave a valid request; only an internal error is always wrong.
    statuses = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert all(status < 500 or status == 505 for status in statuses), (data, answer)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 "), (data, answer)


def test_the_board_answers_afterwards(board: Running) -> None:
    with board.client("items") as client:
        assert client.get("/list").json() == [1, 2, 3]
    assert board.sim.board("box").starts == 1
