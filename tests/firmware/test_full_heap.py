"""A board whose heap is full: tasks fail, the board does not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.helpers.running import running, write_cluster

SERVICE = """
import asyncio
import sys

from torpor import Service, get, heap, kernel


class Unlucky:
    @property
    def since(self):
        kernel.current.budget.open.remove(self)
        raise RuntimeError


class Full(Service):
    kept: list | None = None

    @get("/full")
    async def full(self) -> None:
        asyncio.create_task(self._empty())
        asyncio.create_task(self._fill())

    @get("/empty")
    async def empty(self) -> bool:
        return self.kept is None

    @get("/hungry")
    async def hungry(self) -> int:
        held = []
        while True:
            held.append(bytearray(2048))

    @get("/forget")
    async def forget(self) -> bool:
        sys.modules["torpor.log"].faults.clear()  # otherwise a repeated fault is only counted
        return True

    @get("/largest")
    async def largest(self) -> int:
        heap.collect()
        return heap.largest()

    @get("/unlucky")
    async def unlucky(self) -> None:
        kernel.current.budget.open.append(Unlucky())

    @get("/refuse")
    async def refuse(self, step: str) -> None:
        # No memory for the next client: when it is counted, or when it waits for its slot.
        budget = kernel.current.budget
        add, has_slot = budget.add, budget.has_slot

        def fail(*args):
            if step == "add":
                add(*args)
            del budget.add, budget._wait, budget.has_slot
            raise MemoryError

        budget.add = budget._wait = fail
        budget.has_slot = has_slot if step == "add" else lambda: False

    async def _fill(self):
        kept = self.kept = []
        size = 4096
        while True:
            try:
                kept.append(bytearray(size))
            except MemoryError:
                if size < 32:
                    raise  # and the loop reports it, without memory
                size //= 2

    async def _empty(self):
        await asyncio.sleep_ms(50)  # the loop is idle in the meantime
        self.kept = None
"""


SITE = """
from microdot import Microdot

from torpor import Service


class Site(Service):
    app = Microdot()


@Site.app.get("/hungry")
async def hungry(request):
    held = []
    while True:
        held.append(bytearray(2048))
"""

GET = b"GET /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_neither_a_failing_task_nor_the_idle_loop_ends_the_board(tmp_path: Path) -> None:
    with running(write_cluster(tmp_path, {"full": SERVICE})) as run:
        for _ in range(3):
            mark = run.sim.board("box").log.mark()
            assert b" 204 " in run.exchange("full", GET % b"full")
            until = time.monotonic() + 10
            while not run.exchange("full", GET % b"empty").endswith(b"\r\n\r\ntrue"):
                assert time.monotonic() < until
            run.wait_log("box", "in _fill", since=mark)
            assert b" 200 " in run.exchange("full", GET % b"forget")
        assert run.sim.board("box").starts == 1


@pytest.mark.parametrize("step", ["add", "wait"])
def test_a_client_for_whom_there_is_no_memory_is_closed_and_the_next_one_served(
    tmp_path: Path, step: str
) -> None:
    with running(write_cluster(tmp_path, {"full": SERVICE}), types=False) as run:
        assert b" 204 " in run.exchange("full", GET % b"refuse?step=%s" % step.encode())
        assert run.exchange("full", GET % b"empty") == b""
        assert run.exchange("full", GET % b"empty").endswith(b"\r\n\r\ntrue")
        run.wait_log("box", "MemoryError")


def test_deadlines_still_work_after_their_watching_task_has_died(tmp_path: Path) -> None:
    with running(write_cluster(tmp_path, {"full": SERVICE}), speed=20) as run:
        assert b" 204 " in run.exchange("full", GET % b"unlucky")
        run.wait_log("box", "RuntimeError")
        assert b" 408 " in run.exchange("full", b"GET /empty HTTP/1.1\r\n")


def test_a_request_without_memory_is_503_and_releases_its_memory(tmp_path: Path) -> None:
    services = {"full": SERVICE, "site": SITE}
    with running(write_cluster(tmp_path, services), types=False) as run:
        with run.client("full") as client:
            before = client.get("/largest").json()
            for _ in range(5):
                answer = client.get("/hungry")
                assert (answer.status_code, answer.json()) == (503, {"error": "out of memory"})
                assert answer.headers["retry-after"] == "1"
                assert client.get("/forget").json()
        with run.client("site") as client:
            answer = client.get("/hungry")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        with run.client("full") as client:
            assert client.get("/largest").json() > before * 3 // 4
        assert run.log_text("box").count("GET /hungry") == 6
