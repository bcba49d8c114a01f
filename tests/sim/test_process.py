"""One board's process: how it starts, what it sees, how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.sim import tiny
from torpor_sim import Simulator
from torpor_sim.crash import Crash, backoff
from torpor_tools.errors import UserError


async def test_it_runs_boot_and_then_main_from_the_root_of_its_own_filesystem(
    tmp_path: Path,
) -> None:
    files = {
        "boot.py": "print('boot', __name__)",
        "main.py": tiny.READY
        + "import os, sys, helper\n"
        + "print(__name__, os.getcwd(), sorted(os.listdir('/')), sys.argv, helper.HERE)\n"
        + "import time; time.sleep(1000)",
        "helper.py": "HERE = __file__",
    }
    async with Simulator([tiny.image(tmp_path, files)]) as sim:
        log = sim.board("shed").log
        await sim.board("shed").wait_log("__main__ /")
    assert tiny.printed(log) == [
        "boot __main__",
        "__main__ / ['.sim', 'boot.py', 'helper.py', 'main.py', 'secrets.json'] [] helper.py",
    ]


async def test_its_heap_is_that_of_the_board_plus_room_for_the_shims(tmp_path: Path) -> None:
    source = "import gc\nprint('heap', gc.mem_free() + gc.mem_alloc())"
    small = tiny.plan("small", board_type=tiny.board(heap_bytes=100 * 1024))
    images = [
        tiny.program(tmp_path / "small", source, small),
        tiny.program(tmp_path / "shed", source),
    ]
    async with Simulator(images) as sim:
        sizes = [
            int((await sim.board(name).wait_log("heap")).text.split()[1])
            for name in ("small", "shed")
        ]
    # This machine's words have 8 bytes, a chip's 4. The shims of a Pico's modules take 4 kB of it.
    assert 0.98 < sizes[0] / (104 * 1024 * 2) <= 1
    assert 0.98 < sizes[1] / (194 * 1024 * 2) <= 1


async def test_a_crash_is_reported_with_its_traceback_and_restarts_the_board(
    tmp_path: Path,
) -> None:
    source = """
import machine
print("cause", machine.reset_cause())
if machine.reset_cause() == machine.PWRON_RESET:
    def measure():
        raise ValueError("no probe")
    measure()
"""
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        board = sim.board("shed")
        await board.wait_log("cause 3")
        crash = board.crashes[0]
        report = await board.wait_log("crashed")
    assert report.level == "ERROR"
    assert "ValueError: no probe" in report.text
    assert crash.start == 1
    assert crash.reason == "ValueError: no probe"
    assert crash.traceback[0].startswith("Traceback")
    assert any('File "/main.py", line 7, in measure' in line for line in crash.traceback)
    assert not any("_boot" in line for line in crash.traceback)


async def test_a_board_that_crashes_before_it_is_ready_fails_the_start(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"(?s)shed crashed before it was ready.*line 1, in <module>"
    ):
        async with Simulator([tiny.image(tmp_path, "import nonsense")]):
            pass


async def test_a_main_that_ends_is_reported_as_a_crash(tmp_path: Path) -> None:
    async with Simulator([tiny.image(tmp_path, tiny.READY)]) as sim:
        await sim.board("shed").wait_log("main.py ended")


async def test_a_killed_process_is_a_crash(tmp_path: Path) -> None:
    async with Simulator([tiny.program(tmp_path, "")]) as sim:
        board = sim.board("shed")
        assert board.pid
        os.kill(board.pid, signal.SIGKILL)
        await board.wait_log("SIGKILL")
        await board.ready(start=2)
        assert [e for e in board.trace if e["event"] == "boot"][-1]["cause"] == "watchdog"


def test_restarts_back_off_until_a_run_lasts() -> None:
    def crashes(*seconds: float) -> list[Crash]:
        return [Crash(i + 1, "x", ran) for i, ran in enumerate(seconds)]

    waits = [backoff(crashes(*[0.1] * n)) for n in range(1, 12)]
    assert waits == sorted(waits)
    assert waits[0] < 1
    assert waits[-1] == 30
    assert backoff(crashes(0.1, 0.1, 0.1, 60)) == waits[0]
    assert backoff(crashes(0.1, 0.1, 60, 0.1)) == waits[0]
    gap = [*crashes(0.1, 0.1), Crash(9, "x", 0.1)]  # the runs between them ended well
    assert backoff(gap) == waits[0]


_SUPERVISOR = """
import asyncio, pathlib, sys
from tests.sim import tiny
from torpor_sim import Simulator

async def main():
    image = tiny.program(pathlib.Path(sys.argv[1]), "")
    async with Simulator([image]) as sim:
        print(sim.board("shed").pid, flush=True)
        await asyncio.sleep(1000)

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_no_board_outlives_its_supervisor(tmp_path: Path, number: signal.Signals) -> None:
    root = Path(__file__).parents[2]
    path = os.pathsep.join(str(root / part) for part in ("", "host_tools", "sim"))
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_SUPERVISOR), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    with process:
        assert process.stdout
        board = int(process.stdout.readline())
        process.send_signal(number)
        output = process.stdout.read()
    assert ("stopped" in output) == (number == signal.SIGINT)
    async with asyncio.timeout(30):
        while _alive(board):
            await asyncio.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
