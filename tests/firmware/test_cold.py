"""Code that good requests do not reach is loaded when needed and released, on a board's heap."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.running import Running, running, write_cluster

PROBE = """
import gc
import sys

from torpor import Service, cold, get, heap, put

COLD = ("args__cold", "body", "listener__cold", "response__cold", "router__cold", "wire__cold")
_until_collected = cold.until_collected
loads: dict = {}


def _counted(name):
    loads[name] = loads.get(name, 0) + 1
    _until_collected(name)


cold.until_collected = _counted


class Probe(Service):
    @get("/loaded")
    async def loaded(self) -> list:
        return [name for name in COLD if "torpor.http." + name in sys.modules]

    @get("/loads")
    async def loads(self) -> dict:
        return {name: loads.get("torpor.http." + name, 0) for name in COLD}

    @get("/collected")
    async def collected(self) -> dict:
        heap.collect()
        return {"free": gc.mem_free(), "loaded": await self.loaded()}

    @get("/filled")
    async def filled(self, leave: int) -> None:
        heap.collect()
        reserve = bytearray(leave)
        kept = self.kept = []
        size = 4096
        while size > 64:
            try:
                kept.append(bytearray(size))
            except MemoryError:
                size //= 2

    @get("/emptied")
    async def emptied(self) -> None:
        self.kept = []

    @put("/body")
    async def body(self, text: str) -> str:
        return text
"""

_GET = b"GET /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
_CHUNKED = (
    b"PUT /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b'Transfer-Encoding: chunked\r\n\r\nd\r\n{"text": "a"}\r\n0\r\n\r\n'
)
# The bytes of a client -> the status, and the module that the answer needs.
RARE = {
    _GET % b"nothing-here": (404, "router__cold"),
    b"DELETE /loaded HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": (405, "router__cold"),
    b"GET /loaded\r\n\r\n": (400, "listener__cold"),
    b"GET /loaded HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n": (413, "body"),
    _GET % b"filled": (400, "response__cold"),
    _CHUNKED: (200, "body"),
    _GET % b"\xc3\xa9": (404, "wire__cold"),
    _GET.replace(b"Host: x", b"Host: [::1]") % b"loads": (200, "wire__cold"),
    _GET % b"filled?leave=x": (400, "args__cold"),
}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = write_cluster(tmp_path_factory.mktemp("cold"), {"probe": PROBE})
    with running(root) as run:
        yield run


def _ask(board: Running, path: str) -> Any:
    with board.client("probe") as client:
        return client.get(path).raise_for_status().json()


def _status(board: Running, request: bytes) -> bytes:
    """Return the status of the answer; empty if the board closes the connection without one."""
    with board.connect("probe") as sock:
        sock.sendall(request)
        try:
            return sock.recv(4096)[9:12]
        except ConnectionResetError:  # closed with bytes of the request unread
            return b""


def test_a_started_board_has_no_cold_code_loaded(board: Running) -> None:
    assert _ask(board, "/loads")["listener__cold"] == 1
    assert _ask(board, "/loaded") == []


@pytest.mark.parametrize("request_", RARE)
def test_a_request_loads_cold_code_and_the_next_collection_releases_it(
    board: Running, request_: bytes
) -> None:
    status, needed = RARE[request_]
    assert _ask(board, "/collected")["loaded"] == []
    before = _ask(board, "/loads")[needed]
    assert _status(board, request_) == b"%d" % status
    assert _ask(board, "/loads")[needed] > before
    assert _ask(board, "/collected")["loaded"] == []


def test_the_heap_is_unchanged_after_hundreds_of_requests(board: Running) -> None:
    def run(rounds: int) -> None:
        for _ in range(rounds):
            for request in RARE:
                _status(board, request)

    def free() -> int:
        return int(_ask(board, "/collected")["free"])

    run(1)  # names stay in the heap once they exist
    first = free()
    run(50)
    until = time.monotonic() + 10  # the last ones linger for a while
    while free() < first - 512:
        assert time.monotonic() < until, (first, free())


def test_a_flood_of_bad_requests_rarely_loads_cold_code(board: Running) -> None:
    before = _ask(board, "/loads")["router__cold"]
    with board.client("probe") as client:
        for _ in range(400):
            assert client.get("/nothing-here").status_code == 404
    assert 0 < _ask(board, "/loads")["router__cold"] - before < 400 / 4


@pytest.mark.parametrize("leave", [16000, 6000])
def test_with_a_full_heap_requests_fail_but_the_board_runs(board: Running, leave: int) -> None:
    board.exchange("probe", _GET % b"filled?leave=%d" % leave)
    for request, (status, _) in RARE.items():
        assert _status(board, request) in (b"", b"500", b"503", b"%d" % status)
    until = time.monotonic() + 10
    while _status(board, _GET % b"emptied") != b"204":  # this request may also find no memory
        assert time.monotonic() < until
    for request, (status, _) in RARE.items():
        assert _status(board, request) == b"%d" % status
    assert board.sim.board("box").starts == 1
