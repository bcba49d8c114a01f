"""The Pico's port of sleep on its official firmware, in the emulator.

Not here: what a sleep draws, and a packet that ends it (docs/power.md says what the emulator does).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from torpor_sim.emulated import EmulatedBoard
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.contracts import load_plan
from torpor_tools.image import littlefs
from torpor_tools.link import build

pytestmark = pytest.mark.emulated

SERVICE = """
from torpor import Service, every, system


class Rare(Service):
    @every(hours=1)
    async def look(self) -> None:
        self.log.info("woken by %s", system.wake_reason())
"""
PROGRAM = """
import machine, time
from torpor import port
from torpor.power import chip

def say(*what):
    print("said", *what)
    time.sleep_ms(40)  # until USB has taken it

cause = port.reset_cause()
say(cause, port.wake_reason() or "-", chip.wake_pin(), time.gmtime()[0])
if cause == "power-on":
    machine.RTC().datetime((2026, 11, 24, 1, 12, 0, 0, 0))
    chip.watch(4, 0)
    say("pin", chip.active(4, 0))
    counter = time.ticks_ms()
    sleeps = 0
    while time.ticks_diff(time.ticks_ms(), counter) < 29:
        chip.light(30)  # USB may end one early
        sleeps += 1
    say("light", sleeps < 10)
    chip.deep(60, [(4, 0)])
elif cause == "deep sleep":
    machine.reset()
say("end")
time.sleep(1000)
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


async def test_a_deep_sleep_is_detected_after_the_reset_that_ends_it(tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"rare": SERVICE})
    toml = root / "cluster.toml"
    toml.write_text(toml.read_text() + '\n[boards.box.power]\npolicy = "deep"\n')
    image = build(load_plan(root), "box", root / "build", types=False)
    tree = {str(f.relative_to(image.tree)): f for f in image.tree.rglob("*") if f.is_file()}
    files = {name: file.read_bytes() for name, file in tree.items()}
    files.pop("boot.py")
    files["main.py"] = PROGRAM.encode()
    kind = image.board.board
    filesystem = root / "box.lfs"
    filesystem.write_bytes(littlefs.pack(files, kind.filesystem))
    async with EmulatedBoard(uf2=firmware(kind), filesystem=filesystem) as board:
        await board.wait_line("said end", timeout=240)
        message = [str(line).partition("said ")[2] for line in board.log if "said " in str(line)]
    assert message == [
        "power-on - -1 2021",
        "pin False",
        "light True",
        "deep sleep timer -1 2026",  # and the clock continues
        "watchdog - -1 2021",  # a reset of another kind is not taken for it
        "end",
    ]
