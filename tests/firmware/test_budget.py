"""A board with a Pico W's five connections stays reachable no matter what clients do with them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from tests.helpers.running import Running, read_all, running, write_cluster

SERVICE = """
import asyncio
import gc
import json

from torpor import Service, get
from torpor import kernel


class Work(Service):
    async def start(self) -> None:
        self._made = 0

    @get("/quick")
    async def quick(self) -> dict:
        return {"quick": True}

    @get("/slow")
    async def slow(self, ms: int) -> dict:
        await asyncio.sleep_ms(ms)
        return {"slow": ms}

    @get("/large")
    async def large(self, size: int) -> bytes:
        self._made += 1
        return bytes(size)

    @get("/free")
    async def free(self) -> dict:
        gc.collect()
        return {"free": gc.mem_free(), "made": self._made}

    @get("/break")
    async def broken(self) -> dict:
        kernel.current.listeners[0]._sock.close()
        return {}
"""
QUICK = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = write_cluster(tmp_path_factory.mktemp("cluster"), {"work": SERVICE})
    with running(root, types=False) as run:
        yield run


def ask(board: Running, path: str = "/quick") -> bytes:
    """Return a response over a new connection; empty after a reset."""
    with suppress(ConnectionResetError), board.connect("work") as sock:
        sock.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
        return read_all(sock)
    return b""


def heap(board: Running) -> tuple[int, int]:
    """Return the free bytes after a collection, and how many large answers were made."""
    found = json.loads(ask(board, "/free").partition(b"\r\n\r\n")[2])
    return found["free"], found["made"]


def answers_again(board: Running) -> None:
    """Wait until the board answers; while it opens its listener, clients are refused or reset."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError):
            if ask(board)[9:12] == b"200":
                return
        time.sleep(0.05)
    raise AssertionError("no answer for 10 s")


def test_idle_connections_and_slow_senders_do_not_keep_others_out(board: Running) -> None:
    """With 100 idle clients and ten that send one byte per second, others get answers in 2 s."""
    with ExitStack() as stack:
        for _ in range(100):
            sock = stack.enter_context(board.connect("work"))
            sock.sendall(QUICK)
            assert sock.recv(1000).startswith(b"HTTP/1.1 200")
        ended = False

        def send_slowly(_: int) -> None:
            while not ended:
                with suppress(OSError), board.connect("work") as sock:
                    for byte in b"GET /quick HTTP/1.1\r\nHost: x\r\n":
                        sock.sendall(bytes([byte]))
                        for _ in range(10):
                            if ended:
                                return
                            time.sleep(0.1)

        with ThreadPoolExecutor(10) as pool:
            senders = pool.map(send_slowly, range(10))
            try:
                for _ in range(5):
                    with board.connect("work") as sock:
                        sock.settimeout(2)  # the promise
                        sock.sendall(QUICK)
                        assert sock.recv(1000).startswith(b"HTTP/1.1 200")
            finally:
                ended = True
            list(senders)


def test_a_crowd_is_answered_or_asked_to_retry(board: Running) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(board, "/slow?ms=300"), range(16)))
    assert all(answers)
    for answer in answers:
        status = answer[9:12]
        assert status == b"200" or (status == b"503" and b"\r\nRetry-After: " in answer), answer
    assert sum(answer[9:12] == b"200" for answer in answers) >= 4
    assert ask(board)[9:12] == b"200"


def test_endless_pipelining_does_not_make_others_wait(board: Running) -> None:
    ended = False
    answers = threading.Event()

    def pipeline() -> None:
        with suppress(OSError), board.connect("work") as sock:
            sock.settimeout(0.2)
            while not ended:
                with suppress(TimeoutError):
                    sock.sendall(QUICK * 50)
                with suppress(TimeoutError):
                    if b"200 OK" in sock.recv(1 << 16):
                        answers.set()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(pipeline)
        try:
            assert answers.wait(20), "the client that pipelines is also answered"
            with board.connect("work") as sock:
                sock.settimeout(2)
                for _ in range(20):
                    sock.sendall(QUICK)
                    assert sock.recv(1000).startswith(b"HTTP/1.1 200")
        finally:
            ended = True


def test_a_reader_that_stops_holds_one_answer(board: Running) -> None:
    """Requests that arrive while an answer waits for its reader are not read or executed."""
    size = 12_000  # bytes
    before, _ = heap(board)
    with board.connect("work") as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with suppress(BlockingIOError):
            sock.setblocking(False)
            for _ in range(2000):
                sock.send(b"GET /large?size=%d HTTP/1.1\r\nHost: x\r\n\r\n" % size)
        # The answer, its copy with the head, the requests read so far, and the connection.
        now, made = heap(board)
        assert before - now < 2 * size + 1460 + 8000
        assert 0 < made < 2000
    assert ask(board)[9:12] == b"200"


def test_a_listener_that_fails_is_opened_again(board: Running) -> None:
    mark = board.sim.board("box").log.mark()
    ask(board, "/break")
    board.wait_log("box", "goes on in 1 s", since=mark)
    answers_again(board)


def test_the_listeners_survive_the_loss_of_the_interface(board: Running) -> None:
    box = board.sim.board("box")
    mark = box.log.mark()

    board.loop.call_soon_threadsafe(lambda: box.inputs.wifi(up=False))
    board.wait_log("box", "connection lost", since=mark)
    board.loop.call_soon_threadsafe(lambda: box.inputs.wifi(up=True))
    board.wait_log("box", "joined as", since=mark)
    answers_again(board)
    assert "goes on in 1 s" not in "\n".join(map(str, box.log.since(mark)))
    assert box.starts == 1
