"""Nobody can slip a request or a header past the gateway (RFC 9110, 7.6; RFC 9112, 6.3 and 11.2).

Raw bytes from a client on one side, a played board on the other.
"""

from __future__ import annotations

import asyncio
from itertools import permutations

import pytest

from tests.helpers.played_board import GET, GOT, OK, Board, answers, between
from torpor_tools.gateway import message

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
START = b"POST /items HTTP/1.1\r\nHost: x\r\n"
CHUNKS = b"2\r\nhi\r\n0\r\n\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def refused(data: bytes, *statuses: int) -> None:
    """Check that the gateway refuses ``data`` and closes, and the board sees nothing of it."""
    board = Board()
    async with between(board) as client:
        response = await client.all(data)
        assert response.count(b"HTTP/1.1 ") == 1, response
        assert int(response.split()[1]) in (statuses or (400,)), response
        assert b"connection: close" in response
    assert len(board.seen) == 1
    assert b"smuggled" not in b"".join(board.seen)


LENGTHS = [b"Content-Length: 4\r\n", b"Content-Length: 5\r\n", b"content-length:4\r\n"]
CODINGS = [b"Transfer-Encoding: chunked\r\n", b"transfer-encoding:\tChunked\r\n"]


@pytest.mark.parametrize(
    "lines",
    [
        *(b"".join(lines) for lines in permutations([LENGTHS[0], CODINGS[0]])),
        *(b"".join(lines) for lines in permutations([LENGTHS[0], b"X-A: b\r\n", CODINGS[1]])),
        *(b"".join(lines) for lines in permutations([LENGTHS[0], LENGTHS[1]])),
        LENGTHS[0] + LENGTHS[2],
        *(b"Content-Length:" + value + b"\r\n" for value in
          (b" 4, 4", b" 4,5", b" +4", b" -4", b" 0x4", b" 4 4", b"\x0b4", b" 4\x0c", b" 4\x00",
           b" 4_0", b" 99999999999999999999", b" \xb2", b"")),
        b"Content-Length : 4\r\n",
        b" Content-Length: 4\r\n",
        b"X-A: b\r\n Content-Length: 4\r\n",
        b"X-A: b\rContent-Length: 4\r\n",
        b"X-A: b\nContent-Length: 4\n",
        b"Content-Length\x00: 4\r\n",
        *(b"Transfer-Encoding:" + value + b"\r\n" for value in
          (b"\x0bchunked", b" chunked\x0c", b" xchunked", b" chunked\x00", b" chunked;q=1",
           b" \"chunked\"", b" chunked, identity")),
        b"Transfer-Encoding : chunked\r\n",
        b"X: a\x01b\r\n",
        b"X: a\x7f\r\n",
        b"X: a\x0bb\r\n",
        b"X: a\x00b\r\n",
        b"X: \x1b[31m\r\n",
        b"X\x0b: a\r\n",
        b"X(: a\r\n",
        b": a\r\n",
        b"nonsense\r\n",
        b"Host: y\r\n",
    ],
)  # fmt: skip
async def test_heads_that_two_servers_read_in_two_ways(lines: bytes) -> None:
    await refused(START + lines + b"\r\n" + b"0\r\n\r\n" + SMUGGLED, 400, 501)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (START + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS, 501),
        (START + CODINGS[0] * 2 + b"\r\n" + CHUNKS, 400),
        (START + b"Transfer-Encoding: identity\r\n\r\n" + CHUNKS, 501),
        (START.replace(b"1.1", b"1.0") + CODINGS[0] + b"\r\n" + CHUNKS + SMUGGLED, 400),
        (START.replace(b"1.1", b"2.0") + b"\r\n", 505),
        (START.replace(b"Host: x\r\n", b"") + b"\r\n", 400),
        *((START.replace(b"Host: x", b"Host: " + host) + b"\r\n", 400)
          for host in (b"a/b", b"a b", b"u@h", b"a:b", b"[::1", b"a\tb", b"a?b", b"a#b", b"a\\b")),
        *((b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400)
          for target in (b"items", b"/a\x00b", b"/a\tb", b"/a\x0bb", b"/a\xe9", b"/a#b", b"*",
                         b"http://a b/", b"ftp://x/", b"x:80", b"http:///items",
                         b"https://", b"http://?a=b")),
        (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /items\r\n\r\n", 505),
        (b"GE%0aT /items HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (START + b"Expect: a-miracle\r\nContent-Length: 2\r\n\r\n", 417),
        (START + b"Content-Length: 9999999\r\n\r\n", 413),
        (START + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 34\r\n\r\n" + SMUGGLED,
         400),
        (START + b"X: " + b"a" * 70_000, 431),
        (START + b"X: a\r\n" * 15_000, 431),
    ],
)  # fmt: skip
async def test_requests_that_are_refused(data: bytes, status: int) -> None:
    await refused(data, status)


@pytest.mark.parametrize(
    "body",
    [
        b"2;a=\rb\r\nhi\r\n0\r\n\r\n",
        b"2;a=\nb\r\nhi\r\n0\r\n\r\n",
        b"2;a=\x00b\r\nhi\r\n0\r\n\r\n",
        b" 2\r\nhi\r\n0\r\n\r\n",
        b"2 \r\nhi\r\n0\r\n\r\n",
        *[
            b"2" + extension + b"\r\nhi\r\n0\r\n\r\n"
            for extension in (
                *(b" \t;a", b" ;a=b", b"\t;a", b"; a", b";a =b", b";a= b", b";a;\tb", b"; "),
            )
        ],
        b"2\nhi\n0\n\n",
        b"0x2\r\nhi\r\n0\r\n\r\n",
        b"-2\r\nhi\r\n0\r\n\r\n",
        b"\r\nhi\r\n0\r\n\r\n",
        b"2\r\nhi!\r\n0\r\n\r\n",
        b"2\r\nhi0\r\n\r\n",
        b"10000000000000002\r\nhi\r\n0\r\n\r\n",
        b"2\r\nhi\r\n0\r\nnonsense\r\n\r\n",
        b"2\r\nhi\r\n0\r\nX : a\r\n\r\n",
        b"2\r\nhi\r\n0\r\n folded: a\r\n\r\n",
        b"2\r\nhi\r\n0\r\nX: a\x00b\r\n\r\n",
    ],
)
async def test_chunks_that_are_malformed(body: bytes) -> None:
    await refused(START + CODINGS[0] + b"\r\n" + body + SMUGGLED)


async def test_a_refusal_waits_for_the_responses_before_it() -> None:
    async def slowly(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number > 1:
            await board.go.wait()
        await answers(board, number, writer)

    board = Board(slowly)
    async with between(board) as client:
        client.writer.write(GET + b"nonsense\r\n\r\n" + SMUGGLED)
        await asyncio.sleep(0.05)
        board.go.set()
        response = await client.reader.read()
    assert response.startswith(GOT + b"02HTTP/1.1 400 ")
    assert b"smuggled" not in b"".join(board.seen)


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_trailer_is_not_a_header(size: int) -> None:
    """However the request is cut into pieces, the board gets the body and no trailer."""
    data = START + b"X-Own: b\r\nTrailer: Authorization\r\nTransfer-Encoding: chunked\r\n\r\n"
    data += b"2;a=b\r\nhi\r\n0\r\nAuthorization: me\r\nTorpor-Board: shed\r\nX-Own: c\r\n\r\n"
    board = Board()
    async with between(board) as client:
        for start in range(0, len(data), size):
            client.writer.write(data[start : start + size])
            await client.writer.drain()
            await asyncio.sleep(0)
        assert await client.answer() == GOT + b"02"
        assert await client.answer(GET) == GOT + b"03"
    assert board.seen[1] == (
        b"POST /items HTTP/1.1\r\nhost: x\r\nx-own: b\r\ncontent-length: 2\r\n\r\nhi"
    )


HOP_BY_HOP = [
    (b"Connection", b"keep-alive, X-Hop ,\tHTTP2-Settings"),
    (b"X-Hop", b"1"),
    (b"Keep-Alive", b"timeout=5"),
    (b"Proxy-Authorization", b"Basic eDp5"),
    (b"Proxy-Authenticate", b"Basic"),
    (b"Proxy-Authentication-Info", b"nextnonce=1"),
    (b"Proxy-Connection", b"keep-alive"),
    (b"TE", b"trailers"),
    (b"Trailer", b"X-T"),
    (b"HTTP2-Settings", b"AAMAAABkAARAAAAAAAIAAAAA"),
]


def lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(name + b": " + value + b"\r\n" for name, value in headers)


async def test_headers_for_the_gateway_are_not_passed_on() -> None:
    async def second(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        head = OK.replace(b"X-Own: a\r\n", b"X-Own: a\r\n" + lines(HOP_BY_HOP))
        writer.write((head if number == 2 else OK) + b"%02d" % number)

    board = Board(second)
    async with between(board) as client:
        more = lines([*HOP_BY_HOP, (b"Connection", b"X-Other, Host"), (b"X-Other", b"2")])
        assert await client.answer(GET[:-2] + more + b"\r\n") == GOT + b"02"
    assert board.seen[1] == board.seen[0] == b"GET /items HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize("head", [message.head, None])
def test_hop_by_hop_headers_in_both_directions(head: object) -> None:
    """This includes requests through the mailbox."""
    headers = [(b"host", b"x"), *HOP_BY_HOP, (b"x-a", b"b")]
    if head:
        assert message.head("GET", b"/", headers, 0) == (
            b"GET / HTTP/1.1\r\nhost: x\r\nx-a: b\r\n\r\n"
        )
    else:
        response = b"HTTP/1.1 200 OK\r\nX-A: b\r\n" + lines(HOP_BY_HOP) + b"\r\n"
        assert message.answer(response).headers == ((b"x-a", b"b"),)


async def test_an_upgrade_is_not_followed() -> None:
    """The request is answered without an upgrade (RFC 9110, 7.8), and so is the next."""
    board = Board()
    async with between(board) as client:
        upgrade = (
            b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n"
        )
        client.writer.write(GET[:-2] + upgrade + GET)
        assert await client.answer() == GOT + b"02"
        assert await client.answer() == GOT + b"03"
    assert board.seen[1] == board.seen[0]


async def test_an_absolute_target_names_the_host() -> None:
    board = Board()
    async with between(board) as client:
        target = b"GET http://shed.local:81/items?a=http://x/ HTTP/1.1"
        assert await client.answer(GET.replace(b"GET /items HTTP/1.1", target)) == GOT + b"02"
        assert await client.answer(GET.replace(b"/items", b"HTTP://y?a=b")) == GOT + b"03"
    assert board.seen[1] == b"GET /items?a=http://x/ HTTP/1.1\r\nhost: shed.local:81\r\n\r\n"
    assert board.seen[2] == b"GET /?a=b HTTP/1.1\r\nhost: y\r\n\r\n"


async def test_a_request_without_host_gets_an_empty_one() -> None:
    """HTTP/1.0 has no ``Host``, and the board speaks HTTP/1.1."""
    board = Board()
    async with between(board) as client:
        client.writer.write(b"GET /items HTTP/1.0\r\n\r\n")
        assert (await client.answer()).startswith(b"HTTP/1.1 200 OK\r\n")
    assert board.seen[1] == b"GET /items HTTP/1.1\r\nHost:\r\n\r\n"


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_100_continue(version: bytes) -> None:
    board = Board()
    async with between(board) as client:
        head = START.replace(b"1.1", version) + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        client.writer.write(head)
        if version == b"1.1":
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.writer.write(b"hi")
        assert (await client.answer()).startswith(b"HTTP/1.1 200 OK\r\n")
    assert board.seen[1].endswith(b"\r\n\r\nhi")


# The board's side


@pytest.mark.parametrize(
    "sent",
    [
        OK.replace(b"X-Own: a", b"Transfer-Encoding: chunked") + CHUNKS,
        OK.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n") + CHUNKS,
        OK.replace(b"X-Own: a", b"Content-Length: 3") + b"hi!",
        OK.replace(b"  2", b"+2") + b"hi",
        OK.replace(b"  2", b"\x0b2") + b"hi",
        OK.replace(b"X-Own: a", b"X-Own: a\x01") + b"hi",
        OK.replace(b"X-Own: a", b"X-Own: a\nSet-Cookie: b") + b"hi",
        OK.replace(b"X-Own: a", b"X-Own : a") + b"hi",
        OK.replace(b"Content-Length:   2", b"Transfer-Encoding: gzip, chunked") + CHUNKS,
        OK.replace(b"Content-Length:   2", b"Transfer-Encoding: gzip") + CHUNKS,
        OK.replace(b"200 OK", b"101 Switching Protocols").replace(
            b"X-Own: a", b"Connection: upgrade\r\nUpgrade: x"),
        b"nonsense\r\n\r\n",
    ],
)  # fmt: skip
async def test_responses_that_are_not_passed_on(sent: bytes) -> None:
    async def second(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"01" if number != 2 else sent)

    board = Board(second)
    async with between(board) as client:
        response = await client.answer(GET)
        assert response.startswith(b"HTTP/1.1 502 "), response
        assert await client.answer(GET) == GOT + b"01"
    assert board.connections == 2  # the next request does not get what is left of this one


async def test_trailers_of_a_response_are_dropped() -> None:
    async def second(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number != 2:
            return await answers(board, number, writer)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
        writer.write(head + b"Set-Cookie: a\r\n\r\n")

    async with between(Board(second)) as client:
        client.writer.write(GET)
        whole = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + CHUNKS
        assert await client.reader.readexactly(len(whole)) == whole
        assert await client.answer(GET) == GOT + b"03"


@pytest.mark.parametrize("pause", [0, 0.05])
async def test_an_unrequested_response(pause: float) -> None:
    """It follows the response to the previous request, at once or later; no client gets it."""

    async def second(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        await answers(board, number, writer)
        if number == 2:
            await writer.drain()
            await asyncio.sleep(pause)
            writer.write(OK.replace(b"200", b"203") + b"no")
            await writer.drain()

    board = Board(second)
    async with between(board) as client:
        client.writer.write(GET)
        first = await client.reader.readuntil(b"\r\n\r\n")
        assert first.startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(0.2)
        client.writer.write(GET)
        assert b" 203 " not in await client.reader.read(400)
