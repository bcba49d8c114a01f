"""Nothing waits for ever: handlers beyond their deadline, and clients that have left."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.helpers.running import Running, read_all, running, write_cluster

FIRMWARE = Path(__file__).parents[2] / "firmware"
MICROPYTHON = Path(sys.executable).with_name("micropython")
WORK = """
import asyncio
from collections.abc import AsyncIterator

from torpor import Fault, Service, deadline, every, get, post


class Work(Service):
    async def start(self) -> None:
        self._never = asyncio.Event()
        self._ended: list[str] = []

    async def _wait(self, name: str) -> None:
        self.log.info("%s waits", name)
        try:
            await self._never.wait()
        finally:
            self._ended.append(name)

    @every(ms=150)
    async def job(self) -> None:
        await asyncio.sleep_ms(400)

    @get("/never/<name>")
    async def never(self, name: str) -> None:
        await self._wait(name)

    @get("/stubborn")
    async def stubborn(self) -> None:
        try:
            await self._wait("stubborn")
        except asyncio.CancelledError:
            await self._never.wait()

    @get("/short/<name>", deadline_ms=200)
    async def short(self, name: str) -> None:
        await self._wait(name)

    @get("/long", deadline_ms=4000, content_type="text/csv")
    async def long(self) -> str:
        await asyncio.sleep_ms(2000)
        return "done"

    @post("/inner", deadline_ms=5000)
    async def inner(self) -> None:
        with deadline(100):
            await self._wait("inner")

    @get("/lines")
    async def lines(self) -> AsyncIterator[str]:
        yield "first"
        await self._wait("lines")

    @get("/slow")
    async def slow(self) -> str:
        await asyncio.sleep_ms(900)
        return "slow"

    @get("/ended")
    async def ended(self) -> list[str]:
        ended, self._ended = self._ended, []
        return ended
"""
OTHER = """
from torpor import Service, get


class Other(Service):
    @get("/")
    async def read(self) -> str:
        return "other"
"""


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = write_cluster(tmp_path_factory.mktemp("cluster"), {"work": WORK, "other": OTHER})
    file = root / "cluster.toml"
    text = file.read_text().replace("port = 8001", "port = 8001\ndeadline_ms = 1200")
    file.write_text(text)
    with running(root, types=False) as run:
        yield run


def get(path: str) -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode()


def ended(board: Running) -> list[str]:
    with board.client("work") as client:
        return list(client.get("/ended").json())


def wait_ended(board: Running, *names: str) -> None:
    """Wait until the ``finally`` of these handlers has run."""
    missing, until = set(names), time.monotonic() + 20
    while missing:
        missing -= set(ended(board))
        assert time.monotonic() < until, missing


@pytest.mark.parametrize(
    ("path", "ms", "name"),
    [
        ("/never/a", 1200, "a"),
        ("/stubborn", 1200, "stubborn"),
        ("/short/b", 200, "b"),
    ],
)
def test_a_handler_beyond_its_deadline_is_cancelled(
    board: Running, path: str, ms: int, name: str
) -> None:
    answer = board.exchange(
        "work", get(path).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
    assert json.loads(body) == {"error": f"not done within {ms} ms"}
    wait_ended(board, name)


def test_limits_below_and_above_that_of_the_service(board: Running) -> None:
    with board.client("work") as client:
        answer = client.get("/long")
        assert (answer.status_code, answer.text) == (200, "done")
        assert answer.headers["content-type"] == "text/csv"
        answer = client.post("/inner")
        assert (answer.status_code, answer.json()["error"]) == (504, "not done within 100 ms")
    wait_ended(board, "inner")


def test_handlers_that_never_end_release_their_slots(board: Running) -> None:
    with ThreadPoolExecutor(12) as pool:
        paths = [f"/never/{n}" for n in range(12)]
        answers = list(pool.map(lambda p: board.exchange("work", get(p)), paths))
    statuses = {answer[9:12] for answer in answers}
    assert statuses <= {b"504", b"503", b""}  # no slot, or reset when it was refused
    assert b"504" in statuses
    with board.client("other") as client:
        assert client.get("/").text == "other"
    ended(board)


@pytest.mark.parametrize("path", ["/never/gone", "/lines"])
@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_a_client_that_leaves_ends_its_handler(board: Running, path: str, how: str) -> None:
    name, begun = path.rpartition("/")[2], len(board.sim.board("box").log)
    sock = board.connect("work")
    sock.sendall(get(path))
    board.wait_log("box", f"{name} waits", since=begun)
    if how == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how == "half":
        sock.shutdown(socket.SHUT_WR)
    else:
        sock.close()
    wait_ended(board, name)
    sock.close()


def test_requests_that_come_while_a_handler_runs_are_answered_in_order(board: Running) -> None:
    last = get("/nothing/" + "x" * 200).replace(b"Host", b"Connection: close\r\nHost")
    with board.connect("work") as sock:
        sock.sendall(get("/slow") + get("/slow")[:10])
        sock.sendall(get("/slow")[10:] + get("/ended"))
        sock.sendall(last)
        answer = read_all(sock)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"200", b"404"]


def test_a_job_that_still_runs_when_it_is_due_is_reported(board: Running) -> None:
    board.wait_log("box", "job still runs after ")


JOB = f"""
import asyncio, sys
sys.path[:] = [{str(FIRMWARE)!r}, {str(FIRMWARE / "ports")!r}, ".frozen"]
import unix
sys.modules["torpor.port"] = unix  # the build puts the file of the chip's port there
from torpor import clock, schedule

now = 0
clock.uptime_ms = lambda: now


class Log:
    name = "box"

    def warning(self, text, *args):
        print(text % args)

    error = exception = warning


async def job():
    try:
        await asyncio.Event().wait()
    finally:
        print("finally")


async def main():
    global now
    j = schedule.Job(Log(), job, int(sys.argv[1]))
    task = asyncio.create_task(j.run())
    await asyncio.sleep_ms(0)
    while j.running:
        now += j.period
        schedule._overrun(j)
        await asyncio.sleep_ms(0)
    print(now)


asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("period", "ends"), [(100, 30_100), (20_000, 80_000), (86_400_000, 345_600_000)]
)
def test_a_job_that_never_ends_is_cancelled_after_four_periods(period: int, ends: int) -> None:
    done = subprocess.run(
        [MICROPYTHON, "-c", JOB, str(period)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == [
        f"job still runs after {period} ms: this run is left out",
        f"{ends:9d} WARN  box: job is cancelled: it has run for {ends} ms",
        "finally",
        str(ends),
    ], done.stderr
