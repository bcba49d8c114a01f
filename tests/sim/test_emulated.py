"""The sample cluster on the official Pico W firmware: the very file that would be flashed.

The module boots once; the emulator is about 40 times slower than the chip.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from torpor_sim.emulated import ACCESS_POINT, EmulatedBoard
from torpor_tools.contracts import load_plan
from torpor_tools.flash.catalogue import firmware
from torpor_tools.image.flashable import flashable
from torpor_tools.link import build

pytestmark = pytest.mark.emulated

ROOT = Path(__file__).parents[2]
SENSORS, READINGS, ALERTS, DEVICE, DASHBOARD = range(8001, 8006)
NOBODY = 8999
WALL_S = 120.0  # generous: one exchange takes half a second, a resent SYN ten


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def flash_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample cluster with the emulated access point's name, linked into one file to flash."""
    root = tmp_path_factory.mktemp("cluster")
    shutil.copy(ROOT / "cluster.toml", root)
    shutil.copytree(ROOT / "services", root / "services")
    secrets = f'[wifi]\nssid = "{ACCESS_POINT}"\npassword = "anything"\n'
    (root / "secrets.toml").write_text(secrets)
    image = build(load_plan(root), "shed", root / "build", types=False)
    board = image.board.board
    file = root / "shed.uf2"
    official = firmware(board).read_bytes()
    file.write_bytes(flashable(board, official, image.littlefs.read_bytes()))
    return file


@pytest.fixture(scope="module")
async def board(flash_file: Path) -> AsyncIterator[EmulatedBoard]:
    ports = dict.fromkeys((SENSORS, READINGS, ALERTS, DEVICE, DASHBOARD, NOBODY), 0)
    async with EmulatedBoard(uf2=flash_file, forwards=ports) as running:
        await running.wait_line("kernel: ready")
        await running.wait_line("net: joined as 10.0.0.2")
        yield running


def client(board: EmulatedBoard, port: int) -> httpx.AsyncClient:
    """Keeps one connection."""
    limits = httpx.Limits(max_connections=1)
    return httpx.AsyncClient(base_url=board.url(port), timeout=WALL_S, limits=limits)


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


async def test_a_page_of_several_segments_comes_whole(board: EmulatedBoard) -> None:
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


async def test_five_who_keep_their_connection_lock_nobody_out(board: EmulatedBoard) -> None:
    clients = [client(board, port) for port in (SENSORS, READINGS, ALERTS, DEVICE, DASHBOARD)]
    try:
        for http, path in zip(
            clients,
            ("/probes", "/readings/fridge-1", "/thresholds", "/device", "/"),
            strict=True,
        ):
            assert (await http.get(path)).status_code == 200
        async with client(board, ALERTS) as sixth, client(board, DEVICE) as seventh:
            answers = await asyncio.gather(sixth.get("/alerts"), seventh.get("/device"))
        assert [answer.status_code for answer in answers] == [200, 200]
    finally:
        for http in clients:
            await http.aclose()


async def test_a_port_where_nobody_listens_refuses(board: EmulatedBoard) -> None:
    async with client(board, NOBODY) as http:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError, httpx.ConnectError)):
            await http.get("/")


async def test_a_line_that_does_not_come_shows_what_came(board: EmulatedBoard) -> None:
    with pytest.raises(TimeoutError, match=r"no 'never said'[\s\S]*kernel: ready"):
        await board.wait_line("never said", timeout=0.01)


async def test_a_reset_starts_the_same_image_again(board: EmulatedBoard) -> None:
    mark = board.log.mark()
    board.reset()
    ready = await board.wait_line("kernel: ready", since=mark)
    assert board.starts == 2
    assert ready.ms is not None
    assert board.device_ms > ready.ms  # the emulator's clock went on, the board's began anew
    await board.wait_line("net: joined", since=mark)
    async with client(board, DEVICE) as http:
        assert (await http.get("/device")).status_code == 200


async def test_switched_off_it_leaves_no_process(board: EmulatedBoard) -> None:
    pid = board.pid
    assert pid is not None
    await board.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await board.stop()
