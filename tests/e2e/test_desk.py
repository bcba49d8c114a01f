"""A service with a sensor and a display: checked, tested and run against simulated devices."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.running import Running, running, write_cluster
from torpor_tools.cli import run

ROOM = '''
import time

from machine import I2C
from torpor import Service, get

_SHT4X = 0x44


class Room(Service):
    async def start(self) -> None:
        self._bus = I2C(0)

    @get("/temperature")
    async def temperature(self) -> float:
        """Return degrees Celsius."""
        self._bus.writeto(_SHT4X, b"\\xfd")
        time.sleep_ms(10)
        data = self._bus.readfrom(_SHT4X, 6)
        return round(-45 + 175 * (data[0] << 8 | data[1]) / 65535, 1)

    @get("/slow")
    async def slow(self) -> int:
        """Block the loop."""
        for _ in range(3):
            time.sleep_ms(40)
        return 1

    @get("/slower")
    async def slower(self) -> int:
        """Block the loop for so long that a chip also reports it."""
        time.sleep(0.3)
        return 1
'''
PANEL = '''
import slow
from machine import ADC, PWM, UART, Pin
from torpor import Service, get


class Panel(Service):
    async def start(self) -> None:
        one = self.config.get("one", 1)
        self._lamp = Pin(4 * one, Pin.OUT)  # room has its bus there
        self._door = Pin(15 * one, Pin.IN), Pin(15 * one, Pin.IN)
        slow.wait(150)

    @get("/later")
    async def later(self) -> int:
        """Use a pin of room while that service runs."""
        for _ in range(3):
            PWM(Pin(5 * self.config.get("one", 1)))
        return 1

    @get("/blocks")
    async def blocks(self) -> int:
        slow.wait(130)
        return 1
'''
SLOW = """
import time


def wait(ms):
    time.sleep_ms(ms)
"""
TESTS = """
import pytest
from torpor import Fault


async def test_the_room_is_as_warm_as_it_is(start, board):
    board.set("air", temperature=30.5)
    room = await start()
    assert await room.temperature() == 30.5
    board.set("air", temperature=-7)
    assert await room.temperature() == -7


async def test_a_new_test_begins_with_the_values_of_cluster_toml(start, board):
    room = await start()
    assert await room.temperature() == 4.5
    assert board.shown("air") is None


async def test_faults_and_typing_errors(start, board):
    room = await start()
    board.fault("air", "nack")
    with pytest.raises(Fault):
        await room.temperature()
    board.fault("air", None)
    assert await room.temperature() == 4.5
    with pytest.raises(TypeError, match="no device 'wind' is wired to the board; its devices: a"):
        board.set("wind", speed=1)
    with pytest.raises(TypeError, match="has no argument heat; it takes"):
        board.set("air", heat=1)
    with pytest.raises(TypeError, match="air.temperature cannot be 999: it is from -40 to 125 °C"):
        board.set("air", temperature=999)
    with pytest.raises(TypeError, match="air.temperature cannot be 130: it is from -40 to 125 °C"):
        board.set("air", temperature={"points": [[0, 20], [9, 130]]})
    with pytest.raises(TypeError, match="air.temperature cannot be 126"):
        board.set("air", temperature={"base": 120, "amplitude": 6, "period_s": 60})
    with pytest.raises(TypeError, match="is 'day.csv', expected .*a curve in a file is for clus"):
        board.set("air", temperature="day.csv")
    for curve in ({"points": []}, {"points": [3]}, {"points": [[9, 1], [0, 2]]}, {"base": 1}):
        with pytest.raises(TypeError, match="board.set"):
            board.set("air", temperature=curve)
    assert await room.temperature() == 4.5
    board.set("air", temperature={"points": [[0, 20], [3600, 20]]})
    assert await room.temperature() == 20
    with pytest.raises(TypeError, match="nack, hang, garbage, or None"):
        board.fault("air", "burn")
"""
# With the fixture clock, the work of the chip and its devices takes no time either.
TESTS_OF_TIME = """
import asyncio
import time

import machine
from machine import UART, Pin, Timer


async def test_timers_follow_the_clock(clock):
    ticks = []
    periodic = Timer(period=100, callback=lambda timer: ticks.append(clock.ticks() - begin))
    once = Timer(period=250, mode=Timer.ONE_SHOT, callback=lambda timer: ticks.append("once"))
    begin = clock.ticks()
    await clock.advance(ms=320)
    assert ticks == [100, 200, "once", 300]
    periodic.deinit()
    await clock.advance(hours=1)
    assert len(ticks) == 4
    once.deinit()


async def test_a_timer_wakes_a_task_that_waits_for_nothing_else(clock):
    flag, event = asyncio.ThreadSafeFlag(), asyncio.Event()
    began = clock.now()
    Timer(period=60_000, mode=Timer.ONE_SHOT, callback=lambda timer: flag.set())
    await flag.wait()
    assert clock.now() - began == 60
    Timer(period=60_000, mode=Timer.ONE_SHOT, callback=lambda timer: event.set())
    await event.wait()
    assert clock.now() - began == 120


async def test_a_uart_follows_the_clock(clock):
    uart = UART(0, rxbuf=4000)
    await clock.advance(seconds=10)
    assert uart.read().count(b"GPGGA") == 10
    heard = []
    uart.irq(lambda uart: heard.append(uart.any()))
    await clock.advance(seconds=3, ms=100)
    assert len(heard) == 3
    lines = asyncio.StreamReader(uart)
    before = clock.ticks()
    while uart.any():
        uart.read()
    await lines.readline()
    assert 0 < clock.ticks() - before <= 1000


async def test_an_edge_comes_without_real_time(clock, board):
    edges = []
    pin = Pin(15, Pin.IN)
    pin.irq(lambda pin: edges.append(pin.value()), Pin.IRQ_FALLING)
    board.set("bell", pressed=1)
    await clock.advance(ms=20)
    assert edges and pin.value() == 0
    seen = len(edges)
    await clock.advance(hours=1)
    assert len(edges) == seen
    pin.irq(None)


async def test_a_program_that_blocks_moves_the_clock(start, clock, board):
    began, real = clock.ticks(), time.time()
    time.sleep(3600)
    time.sleep_ms(1)
    time.sleep_us(500)
    time.sleep_us(500)
    assert clock.ticks() - began == 3_600_002
    assert time.time() - real == 3600
    start_ms = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start_ms) < 10:
        pass
    assert await (await start()).temperature() == 4.5
    ticks = []
    timer = Timer(freq=10, callback=lambda timer: ticks.append(1))
    time.sleep(1)
    machine.lightsleep(500)
    assert len(ticks) == 15
    timer.deinit()


async def test_without_the_clock_time_is_real():
    event = asyncio.Event()
    Timer(period=5, mode=Timer.ONE_SHOT, callback=lambda timer: event.set())
    await event.wait()
"""
DEVICES = """
[boards.box.devices]
air = { model = "sht4x", bus = "i2c0", temperature = 4.5 }
place = { model = "gps", bus = "uart0" }
bell = { model = "button", pin = 15 }
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("desk")
    write_cluster(root, {"room": ROOM, "panel": PANEL})
    (root / "lib").mkdir()
    (root / "lib" / "slow.py").write_text(SLOW)
    with (root / "cluster.toml").open("a") as file:
        file.write(DEVICES)
    (root / "services" / "room" / "tests").mkdir()
    (root / "services" / "room" / "tests" / "test_room.py").write_text(TESTS)
    (root / "services" / "room" / "tests" / "test_time.py").write_text(TESTS_OF_TIME)
    return root


@pytest.fixture(scope="module")
def cluster(project: Path) -> Iterator[Running]:
    with running(project) as cluster:
        yield cluster


def test_the_checks_and_the_build_accept_a_driver_and_its_devices(project: Path) -> None:
    assert run(["-C", str(project), "check"]) == 0
    assert run(["-C", str(project), "build"]) == 0


def test_its_tests_set_and_break_devices(project: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", "--color=no"]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120)
    assert "9 passed" in result.stdout, result.stdout + result.stderr


def test_it_runs_and_follows_its_inputs(cluster: Running) -> None:
    with cluster.client("room") as client:
        assert client.get("/temperature").json() == 4.5
        cluster.sim.board("box").inputs.device("air", temperature=21.5)
        assert client.get("/temperature").json() == 21.5
        cluster.sim.board("box").inputs.fault("air", "nack")
        assert client.get("/temperature").status_code == 500
        cluster.sim.board("box").inputs.fault("air", None)


def test_a_blocked_loop_is_reported_once(cluster: Running) -> None:
    start = "WARN panel: start blocked the loop for 15"
    cluster.wait_log("box", start)
    with cluster.client("room") as room, cluster.client("panel") as panel:
        for path, line in (
            ("/slow", "WARN room: GET /slow blocked the loop for 12"),
            ("/slower", "WARN room: slower blocked the loop for 3"),
        ):
            room.get(path)
            cluster.wait_log("box", line)
        panel.get("/blocks")  # in a module of lib/
        cluster.wait_log("box", "WARN panel: start blocked")
        room.get("/slow")
        panel.get("/blocks")
        assert panel.get("/later").json() == 1
        cluster.wait_log("box", "pin 5 as PWM")
    stalls = [line for line in cluster.log_text("box").split("\n") if "blocked the loop" in line]
    assert len(stalls) == 3, stalls


def test_two_services_that_use_one_pin_are_named(cluster: Running) -> None:
    cluster.wait_log("box", "pin 4 as Pin")
    with cluster.client("panel") as panel:
        panel.get("/later")
        cluster.wait_log("box", "pin 5 as PWM")
    remedy = ": let one service own the pin"
    for line in (
        "it uses pin 4 as Pin, which room uses as I2C(0) sda",
        "it uses pin 5 as PWM, which room uses as I2C(0) scl",
    ):
        assert cluster.log_text("box").count(f"WARN panel: {line}{remedy}") == 1
    assert cluster.log_text("box").count(remedy) == 2, "one service may use a pin again"
