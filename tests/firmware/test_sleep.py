"""Boards that sleep, in the simulator: policies, schedules over deep sleep, wake pins, Wi-Fi."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.helpers import board_types
from tests.helpers.running import write_cluster
from torpor_sim import SimBoard, Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.link import build

DOOR = """
import asyncio

from torpor import Service, every, get, on_wake, system


class Door(Service):
    async def start(self) -> None:
        self.log.info("start: %s, %s", system.reset_cause(), system.wake_reason())

    @get("/state")
    async def condition(self) -> str:
        return "here"

    @get("/slow")
    async def slow(self) -> str:
        await asyncio.sleep_ms(600)
        return "at last"
"""
MEASURES = """
    @every(seconds=6)
    async def measure(self) -> None:
        self.log.info("measured")
"""
OPENS = """
    @on_wake(pin=4, level=0)
    async def opened(self) -> None:
        self.log.info("opened")
"""


@asynccontextmanager
async def sleeper(
    root: Path, board: str, power: str, source: str = DOOR, speed: float = 1
) -> AsyncIterator[tuple[Simulator, SimBoard]]:
    """Run one service, ``door``, on a board with that power table."""
    write_cluster(root, {"door": source}, board)
    toml = root / "cluster.toml"
    toml.write_text(toml.read_text() + f"\n[boards.box.power]\n{power}\n")
    image = build(load_plan(root), "box", root / "build", types=False)
    async with Simulator([image], ports="os", speed=speed) as sim:
        yield sim, sim.board("box")


DEEP = 'policy = "deep"\nlinger_ms = 300\n'
REACHED = 'policy = "deep"\nlinger_ms = 4000\n'  # long enough for a request of a busy computer


def boots(board: SimBoard) -> list[tuple[str, str]]:
    """Return reset cause and wake reason of each start, as the service saw them."""
    message = [str(line).partition("start: ")[2] for line in board.log if "start: " in str(line)]
    return [(text.split(", ")[0], text.split(", ")[1]) for text in message]


async def test_a_deep_board_serves_and_sleeps_until_its_job_is_due(tmp_path: Path) -> None:
    async with sleeper(tmp_path, "ESP32_GENERIC", REACHED, DOOR + MEASURES) as (sim, board):
        assert (await sim.http("door").get("/state")).text == "here"
        asleep = await board.wait_trace("deepsleep")
        assert 4000 < asleep["ms"] <= 6000  # not six seconds again: it was awake for a while
        await board.wait_trace("deepsleep", since=board.trace.mark())
        assert boots(board) == [("power-on", ""), ("deep sleep", "timer")]
        log = [str(line) for line in board.log]
        woke = next(i for i, line in enumerate(log) if "start: deep sleep" in line)
        assert sum("measured" in line for line in log[woke:]) == 1


async def test_a_pico_sleeps_deep_with_its_radio_off_and_knows_why_it_starts(
    tmp_path: Path,
) -> None:
    async with sleeper(tmp_path, "RPI_PICO_W", DEEP, DOOR + MEASURES) as (_, board):
        asleep = await board.wait_trace("sleep")
        radio = [event["state"] for event in board.trace if event["event"] == "radio"]
        assert (asleep["mode"], radio[-1]) == ("light", "off")
        await board.wait_log("measured", since=board.log.mark())
        await board.reset()  # the note in the scratch registers is valid for one start
        assert boots(board) == [("power-on", ""), ("deep sleep", "timer"), ("power-on", "")]


async def test_a_long_request_is_finished_before_the_board_sleeps(
    tmp_path: Path,
) -> None:
    async with sleeper(tmp_path, "ESP32_GENERIC", REACHED, DOOR + MEASURES) as (sim, board):
        mark = board.log.mark()
        assert (await sim.http("door").get("/slow")).text == "at last"
        assert not any("deep sleep" in str(line) for line in board.log.since(mark))
        await board.wait_log("power: deep sleep for")


HOLDS = """
    @get("/held")
    async def held(self) -> str:
        self.spawn(self._work)
        return "begun"

    async def _work(self) -> None:
        async with self.awake():
            self.log.info("work begins")
            await asyncio.sleep_ms(6000)
            self.log.info("work is done")
"""


async def test_a_service_can_hold_the_board_awake(tmp_path: Path) -> None:
    async with sleeper(tmp_path, "ESP32_GENERIC", REACHED, DOOR + MEASURES + HOLDS) as (sim, board):
        await sim.http("door").get("/held")
        await board.wait_log("power: deep sleep for")
        log = [str(line) for line in board.log]
        done = next(i for i, line in enumerate(log) if "work is done" in line)
        assert not any("deep sleep" in line for line in log[:done])


@pytest.mark.parametrize("kind", board_types.WAKE_BY_PIN)
async def test_a_door_wakes_the_board_once_however_long_it_stays_open(
    tmp_path: Path, kind: str
) -> None:
    power = DEEP + 'wake_every = "1h"'
    async with sleeper(tmp_path, kind, power, DOOR + OPENS) as (_, board):
        await board.wait_log("power: deep sleep for")
        await board.wait_trace("deepsleep" if kind in board_types.ESP32 else "sleep")
        mark = board.log.mark()
        board.inputs.pin(4, 0)
        await board.wait_log("opened", since=mark)
        await board.wait_log("power: deep sleep for", since=mark)  # with the door open
        mark = board.log.mark()
        board.inputs.pin(4, 1)  # closing it starts the board, but no method
        await board.wait_log("power: deep sleep for", since=mark)
        assert [reason for _, reason in boots(board)] == ["", "pin", "pin"]
        assert sum("opened" in str(line) for line in board.log) == 1


FAILS_ONCE = """
from torpor import Service, on_wake, system


class Door(Service):
    async def start(self) -> None:
        if system.reset_cause() != "deep sleep":
            raise OSError(19)
        self.log.info("started")

    @on_wake(pin=4, level=0)
    async def opened(self) -> None:
        self.log.info("opened")
"""


async def test_a_service_that_did_not_start_is_tried_again_after_a_sleep(tmp_path: Path) -> None:
    """Neither a job nor a pin of a service that does not run would ever wake the board."""
    async with sleeper(tmp_path, "ESP32_GENERIC", DEEP, FAILS_ONCE, speed=300) as (_, board):
        await board.wait_log("door: failed to start")
        asleep = await board.wait_trace("deepsleep")
        assert asleep["ms"] == 600_000
        await board.wait_log("door: started")
        asleep = await board.wait_trace("deepsleep", since=board.trace.mark())
        assert asleep["ms"] is None  # until the pin


async def test_a_door_that_opens_while_the_board_is_awake_is_also_noticed(tmp_path: Path) -> None:
    async with sleeper(tmp_path, "ESP32_GENERIC", 'policy = "on"', DOOR + OPENS) as (_, board):
        board.inputs.pin(4, 0)
        await board.wait_log("opened")


async def test_the_access_point_is_remembered_and_searched_for_when_it_has_changed(
    tmp_path: Path,
) -> None:
    async with sleeper(tmp_path, "ESP32_GENERIC", DEEP, DOOR + MEASURES) as (_, board):
        await board.wait_trace("deepsleep")
        message = [event["event"] for event in board.trace]
        assert message.index("scan") < message.index("rejoin")
        mark = board.trace.mark()
        again = await board.wait_trace("rejoin", since=mark)
        assert again["address"]  # no scan and no DHCP
        await board.wait_trace("deepsleep", since=mark)
        assert not any(event["event"] == "scan" for event in board.trace.since(mark))
        board.inputs.set("wifi", "bssid", "0200000000ff")
        mark = board.trace.mark()
        await board.wait_trace("scan", since=mark)
        await board.wait_log("looking for another")
        await board.wait_log("joined as", since=board.log.mark())


async def test_without_wifi_the_jobs_run_and_the_board_sleeps_again(tmp_path: Path) -> None:
    power = DEEP + "wifi_deadline_ms = 800"
    async with sleeper(tmp_path, "ESP32_GENERIC", power, DOOR + MEASURES) as (_, board):
        board.inputs.wifi(up=False)
        await board.wait_trace("deepsleep")
        mark = board.log.mark()
        await board.wait_log("measured", since=mark)
        await board.wait_log("power: deep sleep for", since=mark)
        assert not any("net: joined" in str(line) for line in board.log.since(mark))


async def until_dormant(board: SimBoard, mark: int) -> None:
    """Wait until a Pico sleeps without a time limit."""
    await board.trace.wait(
        lambda event: event["event"] == "sleep" and event["ms"] is None,
        what="sleep without an end",
        timeout=30,
        since=mark,
    )


async def test_a_packet_wakes_a_pico_that_dozes(tmp_path: Path) -> None:
    power = 'policy = "doze"\nlinger_ms = 100'
    async with sleeper(tmp_path, "RPI_PICO_W", power) as (sim, board):
        mark = 0
        for _ in range(3):
            await until_dormant(board, mark)
            mark = board.trace.mark()
            assert (await sim.http("door").get("/state")).text == "here"
            woken = await board.wait_trace("wake", since=mark)
            assert woken["reason"] == "packet"
        assert board.starts == 1


async def test_a_pico_that_dozes_between_jobs_runs_them_and_serves(tmp_path: Path) -> None:
    power = 'policy = "doze"\nlinger_ms = 100'
    source = DOOR + MEASURES.replace("seconds=6", "seconds=1")
    async with sleeper(tmp_path, "RPI_PICO_W", power, source) as (sim, board):
        await board.wait_trace("sleep")
        mark = board.log.mark()
        await board.wait_log("measured", since=mark)
        assert (await sim.http("door").get("/state")).text == "here"
        await board.wait_trace("sleep", since=board.trace.mark())


LEAVES = """
from torpor import power


class Queue:
    def __init__(self, log):
        self.log = log
        self.left = 3

    def busy_ms(self) -> int:
        return 50 * self.left

    async def close(self, ms: int) -> None:
        self.log.info("closing for %d ms with %d left", ms, self.left)


async def work(queue):
    while queue.left:
        await asyncio.sleep_ms(50)
        queue.left -= 1
        power.touch()
"""


async def test_a_work_source_is_drained_and_closed_before_the_sleep(tmp_path: Path) -> None:
    head, _, rest = DOOR.partition("\n\nclass Door")
    start = "        queue = Queue(self.log)\n        power.sources.append(queue)\n"
    start += "        self.spawn(work, queue)\n"
    source = head + LEAVES + "\n\nclass Door" + rest + MEASURES
    source = source.replace("system.wake_reason())\n", "system.wake_reason())\n" + start)
    async with sleeper(tmp_path, "ESP32_GENERIC", DEEP, source) as (_, board):
        message = await board.wait_log("closing for")
        assert "with 0 left" in str(message)
        await board.wait_log("power: deep sleep for")


REPORTS = """
    @daily("%s")
    async def report(self) -> None:
        self.log.info("reported")
"""


async def test_a_daily_job_wakes_the_board_at_its_time_and_once(tmp_path: Path) -> None:
    due = datetime.now(UTC) + timedelta(minutes=3)
    source = DOOR.replace("import Service", "import Service, daily")
    source += REPORTS % due.strftime("%H:%M")
    async with sleeper(tmp_path, "ESP32_GENERIC", DEEP, source, speed=60) as (_, board):
        await board.wait_log("reported")
        await board.trace.wait(  # 15 of 16 parts of a day: the clock may drift
            lambda event: event["event"] == "deepsleep" and event["ms"] > 80_000_000,
            what="a sleep of nearly a day",
            timeout=30,
        )
        assert sum("reported" in str(line) for line in board.log) == 1
        assert {reason for _, reason in boots(board)[1:]} == {"timer"}


STAYS = """
    async def start(self) -> None:
        self.spawn(self._stay)

    async def _stay(self) -> None:
        async with self.awake():
            await asyncio.sleep_ms(10_000_000)
"""


async def test_an_access_point_that_is_replaced_while_an_esp32_is_awake_is_found(
    tmp_path: Path,
) -> None:
    """Its firmware tries the old one for ever, and does not scan in the meantime."""
    source = DOOR.replace("start(self)", "unused(self)") + STAYS
    async with sleeper(tmp_path, "ESP32_GENERIC", DEEP + 'wake_every = "1h"', source, 20) as (
        _,
        board,
    ):
        joined = await board.wait_log("net: joined as")
        assert joined
        mark, since = board.trace.mark(), board.log.mark()
        board.inputs.wifi(bssid="020000000002")
        await board.wait_log("net: connection lost", since=since)
        await board.wait_log("net: joined as", since=since)
        events = [event["event"] for event in board.trace.since(mark)]
        assert "scan" in events
        assert not board.crashes
