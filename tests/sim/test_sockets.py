"""The board has as few sockets as the chip, at the addresses that the simulator states."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from tests.sim import tiny
from torpor_sim import SimBoard, Simulator

_LISTEN = """
import socket

def listen(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", port))
    s.listen(4)
    return s
"""


async def _connect(board: SimBoard, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(board.place.address, board.place.ports[port])


async def test_asyncio_serves_on_the_boards_address(tmp_path: Path) -> None:
    source = tiny.SERVER + "def answer(path): return path\nasyncio.run(serve(8001, 8002))"
    where = tiny.plan(ports={"a": 8001, "b": 8002})
    async with Simulator([tiny.image(tmp_path, source, where)], ports="os") as sim:
        assert (await sim.http("a").get("/x")).text == "/x"
        assert (await sim.http("b").get("/y")).text == "/y"
        assert sim.url("a") != sim.url("b")
        assert sim.url("a").startswith("http://127.0.1.1:")


async def test_one_listener_more_than_the_chip_has_is_refused(tmp_path: Path) -> None:
    source = (
        _LISTEN
        + """
held = [listen(8001 + i) for i in range(3)]
try:
    listen(8004)
except OSError as e:
    print("refused", e.errno)
held[0].close()
listen(8001)
print("a closed one made room")
"""
    )
    where = tiny.plan(
        ports={f"s{i}": 8001 + i for i in range(4)}, board_type=tiny.board(listeners=3)
    )
    async with Simulator([tiny.program(tmp_path, source, where)], ports="os") as sim:
        board = sim.board("shed")
        await board.wait_log("made room")
        assert tiny.printed(board.log)[0] == "refused 12"
        assert [e["what"] for e in board.trace if e["event"] == "refused"] == ["listener"]


_ECHO = (
    _LISTEN
    + """
import asyncio
from asyncio import core

async def echo(sock):
    while True:
        yield core._io_queue.queue_read(sock)
        data = sock.recv(100)
        if not data:
            sock.close()
            return
        sock.write(data)

async def accept(listener):
    turns = 0
    while True:
        yield core._io_queue.queue_read(listener)
        turns += 1
        try:
            sock, address = listener.accept()
        except OSError as e:
            print("not now", e.errno, turns)
            continue
        print("client", address[0], type(address[1]))
        sock.setblocking(False)
        asyncio.create_task(echo(sock))

async def main():
    listener = listen(8001)
    listener.setblocking(False)
    print("        1 INFO  kernel: ready")
    await accept(listener)

asyncio.run(main())
"""
)


async def test_a_connection_too_many_waits_until_another_ends(tmp_path: Path) -> None:
    where = tiny.plan(ports={"echo": 8001}, board_type=tiny.board(connections=2))
    async with Simulator([tiny.image(tmp_path, _ECHO, where)], ports="os") as sim:
        board = sim.board("shed")
        clients = []
        for text in (b"one", b"two"):
            reader, writer = await _connect(board, 8001)
            writer.write(text)
            assert await reader.read(100) == text
            clients.append(writer)
        reader, writer = await _connect(board, 8001)
        writer.write(b"three")
        await board.wait_trace("connection_dropped")
        # The board does not answer it, and serves the others.
        clients[1].write(b"again")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read(100)
        clients[0].close()
        assert await reader.read(100) == b"three"
        dropped = [event for event in board.trace if event["event"] == "connection_dropped"]
        assert len(dropped) == 1
        output = [line for line in tiny.printed(board.log) if line.startswith("not now")]
        assert output == ["not now 11 3"]  # the listener did not spin
        assert tiny.printed(board.log)[0] == "client 127.0.0.1 <class 'int'>"
        for each in (writer, clients[1]):
            each.close()


async def test_a_listener_is_opened_again_on_the_same_port(tmp_path: Path) -> None:
    source = (
        _LISTEN
        + """
for turn in range(3):
    s = listen(8001)
    connection, _ = s.accept()
    connection.write(b"%d" % turn)
    connection.close()
    s.close()
"""
    )
    where = tiny.plan(ports={"turns": 8001})
    async with Simulator([tiny.program(tmp_path, source, where)], ports="os") as sim:
        board = sim.board("shed")
        answers: list[bytes] = []
        async with asyncio.timeout(30):
            while len(answers) < 3:
                try:
                    reader, writer = await _connect(board, 8001)
                except ConnectionRefusedError:  # between two turns
                    await asyncio.sleep(0.01)
                    continue
                with contextlib.suppress(ConnectionResetError):
                    answers += [got] if (got := await reader.read()) else []
                writer.close()
        assert answers == [b"0", b"1", b"2"]


async def test_outgoing_connections_count_too(tmp_path: Path) -> None:
    source = """
import socket
held = []
for i in range(3):
    try:
        s = socket.socket()
        s.connect(socket.getaddrinfo("127.0.0.1", PORT)[0][-1])
        s.write(b"hello %d\\n" % i)
        held.append(s)
    except OSError as e:
        print("refused", i, e.errno)
held[0].close()
s = socket.socket()
s.connect(("127.0.0.1", PORT))
s.write(b"again\\n")
print(s.read(2), s.recv(2), s.readline(), len(held))
"""
    received: list[bytes] = []

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readline())
        writer.write(b"abcdef\n")
        await writer.drain()
        with contextlib.suppress(ConnectionResetError):  # the board is switched off
            await reader.read()
        writer.close()

    async with await asyncio.start_server(server, "127.0.0.1", 0) as peer:
        source = source.replace("PORT", str(peer.sockets[0].getsockname()[1]))
        for port, errno in (("rp2", 12), ("esp32", 23)):
            where = tiny.plan(board_type=tiny.board(port, connections=2))
            async with Simulator([tiny.program(tmp_path / port, source, where)]) as sim:
                await sim.board("shed").wait_log("b'ab' b'cd' b'ef\\n' 2")
                assert tiny.printed(sim.board("shed").log)[0] == f"refused 2 {errno}"
    assert sorted(received) == [b"again\n"] * 2 + [b"hello 0\n"] * 2 + [b"hello 1\n"] * 2


async def test_all_kinds_of_sockets_together_have_a_limit(tmp_path: Path) -> None:
    source = (
        _LISTEN
        + """
listener = listen(8001)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tcp = socket.socket()
try:
    socket.socket()
except OSError as e:
    print("refused", e.errno)
"""
    )
    where = tiny.plan(ports={"s": 8001}, board_type=tiny.board("esp32", sockets=3))
    async with Simulator([tiny.program(tmp_path, source, where)], ports="os") as sim:
        await sim.board("shed").wait_log("refused 23")
