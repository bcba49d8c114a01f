"""The watchdog of a board, and code that blocks its loop, in the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.running import Running, running, write_cluster

WORK = """
import time

from torpor import Service, every, get
from torpor.watchdog import running


class Work(Service):
    async def start(self) -> None:
        time.sleep_ms(300)

    @get("/block/<ms>")
    async def block(self, ms: int) -> str:
        time.sleep_ms(ms)
        return "done"

    @get("/running")
    async def what(self) -> list[str]:
        return list(running())

    @get("/hang")
    async def hang(self) -> str:
        while True:
            pass

    @every(seconds=60)
    async def job(self) -> None:
        self.log.info("runs: %s.%s", *running())
        time.sleep_ms(400)

"""


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = write_cluster(tmp_path_factory.mktemp("cluster"), {"work": WORK})
    file = root / "cluster.toml"
    file.write_text(file.read_text().replace('type = "RPI', 'watchdog_s = 1\ntype = "RPI'))
    with running(root, types=False) as run:
        yield run


def test_the_service_and_the_method_that_run_are_known(board: Running) -> None:
    board.wait_log("box", "runs: work.job")
    with board.client("work") as client:
        assert client.get("/running").json() == ["work", "what"]


def test_a_blocked_loop_is_logged(board: Running) -> None:
    board.wait_log("box", "work: start blocked the loop for 3")
    board.wait_log("box", "job blocked the loop for 4")
    with board.client("work") as client:
        assert client.get("/block/600").text == "done"
        board.wait_log("box", "block blocked the loop for 6")
        assert client.get("/block/500", headers={"Connection": "close"}).text == "done"
        board.wait_log("box", "block blocked the loop for 5")


def test_a_handler_that_never_yields_ends_in_a_reset(board: Running) -> None:
    box = board.sim.board("box")
    starts = box.starts
    with board.connect("work") as sock:
        sock.sendall(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        board.wait_log("box", "watchdog was not fed for 1 s", since=len(box.log))
    board.wait_log("box", "ready", since=len(box.log))
    assert box.starts == starts + 1
    with board.client("work") as client:
        assert client.get("/running").json() == ["work", "what"]


STUCK = """
from torpor import Service, get


class Stuck(Service):
    async def start(self) -> None:
        while True:
            pass

    @get("/stuck")
    async def stuck(self) -> int:
        return 1
"""


def test_a_start_that_never_yields_ends_in_safe_mode_without_its_service(tmp_path: Path) -> None:
    """Otherwise the other services would wait for it at each start, forever."""
    root = write_cluster(tmp_path, {"stuck": STUCK, "work": WORK})
    file = root / "cluster.toml"
    file.write_text(file.read_text().replace('type = "RPI', 'watchdog_s = 1\ntype = "RPI'))
    with running(root, types=False) as run:
        log = run.log_text("box")
        assert log.count("watchdog was not fed for 1 s") == 3
        assert log.count("what began last: a start of stuck") == 3
        assert "SAFE MODE" in log
        with run.client("work") as client:
            assert client.get("/running").json() == ["work", "what"]
        with run.client("stuck") as client:
            response = client.get("/stuck")
            assert response.status_code == 503
            assert "it crashed the board" in response.json()["error"]


WAITING = """
from torpor import Service, get


class Waiting(Service):
    def __init__(self, name: str, config: dict) -> None:
        super().__init__(name, config)
        while not self._found():
            pass

    def _found(self) -> bool:
        return False

    @get("/waiting")
    async def waiting(self) -> int:
        return 1
"""


def test_a_service_that_never_loads_ends_in_safe_mode_without_it(tmp_path: Path) -> None:
    """For example, its driver waits for a sensor that is missing."""
    root = write_cluster(tmp_path, {"waiting": WAITING, "work": WORK})
    file = root / "cluster.toml"
    file.write_text(file.read_text().replace('type = "RPI', 'watchdog_s = 1\ntype = "RPI'))
    with running(root, types=False) as run:
        log = run.log_text("box")
        assert log.count("watchdog was not fed for 8 s") == 3
        assert log.count("what began last: a start of waiting") == 3
        assert "SAFE MODE" in log
        with run.client("work") as client:
            assert client.get("/running").json() == ["work", "what"]
        with run.client("waiting") as client:
            assert client.get("/waiting").status_code == 503
