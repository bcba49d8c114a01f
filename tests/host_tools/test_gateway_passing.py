"""Requests that the gateway passes to a board that is awake, between real sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from tests.helpers.played_board import GET, GOT, OK, Board, Client, answers, between
from torpor_tools.gateway import direct


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_requests_one_after_the_other() -> None:
    board = Board()
    async with between(board) as client:
        for n in range(2, 5):
            assert await client.answer(GET) == GOT + b"%02d" % n
        client.writer.write(GET[:10])  # comes in two pieces
        await client.writer.drain()
        await asyncio.sleep(0.05)
        assert await client.answer(GET[10:]) == GOT + b"05"
        post = b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
        assert await client.answer(post) == GOT + b"06"
        assert await client.answer(GET) == GOT + b"07"
    assert board.connections == 2  # the POST has its own
    assert board.seen[1] == board.seen[0]


async def test_a_stream_of_events_comes_from_the_board_itself() -> None:
    """A board without a mailbox has no connection to the broker."""

    async def streams(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            return await answers(board, number, writer)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n:\n\n\r\n")
        await board.go.wait()
        writer.write(b"6\r\nevent:\r\n0\r\n\r\n")

    board = Board(streams)
    async with between(board) as client:
        client.writer.write(GET.replace(b"/items", b"/~events?name=Opened"))
        assert b" 200 OK" in await client.reader.readuntil(b"\r\n\r\n")
        assert await client.reader.readuntil(b":\n\n\r\n") == b"3\r\n:\n\n\r\n"
        board.go.set()
        assert await client.reader.readuntil(b"0\r\n\r\n") == b"6\r\nevent:\r\n0\r\n\r\n"
    assert b"GET /~events?name=Opened HTTP/1.1" in board.seen[-1]


@pytest.mark.parametrize(
    ("line", "start"),
    [
        (b"Torpor-Board: box", GOT[:15]),
        (b"Torpor-Board: barn", b"HTTP/1.1 404 Not Found"),
        (b"Torpor-Board: Box", b"HTTP/1.1 404 Not Found"),
        (b"Torpor-Board: ", b"HTTP/1.1 404 Not Found"),
        (b"Torpor-Board: \xff", b"HTTP/1.1 404 Not Found"),
        (b"Idempotency-Key: ", b"HTTP/1.1 400 Bad Request"),
    ],
)
async def test_only_the_named_board_gets_the_request(line: bytes, start: bytes) -> None:
    board = Board()
    async with between(board) as client:
        response = await client.answer(GET[:-2] + line + b"\r\n\r\n")
        assert response.startswith(start), response
        assert (b"at this port: box" in response) == (b"404" in start)
    assert len(board.seen) == (2 if b"200" in start else 1)


async def test_requests_that_do_not_wait() -> None:
    board = Board()
    async with between(board) as client:
        client.writer.write(GET + GET + GET)
        for n in range(2, 5):
            assert await client.answer() == GOT + b"%02d" % n

        async def slowly(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
            await board.go.wait()
            await answers(board, number, writer)

        board.play = slowly
        client.writer.write(GET)
        await until(lambda: len(board.seen) == 5)
        client.writer.write(GET + b"GET /~gateway HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
        await client.writer.drain()
        await asyncio.sleep(0.05)
        board.go.set()
        assert await client.answer() == GOT + b"05"
        assert await client.answer() == GOT + b"06"
        assert b'"boards"' in await client.answer()
        assert await client.answer() == GOT + b"07"


async def test_a_keep_alive_connection_that_the_board_has_closed() -> None:
    """The board may close it while the request is sent; a GET is sent again on another one."""

    async def once(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 2:
            raise ConnectionError
        await answers(board, number, writer)

    board = Board(once)
    async with between(board) as client:
        assert await client.answer(GET) == GOT + b"03"
    assert board.connections == 2


async def test_a_board_that_resets_gets_a_get_at_most_twice() -> None:
    """This holds even if several connections to it are open. A POST is not sent again."""

    async def resets(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number <= 3:
            await board.go.wait()
            return await answers(board, number, writer)
        raise ConnectionError

    board = Board(resets)
    board.go.set()
    async with between(board) as client:
        board.go.clear()
        others = [await Client(client.port).open() for _ in range(2)]
        for other in others:
            other.writer.write(GET)
        await until(lambda: len(board.seen) == 3)
        board.go.set()
        for other in others:
            await other.answer()
        assert board.connections == 2  # both are kept now
        assert b" 502 " in await client.answer(GET)
        assert len(board.seen) == 5
        assert b" 502 " in await client.answer(GET.replace(b"GET", b"POST"))
        assert len(board.seen) == 6


@pytest.mark.parametrize("verb", [b"GET"])
async def test_a_request_that_the_board_was_sent_does_not_go_to_its_mailbox(verb: bytes) -> None:
    """There it would be executed again: a board that resets refuses connections for a while."""

    async def resets(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            return await answers(board, number, writer)
        board.server.close()
        raise ConnectionError

    board = Board(resets)
    async with between(board, mailbox=True) as client:
        client.writer.write(GET.replace(b"GET", verb))
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 502 ")
    board = Board()
    async with between(board, mailbox=True) as client:
        # A board that was not sent the request is asked by its mailbox; here there is no broker.
        board.server.close()
        for connection in board.writers:
            connection.close()
        await board.closed.wait()
        patient = GET.replace(b"\r\n\r\n", b"\r\nPrefer: wait=0\r\n\r\n")
        assert b" 504 " in await client.answer(patient.replace(b"GET", verb))


@pytest.mark.parametrize("sent", [OK + b"0", OK, OK + b"0123"])
async def test_a_board_that_breaks_off(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """It may also send too much: the client must not mistake that for an answer."""

    async def breaks(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            return await answers(board, number, writer)
        writer.write(sent[: len(OK)])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(sent[len(OK) :])
        raise ConnectionError

    async with between(Board(breaks)) as client:
        client.writer.write(GET)
        message = await client.reader.read()
        assert len(message) < len(GOT) + 2
        assert GOT.startswith(message[: len(GOT)])
    (record,) = [record for record in caplog.records if record.name == "torpor.gateway"]
    assert record.getMessage().startswith("GET /items: the board broke off its response: ")
    assert record.levelno == logging.WARNING
    assert not record.exc_info


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
CHUNKED_GOT = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
NONE = b"HTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        (CHUNKED, CHUNKED_GOT),
        (NONE, NONE.replace(b"ETag", b"etag")),
        (OK.replace(b"X-Own: a", b"Connection: close") + b"02", GOT.replace(b"x-own: a\r\n", b"")),
    ],
)
async def test_unusual_answers(sent: bytes, got: bytes) -> None:
    async def second(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number != 2:
            return await answers(board, number, writer)
        writer.write(sent[:40])
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(sent[40:])

    board = Board(second)
    async with between(board) as client:
        client.writer.write(GET)
        message = await client.reader.readexactly(len(got))
        assert message == got
        if got.startswith(GOT[:15]) and got.endswith(b"2\r\n\r\n"):
            assert await client.reader.readexactly(2) == b"02"
        assert await client.answer(GET) == GOT + b"03"


async def test_a_stream_without_an_end() -> None:
    """A body without a length comes as it is sent, and ends with the board's connection."""

    async def streams(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            return await answers(board, number, writer)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await board.go.wait()
        raise ConnectionError

    board = Board(streams)
    async with between(board) as client:
        client.writer.write(GET)
        assert b"text/event-stream" in await client.reader.readuntil(b"\r\n\r\n")
        assert b"data: 1\n\n" in await client.reader.readuntil(b"1\n\n")
        board.go.set()
        assert (await client.reader.readuntil(b"0\r\n\r\n")).endswith(b"0\r\n\r\n")


async def test_a_cut_response_to_an_old_client() -> None:
    """HTTP/1.0 without a length: the end of the connection would look like that of the body."""

    async def cut(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            return await answers(board, number, writer)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        await writer.drain()
        await board.go.wait()
        raise ConnectionError

    board = Board(cut)
    async with between(board) as client:
        client.writer.write(GET.replace(b"1.1", b"1.0"))
        assert b"connection: close" in await client.reader.readuntil(b"\r\n\r\n")
        assert await client.reader.readexactly(2) == b"hi"
        board.go.set()
        with pytest.raises(ConnectionResetError):
            await client.reader.read()


@pytest.mark.parametrize("half", [False, True])
async def test_a_client_that_hangs_up_before_the_response(half: bool) -> None:
    """The board's connection is closed, so that it can stop. Nobody can see from one end of a
    connection whether the client has closed both directions or one: both are the same FIN."""

    async def never(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            await answers(board, number, writer)

    board = Board(never)
    async with between(board) as client:
        client.writer.write(GET)
        await until(lambda: len(board.seen) == 2)
        if half:
            client.writer.write_eof()
        else:
            client.writer.close()
        await board.closed.wait()


async def test_a_client_that_leaves() -> None:
    async def half(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"01"[: 2 if number == 1 else 1])

    board = Board(half)
    async with between(board) as client:
        client.writer.write(GET)
        await client.reader.readuntil(b"\r\n\r\n0")
        client.writer.close()
        await board.closed.wait()  # no other client must get the rest as its answer


async def test_a_client_that_reads_slowly() -> None:
    total = 40_000_000

    async def large(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            return await answers(board, number, writer)
        writer.write(OK.replace(b"  2", b"%d" % total))
        for _ in range(total // 100_000):
            writer.write(bytes(100_000))
            await writer.drain()
            board.sent += 100_000

    board = Board(large)
    async with between(board) as client:
        client.writer.write(GET)
        sent, same = 0, 0
        while same < 5:  # one look could coincide with a pause
            await asyncio.sleep(0.1)
            same = same + 1 if sent == board.sent > 0 else 0
            sent = board.sent
        assert sent < total  # the gateway does not buffer what the client does not read
        assert len(await client.answer()) > total
        assert await client.answer(GET.replace(b"items", b"other"))


async def test_a_silent_board(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(board: Board, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            await answers(board, number, writer)

    monkeypatch.setattr(direct, "SILENT_S", 0.1)
    async with between(Board(silent)) as client:
        message = await client.answer(GET)
        assert message.startswith(b"HTTP/1.1 502")
        assert b"was silent" in message


async def test_a_connection_that_is_not_used_is_closed() -> None:
    async with between(Board(), idle_s=0.5) as client:
        assert await client.answer(GET) == GOT + b"02"
        assert await client.reader.read() == b""


async def until(met: Callable[[], bool]) -> None:
    while not met():
        await asyncio.sleep(0.01)
