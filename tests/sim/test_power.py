"""Resets, sleep, the watchdog, and what is left after each."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.sim import tiny
from torpor_sim import Simulator
from torpor_sim.clock import duration

ESP32 = tiny.plan(board_type=tiny.board("esp32"))
PICO = tiny.plan()


async def test_a_reset_ends_the_run_without_unwinding_it(tmp_path: Path) -> None:
    source = """
import machine
print("cause", machine.reset_cause())
if machine.reset_cause() == machine.PWRON_RESET:
    try:
        machine.reset()
    finally:
        print("unwound")
"""
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        board = sim.board("shed")
        await board.wait_log("cause 3")  # a Pico cannot distinguish a reset from its watchdog
        assert tiny.printed(board.log) == ["cause 1", "cause 3"]
        assert not board.crashes
        assert [e["cause"] for e in board.trace if e["event"] == "boot"] == ["power-on", "reset"]


@pytest.mark.parametrize(
    ("call", "cause"),
    [("machine.reset()", 2), ("machine.deepsleep(1)", 4), ("machine.soft_reset()", 5)],
)
async def test_an_esp32_distinguishes_its_resets(tmp_path: Path, call: str, cause: int) -> None:
    source = f"""
import machine
print("cause", machine.reset_cause())
if machine.reset_cause() == machine.PWRON_RESET:
    {call}
"""
    async with Simulator([tiny.program(tmp_path, source, ESP32)]) as sim:
        await sim.board("shed").wait_log(f"cause {cause}")


async def test_deep_sleep_wakes_by_its_timer_with_the_rtc_memory_it_left(tmp_path: Path) -> None:
    source = """
import machine
rtc = machine.RTC()
turn = len(rtc.memory()) + 1
rtc.memory(b"x" * turn)
print("turn", turn, machine.wake_reason())
if turn < 3:
    machine.deepsleep(30)
"""
    async with Simulator([tiny.program(tmp_path, source, ESP32)]) as sim:
        board = sim.board("shed")
        await board.wait_log("turn 3")
        assert tiny.printed(board.log) == ["turn 1 0", "turn 2 4", "turn 3 4"]
        mark = board.log.mark()
        board.kill()
        await board.wait_log("turn 1 0", since=mark)  # a power cut takes the memory


async def test_a_board_that_sleeps_for_ever_is_woken_by_its_reset_button(tmp_path: Path) -> None:
    source = """
import machine, os
print("here")
if "slept" not in os.listdir():
    open("slept", "w").close()
    machine.deepsleep()
"""
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        board = sim.board("shed")
        await board.wait_trace("deepsleep")
        await board.wait_log("until it is reset")
        await board.reset()
        assert board.starts == 2
        boots = [event for event in board.trace if event["event"] == "boot"]
        assert boots[-1]["cause"] == "power-on"


async def test_files_of_a_board_survive_its_resets(tmp_path: Path) -> None:
    source = """
import os
was = "there" if "kept" in os.listdir("/") else "empty"
with open("kept", "w") as file:
    file.write("x")
print(was)
"""
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        board = sim.board("shed")
        await board.wait_log("empty")
        await board.reset()
        await board.wait_log("there")


async def test_a_watchdog_that_is_not_fed_restarts_the_board(tmp_path: Path) -> None:
    source = """
import machine
print("cause", machine.reset_cause())
if machine.reset_cause() == machine.PWRON_RESET:
    machine.WDT(timeout=50)
"""
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        board = sim.board("shed")
        await board.wait_log("cause 3")
        assert board.crashes[0].reason == "its watchdog was not fed for 0.05 s"


async def test_a_watchdog_that_is_fed_does_not_bite(tmp_path: Path) -> None:
    source = """
import machine, time
dog = machine.WDT(timeout=1000)
for i in range(3000):
    time.sleep_ms(1)
    dog.feed()
print("fed")
"""
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        board = sim.board("shed")
        await board.wait_log("fed")
        assert board.starts == 1
        message = [event for event in board.trace if event["event"] == "watchdog"]
        assert len(message) < 20  # not each of the 3000


async def test_a_pico_refuses_a_longer_watchdog_than_the_chip_has(tmp_path: Path) -> None:
    source = """
import machine
try:
    machine.WDT(timeout=9000)
except ValueError as e:
    print("refused", e)
"""
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        await sim.board("shed").wait_log("refused timeout exceeds 8388")


async def test_light_sleep_is_traced_and_keeps_the_program(tmp_path: Path) -> None:
    source = "import machine\nmachine.lightsleep(20)\nprint('awake')"
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        board = sim.board("shed")
        await board.wait_log("awake")
        asleep, awake = board.trace[-2:]
    assert (asleep["event"], asleep["mode"], asleep["ms"]) == ("sleep", "light", 20)
    assert (awake["event"], awake["reason"]) == ("wake", "timer")
    assert awake["t"] - asleep["t"] >= 20


async def test_a_packet_wakes_a_pico_from_a_sleep_without_end(tmp_path: Path) -> None:
    source = (
        tiny.SERVER
        + """
import machine, time
s = socket.socket()
s.bind(socket.getaddrinfo("0.0.0.0", 8001)[0][-1])
s.listen(1)
print("        1 INFO  kernel: ready")
machine.lightsleep()
print("awake", s.accept()[0].recv(3))
time.sleep(1000)
"""
    )
    where = tiny.plan(ports={"web": 8001})
    async with Simulator([tiny.image(tmp_path, source, where)], ports="os") as sim:
        board = sim.board("shed")
        await board.wait_trace("sleep")
        assert "awake" not in " ".join(tiny.printed(board.log))
        _, writer = await asyncio.open_connection("127.0.1.1", board.place.ports[8001])
        writer.write(b"GET")
        await board.wait_log("awake b'GET'")
        assert board.trace[-1]["reason"] == "packet"
        writer.close()


async def test_the_chips_have_different_features(tmp_path: Path) -> None:
    source = """
import machine
found = []
for name in ("rp2", "esp32", "network", "onewire", "ds18x20", "ntptime"):
    try:
        __import__(name)
        found.append(name)
    except ImportError:
        pass
print(found, hasattr(machine, "DEEPSLEEP_RESET"), hasattr(machine.RTC(), "memory"))
print(len(machine.unique_id()), machine.freq())
"""
    pico = tiny.program(tmp_path / "a", source, tiny.plan("pico"))
    esp = tiny.program(tmp_path / "b", source, tiny.plan("esp", board_type=tiny.board("esp32")))
    async with Simulator([pico, esp]) as sim:
        await sim.board("pico").wait_log("8 125000000")
        await sim.board("esp").wait_log("6 160000000")
        same = "'network', 'onewire', 'ds18x20', 'ntptime']"
        assert tiny.printed(sim.board("pico").log)[0] == f"['rp2', {same} False False"
        assert tiny.printed(sim.board("esp").log)[0] == f"['esp32', {same} True True"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.5, "0.5 s"),
        (59, "59 s"),
        (200, "3 min 20 s"),
        (35_600, "9 h 53 min"),
        (3599.9, "1 h 0 min"),
    ],
)
def test_a_sleep_is_shown_in_units_for_people(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
