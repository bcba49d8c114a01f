"""Services that start when a client connects, and the heap that they release."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.helpers.running import Running, running, write_cluster

PROBE = """
import asyncio
import gc
import sys

from torpor import Fault, Service, get, heap, kernel, put


STAY = ("services", "services.probe")


class Probe(Service):
    async def start(self) -> None:
        self._refuses = False

    @get("/loaded")
    async def loaded(self) -> list[str]:
        tops = ("services", "microdot", "wiring_page", "wiring_form")
        return [m for m in sys.modules if m.split(".")[0] in tops and m not in STAY]

    @get("/free")
    async def free(self) -> int:
        heap.collect()
        return gc.mem_free()

    @put("/filled")
    async def fill(self) -> None:
        heap.collect()
        reserve = bytearray(4_000)
        self._kept = None
        self.spawn(self._empty)
        size = 4096
        while size > 64:
            try:
                self._kept = (self._kept, bytearray(size))
            except MemoryError:
                size //= 2

    async def _empty(self):
        await asyncio.sleep(60)
        self._kept = None

    @put("/refuses")
    async def refuses(self, on: bool) -> None:
        self._refuses = on

    async def number(self) -> int:
        if self._refuses:
            raise Fault(409, "the probe is at rest")
        return 7
"""

# Each is a Microdot application and some routes.
PAGE = """
import asyncio
from collections.abc import AsyncIterator

from microdot import Microdot, Response
from services.probe import Probe
from torpor import Service, get

from .parts import TABLE


class {Page}(Service):
    probe: Probe
    app = Microdot()

    async def start(self) -> None:
        await asyncio.sleep(10)
        self._number = await self.probe.number()

    @get("/number")
    async def number(self) -> int:
        return self._number + len(TABLE)

    @get("/lines", content_type="text/csv")
    async def lines(self, seconds: int) -> AsyncIterator[str]:
        for i in range(seconds // 10):
            yield "line %d\\n" % i
            await asyncio.sleep(10)


@{Page}.app.get("/hello/<name>")
async def hello(request, name):
    return Response("hello " + name)
"""
SPEED = 60  # a service that is released after a minute or two is released after a second or two


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A Pico W with ``probe``, and ``page`` and ``form``, which start on request."""
    root = tmp_path_factory.mktemp("on_request")
    sources = {name: PAGE.replace("{Page}", name.capitalize()) for name in ("page", "form")}
    write_cluster(root, {"probe": PROBE, **sources}, on_request=tuple(sources))
    for name in sources:
        (root / "services" / name / "parts.py").write_text("TABLE = list(range(100))\n")
    with running(root, speed=SPEED) as run:
        yield run


def _ask(board: Running, service: str, path: str) -> Any:
    with board.client(service) as client:
        return client.get(path).raise_for_status().json()


def _until(condition: Callable[[], bool], what: Callable[[], Any]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what()
        time.sleep(0.05)


def _loaded(board: Running) -> Any:
    return _ask(board, "probe", "/loaded")


def _asleep(board: Running) -> None:
    """Wait until the board has unloaded both services."""
    _until(lambda: _loaded(board) == [], lambda: _loaded(board))


def test_it_is_not_loaded_until_a_client_comes(board: Running) -> None:
    _asleep(board)
    assert _ask(board, "page", "/number") == 107
    loaded = _loaded(board)
    assert {"wiring_page", "services.page", "services.page.parts", "microdot"} < set(loaded)
    assert not [name for name in loaded if "form" in name]


def test_clients_that_come_at_the_same_time_start_it_once(board: Running) -> None:
    _asleep(board)
    logged = len(board.sim.board("box").log)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: _ask(board, "page", "/number"), range(3)))
    assert answers == [107] * 3
    board.wait_log("box", "page unloaded", since=logged)
    log = "\n".join(str(line) for line in board.sim.board("box").log[logged:])
    assert log.count("page started for a client") == 1


def test_answers_equal_those_of_a_service_that_always_runs(board: Running) -> None:
    for path, status in (
        ("/hello/you", 200),
        ("/number", 200),
        ("/nothing", 404),
        ("/number?x=1", 200),
        ("/lines", 400),
    ):
        _asleep(board)
        with board.client("page") as client:
            first = client.get(path)
            again = client.get(path)
        assert (first.status_code, first.content) == (status, again.content)
    _asleep(board)
    with board.client("page") as client:
        assert client.delete("/number").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_a_large_body_in_the_first_request_reaches_the_application(board: Running) -> None:
    _asleep(board)
    with board.client("page") as client:
        assert client.post("/hello/you", content=b"x" * 20_000).status_code in (405, 413)


def test_the_heap_is_as_before(board: Running) -> None:
    def visited() -> int:
        _asleep(board)
        for path in ("/number", "/hello/you", "/lines?seconds=1"):
            with board.client("page") as client:
                assert client.get(path).status_code == 200
        running = int(_ask(board, "probe", "/free"))
        _asleep(board)
        asleep = int(_ask(board, "probe", "/free"))
        assert asleep - running > 20_000, "Microdot takes 30 kB in 64-bit MicroPython"
        return asleep

    first = visited()  # names stay in the heap once they exist
    assert min(visited() for _ in range(3)) > first - 512


def test_it_stays_loaded_while_a_client_is_served(board: Running) -> None:
    _asleep(board)
    logged = len(board.sim.board("box").log)
    with board.client("page") as client, client.stream("GET", "/lines?seconds=200") as answer:
        lines = list(answer.iter_lines())
        log = "\n".join(str(line) for line in board.sim.board("box").log[logged:])
    assert lines == [f"line {i}" for i in range(20)]
    assert "unloaded" not in log
    board.wait_log("box", "page unloaded", since=logged)


def test_shared_modules_stay_as_long_as_one_service_needs_them(board: Running) -> None:
    _asleep(board)
    with board.client("form") as client, client.stream("GET", "/lines?seconds=300") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "line 0"
        logged = len(board.sim.board("box").log)
        assert _ask(board, "page", "/number") == 107
        board.wait_log("box", "page unloaded", since=logged)
        loaded = _loaded(board)
        assert "microdot" in loaded
        assert "services.form" in loaded
        assert "services.page" not in loaded
        assert list(lines)[-1] == "line 29"
    _asleep(board)


@pytest.fixture
def refusing(board: Running) -> Iterator[None]:
    """Keep ``page`` from starting."""
    _asleep(board)
    with board.client("probe") as probe:
        assert probe.put("/refuses", json={"on": True}).status_code == 204
        yield
        assert probe.put("/refuses", json={"on": False}).status_code == 204


@pytest.mark.usefixtures("refusing")
def test_a_failed_start_is_reported_and_tried_again(board: Running) -> None:
    with board.client("probe") as probe, board.client("page") as client:
        refused = client.get("/number")
        assert refused.status_code == 503
        assert refused.json()["error"] == "page did not start: Fault: 409 the probe is at rest"
        board.wait_log("box", "ERROR page: failed to start: Fault: 409")
        assert _loaded(board) == []
        probe.put("/refuses", json={"on": False})
        # Like a browser that loads the page again, which would keep its connection.
        assert client.get("/number").json() == 107


@pytest.mark.usefixtures("refusing")
def test_all_clients_that_wait_for_a_failing_start_are_answered_at_once(board: Running) -> None:
    def ask(_: int) -> int:
        with board.client("page") as client:
            return client.get("/number").status_code

    logged = len(board.sim.board("box").log)
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(ask, range(3))) == [503] * 3
    board.wait_log("box", "failed to start", since=logged)
    log = "\n".join(str(line) for line in board.sim.board("box").log[logged:])
    assert log.count("failed to start") == 1


def test_without_memory_clients_are_refused_and_the_board_keeps_running(board: Running) -> None:
    _asleep(board)
    with board.client("probe") as probe:
        assert probe.put("/filled").status_code == 204
    answer = board.exchange("page", b"GET /number HTTP/1.1\r\nHost: x\r\n\r\n")
    # It may lack the memory for the reason, or for any response.
    assert answer == b"" or answer.startswith((b"HTTP/1.1 503", b"HTTP/1.1 500")), answer

    def answers() -> bool:
        return board.exchange("page", b"GET /number HTTP/1.0\r\n\r\n").endswith(b"107")

    _until(answers, lambda: board.log_text("box"))
