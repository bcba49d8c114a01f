"""The sample cluster on the official Pico W firmware: the very bytes that the drive has taken.

The module boots once; the emulator is about 40 times slower than the chip, and a busy computer
makes it slower still. So it waits for answers, with limits that only a fault reaches.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.helpers.bootsel import Bootsel
from tests.helpers.kept import Kept
from torpor_sim.emulated import ACCESS_POINT, EmulatedBoard
from torpor_tools.cli import run
from torpor_tools.project import load_board

pytestmark = pytest.mark.emulated

ROOT = Path(__file__).parents[2]
SENSORS, READINGS, ALERTS, DEVICE, DASHBOARD = range(8001, 8006)
NOBODY = 8999
WALL_S = 600.0  # one exchange takes half a second, a resent SYN ten


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def flash_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that ``torpor flash`` has put on the drive of a Pico W in its boot loader."""
    root = tmp_path_factory.mktemp("cluster")
    shutil.copy(ROOT / "cluster.toml", root)
    shutil.copytree(ROOT / "services", root / "services")
    secrets = f'[wifi]\nssid = "{ACCESS_POINT}"\npassword = "anything"\n'
    (root / "secrets.toml").write_text(secrets)
    drive = root / "RPI-RP2"
    with Bootsel(drive, load_board("RPI_PICO_W")) as box:
        words = ["flash", "shed", "--drive", str(drive), "--no-types", "--no-wait"]
        assert run(["-C", str(root), *words]) == 0
    assert box.taken
    file = root / "taken.uf2"
    file.write_bytes(box.taken)
    return file


@pytest.fixture(scope="module")
async def board(flash_file: Path) -> AsyncIterator[EmulatedBoard]:
    ports = dict.fromkeys((SENSORS, READINGS, ALERTS, DEVICE, DASHBOARD, NOBODY), 0)
    async with EmulatedBoard(uf2=flash_file, forwards=ports) as running:
        await running.wait_line("kernel: ready", WALL_S)
        await running.wait_line("net: joined as 10.0.0.2", WALL_S)
        yield running


def client(board: EmulatedBoard, port: int) -> httpx.AsyncClient:
    """Keeps one connection."""
    limits = httpx.Limits(max_connections=1)
    return httpx.AsyncClient(
        base_url=board.url(port), timeout=WALL_S, limits=limits, trust_env=False
    )


async def test_it_is_the_official_firmware_on_wifi(board: EmulatedBoard) -> None:
    async with client(board, DEVICE) as http:
        info = (await http.get("/device")).raise_for_status().json()
    assert info["platform"] == "rp2"
    assert info["firmware"] == "MicroPython 1.27.0"
    assert info["cluster"] == "fridge-monitor"
    assert info["wifi"]["address"] == "10.0.0.2"
    assert info["reset_cause"] == "power-on"
    assert info["failed"] == {}
    assert info["connections"]["places"] == 5


async def test_curl_is_answered(board: EmulatedBoard) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        ["curl", "-sS", "--fail", board.url(READINGS) + "/readings/fridge-1?limit=2"],
        capture_output=True,
        text=True,
        timeout=WALL_S,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("["), done.stdout


@pytest.mark.parametrize(
    ("port", "path"),
    [
        (SENSORS, "/probes"),
        (READINGS, "/readings/fridge-1"),
        (ALERTS, "/thresholds"),
        (DEVICE, "/log"),
    ],
)
async def test_every_service_answers(board: EmulatedBoard, port: int, path: str) -> None:
    async with client(board, port) as http:
        response = await http.get(path)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    response.json()


async def test_a_page_of_several_segments_arrives_complete(board: EmulatedBoard) -> None:
    async with client(board, DASHBOARD) as http:
        page = (await http.get("/")).raise_for_status()
    assert page.headers["Content-Encoding"] == "gzip"
    assert page.text.rstrip().endswith("</html>")


async def test_a_connection_is_kept_over_many_requests(board: EmulatedBoard) -> None:
    async with client(board, ALERTS) as http:
        for low in (1.0, 1.5, 2.0):
            answer = await http.get("/thresholds/fridge-1", params={"low": low})
            assert answer.status_code == 200, answer.text
        async with client(board, DEVICE) as other:
            info = (await other.get("/device")).json()
    assert info["connections"]["open"] == 2


async def test_five_idle_clients_do_not_lock_others_out(board: EmulatedBoard) -> None:
    asked = [
        (SENSORS, "/probes"),
        (READINGS, "/readings/fridge-1"),
        (ALERTS, "/thresholds"),
        (DEVICE, "/device"),
        (DASHBOARD, "/overview"),
        (ALERTS, "/alerts"),  # the sixth
        (DEVICE, "/device"),
    ]
    async with AsyncExitStack() as stack:
        for port, path in asked:
            kept = await stack.enter_async_context(Kept(*board.address(port)))
            assert await kept.get(path, WALL_S) == 200, path


async def test_four_clients_leave_the_heap_unchanged(board: EmulatedBoard) -> None:
    before = await free_with_all(board)
    answered = await load(board, 80)
    assert answered == {200: 80}
    after = await free_with_all(board)
    async with client(board, DEVICE) as http:
        assert (await http.get("/device")).json()["failed"] == {}
    # One answer of /device: the board cannot collect and report in one.
    assert before - after < 4096, (before, after)


@pytest.mark.soak
async def test_two_thousand_requests_leave_the_heap_unchanged(board: EmulatedBoard) -> None:
    before = await free_with_all(board)
    assert await load(board, 2000) == {200: 2000}
    after = await free_with_all(board)
    # One block lost a request would be 32,000. The sample keeps what it measures meanwhile: points
    # in RAM and up to 2 kB of journal.
    assert before - after < 8192, (before, after)


async def free_with_all(board: EmulatedBoard) -> int:
    """Free heap while the dashboard, which starts on request, runs."""
    async with client(board, DASHBOARD) as http:
        assert (await http.get("/overview")).status_code == 200
    async with client(board, DEVICE) as http:
        return await most_free(http)


async def load(board: EmulatedBoard, requests: int, clients: int = 4) -> dict[int, int]:
    """Make requests by clients that keep their connection; count each status."""
    paths = {
        (SENSORS, "/probes"): 4,
        (READINGS, "/readings/fridge-1?limit=3"): 4,
        (ALERTS, "/thresholds"): 4,
        (ALERTS, "/alerts"): 4,
        (DEVICE, "/log?lines=3"): 4,
        # These take seconds of our time.
        (READINGS, "/readings/fridge-2/history.csv"): 1,
        (DASHBOARD, "/overview"): 1,
    }
    found: dict[int, int] = {}

    async def one(seed: int) -> None:
        chosen = random.Random(seed)
        rounds = requests // clients // 5
        for port, path in chosen.choices(list(paths), list(paths.values()), k=rounds):
            async with client(board, port) as http:
                for _ in range(5):
                    status = (await http.get(path)).status_code
                    found[status] = found.get(status, 0) + 1

    await asyncio.gather(*(one(seed) for seed in range(clients)))
    return found


async def most_free(http: httpx.AsyncClient) -> int:
    """Free bytes right after a collection: the most that is seen until two have passed."""
    last = most = passed = 0
    while passed < 2:
        free = (await http.get("/device")).json()["heap"]["free"]
        passed += 0 < last < free
        last, most = free, max(most, free)
    return most


async def test_a_port_where_nobody_listens_refuses(board: EmulatedBoard) -> None:
    async with client(board, NOBODY) as http:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError, httpx.ConnectError)):
            await http.get("/")


async def test_a_missing_line_is_reported_with_the_output(board: EmulatedBoard) -> None:
    newest = re.escape(str(board.log[-1]))
    with pytest.raises(TimeoutError, match=rf"no 'never said'[\s\S]*{newest}"):
        await board.wait_line("never said", timeout=0.01)


@pytest.mark.soak  # the radio's firmware goes over the emulated bus again: two minutes
async def test_a_reset_starts_the_same_image_again(board: EmulatedBoard) -> None:
    mark = board.log.mark()
    board.reset()
    ready = await board.wait_line("kernel: ready", WALL_S, since=mark)
    assert board.starts == 2
    assert ready.ms is not None
    assert board.device_ms > ready.ms  # the emulator's clock went on, the board's restarted
    await board.wait_line("net: joined", WALL_S, since=mark)
    async with client(board, DEVICE) as http:
        assert (await http.get("/device")).status_code == 200


async def test_no_process_remains_after_switching_off(board: EmulatedBoard) -> None:
    pid = board.pid
    assert pid is not None
    await board.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await board.stop()
