"""A simulator that records: exact counts, from the image that also runs without recording."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from tests.helpers.several import write_boards
from torpor_sim import SimBoard, recorded
from torpor_tools.testing import simulator

SERVICES = {
    "a": """
from services.b import B
from torpor import Fault, Service, get


class A(Service):
    b: B

    async def start(self) -> None:
        self.rows = bytearray(20_000)
        await self.b.one()

    @get("/three")
    async def three(self) -> dict:
        try:
            await self.b.fail(x=1)
        except Fault as fault:
            return {"sum": await self.b.one() + await self.b.one(), "fault": fault.message}
        return {}
""",
    "b": """
from torpor import Fault, Service


class B(Service):
    async def one(self) -> int:
        return 1

    async def fail(self, x: int) -> None:
        raise Fault(409, "taken")
""",
}


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    root = write_cluster(tmp_path / "cluster", SERVICES)
    text = (root / "cluster.toml").read_text()
    (root / "cluster.toml").write_text(text.replace("port = 8002", "port = false"))
    return root


async def message(board: SimBoard, calls: int) -> None:
    """Wait until the board has reported this many calls."""
    while True:
        mark = board.trace.mark()
        events = [event for event in board.trace if event["event"] == "calls"]
        if sum(count for event in events for *_, count in event["counts"]) >= calls:
            return
        await board.wait_trace("calls", since=mark)


async def test_every_call_is_counted(cluster: Path, tmp_path: Path) -> None:
    storage = tmp_path / "sim"
    async with simulator(cluster, record=True, storage=storage) as sim:
        for _ in range(7):
            answer = (await sim.http("a").get("/three")).json()
            assert answer == {"sum": 2, "fault": "taken"}
        board = sim.board("box")
        await message(board, 7 * 3 + 1)
        await board.wait_trace("heap")
    found = recorded(storage)
    assert found.calls == {("a", "b", "one"): 7 * 2 + 1, ("a", "b", "fail"): 7}
    assert found.heap["a"] > 10_000 > found.heap["b"] > 0, "halved: a chip has half as long words"
    assert 5_000 < found.base["box"] < 150_000


async def test_calls_over_the_network_are_also_counted(tmp_path: Path) -> None:
    root = write_boards(tmp_path, SERVICES, {"shed": ["b"], "barn": ["a"]})
    async with simulator(root, record=True, storage=tmp_path / "sim") as sim:
        answer = await sim.http("a").get("/three")
        assert answer.json() == {"sum": 2, "fault": "taken"}
        await message(sim.board("barn"), 4)
    assert recorded(tmp_path / "sim").calls == {("a", "b", "one"): 3, ("a", "b", "fail"): 1}


async def test_without_it_nothing_is_counted(cluster: Path, tmp_path: Path) -> None:
    storage = tmp_path / "sim"
    async with simulator(cluster, storage=storage) as sim:
        await sim.http("a").get("/three")
    assert not recorded(storage).calls
    trace = (storage / "box" / "trace.jsonl").read_text()
    assert "_record" not in trace
    assert '"event": "end"' in trace.splitlines()[-1]


def test_the_command_writes_the_file_at_the_end(cluster: Path) -> None:
    torpor = Path(sys.executable).with_name("torpor")
    options = ["--no-types", "--record", "run.json", "--bind", "127.0.0.1"]
    text = (cluster / "cluster.toml").read_text()
    (cluster / "cluster.toml").write_text(text.replace("port = 8001", "port = false"))
    with subprocess.Popen(
        [torpor, "-C", str(cluster), "sim", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if "Ctrl-C stops" in line:
                break
        trace = cluster / "build" / "sim" / "box" / "trace.jsonl"
        deadline = time.monotonic() + 30
        while '"event": "heap"' not in trace.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 0, rest
    assert "1 call recorded in" in rest
    data = json.loads((cluster / "run.json").read_text())
    assert data["calls"] == [{"from": "a", "to": "b", "method": "one", "count": 1}]


async def test_calls_of_a_service_that_starts_on_request(tmp_path: Path) -> None:
    root = write_cluster(tmp_path / "cluster", SERVICES, on_request=["a"])
    storage = tmp_path / "sim"
    async with simulator(root, record=True, storage=storage) as sim:
        board = sim.board("box")
        await board.wait_trace("heap")
        mark = board.trace.mark()
        for _ in range(3):
            assert (await sim.http("a").get("/three")).json() == {"sum": 2, "fault": "taken"}
        await message(board, 3 * 3 + 1)
        await board.wait_trace("heap", since=mark)
    found = recorded(storage)
    assert found.calls == {("a", "b", "one"): 7, ("a", "b", "fail"): 3}
    assert 10_000 <= found.heap["a"] < 14_000
