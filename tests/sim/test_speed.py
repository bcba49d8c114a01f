"""The simulator's clock runs faster: sleeps and timers are short, and all agree on the time."""

from __future__ import annotations

import time
from pathlib import Path

from tests.sim import tiny
from torpor_sim import Simulator

ESP32 = tiny.plan(board_type=tiny.board("esp32"))
SPEED = 100

TASKS = """
import asyncio, time

async def late(ms, name):
    await asyncio.sleep_ms(ms)
    print(name)
    return name

async def main():
    began = time.ticks_ms()
    tasks = [asyncio.create_task(late(ms, ms)) for ms in (9000, 3000, 6000)]
    print("gathered", await asyncio.gather(*tasks))
    print("passed", 9 <= time.ticks_diff(time.ticks_ms(), began) // 1000 < 60)
    try:
        await asyncio.wait_for(late(1 << 20, "never"), 5)
    except asyncio.TimeoutError:
        print("timed out")
    waits = asyncio.create_task(late(1 << 20, "never"))
    await asyncio.sleep_ms(0)
    waits.cancel()
    try:
        await waits
    except asyncio.CancelledError:
        print("cancelled", waits.done())
    event = asyncio.Event()
    setter = asyncio.create_task(late(1000, "set"))
    async def wait():
        await event.wait()
        return "seen"
    waiter = asyncio.create_task(wait())
    await setter
    event.set()
    print(await waiter, setter.done())

asyncio.run(main())
print("all done")
"""


async def test_asyncio_keeps_its_order_and_its_times(tmp_path: Path) -> None:
    async with Simulator([tiny.program(tmp_path, TASKS)], speed=SPEED) as sim:
        board = sim.board("shed")
        await board.wait_log("all done")
        assert tiny.printed(board.log)[:11] == [
            "3000",
            "6000",
            "9000",
            "gathered [9000, 3000, 6000]",
            "passed True",
            "timed out",
            "cancelled True",
            "set",
            "seen True",
            "all done",
        ]


async def test_a_server_answers_as_at_normal_speed(tmp_path: Path) -> None:
    source = tiny.SERVER + "answer = lambda path: 'here'\nasyncio.run(serve(8001))\n"
    where = tiny.plan(ports={"web": 8001})
    image = tiny.image(tmp_path, source, where)
    async with Simulator([image], ports="os", speed=SPEED) as sim:
        assert (await sim.http("web").get("/")).text == "here"


async def test_deep_sleep_is_short_and_the_wall_clock_continues(tmp_path: Path) -> None:
    source = """
import machine, time
rtc = machine.RTC()
before = int(rtc.memory() or b"0")
print("slept", time.time() - before if before else 0)
rtc.memory(str(int(time.time())).encode())
machine.deepsleep(100_000)
"""
    began = time.monotonic()
    async with Simulator([tiny.program(tmp_path, source, ESP32)], speed=SPEED) as sim:
        board = sim.board("shed")
        asleep = await board.wait_trace("deepsleep")
        await board.wait_log("slept 1")
        booted = [event["at"] for event in board.trace if event["event"] == "boot"]
        assert booted[1] - asleep["at"] >= 100
    assert time.monotonic() - began < 100
