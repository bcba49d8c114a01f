"""Drivers from PyPI on the official Pico W firmware in the emulator, as ``torpor add`` has them.

The models run on a simulated board, which lends them to the emulator's I2C bus. Not here, and why:

- ``micropython-servo``, ``DIYables-MicroPython-Servo`` (PWM) and ``pms5003-micropython`` (UART):
  the emulator has both peripherals, but nothing connects them to the models.
- ``grokesplib``: it drives I2C in software, by single pins, and reads a DHT11 at one. The models
  take messages and pulses, not levels.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.drivers import DRIVERS, END, SHOWN, class_of, dots, service_of, write_project
from tests.helpers.emulated_i2c import lent_devices
from torpor_sim.emulated import EmulatedBoard
from torpor_sim.shown import as_png
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.contracts import load_plan
from torpor_tools.image import littlefs
from torpor_tools.image.flashable import flashable
from torpor_tools.link import build

pytestmark = pytest.mark.emulated

WALL_S = 600.0
_ALL = "-- all ran --"
PICTURE = Path(__file__).parents[1] / "cases" / "pictures" / "micropython-ssd1306-driver.png"
# Parts with one address need a boot each.
BOOTS = [
    ["bme280-upy", "micropython-ahtx0", "micropython-mpu9250", "micropython-ssd1306-driver"],
    ["micropython-si7021", "rpi-lcd-i2c-micropython"],
    ["micropython-htu21df"],
    ["micropython-sht20"],
    ["micropython-ina228"],
]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def _flash_file(root: Path, drivers: list[str]) -> Path:
    """The board's image, with a main.py that runs the services without kernel and radio."""
    root.mkdir()
    write_project(root, {"desk": drivers})
    image = build(load_plan(root), "desk", root / "build", types=False)
    tree = image.tree
    main = "import asyncio\ntry:\n"
    for driver in drivers:
        main += f"    from services.{service_of(driver)} import {class_of(driver)}\n"
        main += f"    asyncio.run({class_of(driver)}.start(None))\n"
    main += f"finally:\n    print('{_ALL}')\n"
    files = {str(p.relative_to(tree)): p.read_bytes() for p in tree.rglob("*") if p.is_file()}
    files |= {"boot.py": b"", "main.py": main.encode()}
    board = image.board.board
    packed = littlefs.pack(files, board.filesystem)
    file = root / "board.uf2"
    file.write_bytes(flashable(board, firmware(board).read_bytes(), packed))
    return file


@pytest.mark.parametrize(
    "drivers", [BOOTS[0], *(pytest.param(each, marks=pytest.mark.soak) for each in BOOTS[1:])]
)
async def test_drivers_on_the_official_firmware(tmp_path: Path, drivers: list[str]) -> None:
    file = _flash_file(tmp_path / "project", drivers)
    devices = {name: each for driver in drivers for name, each in DRIVERS[driver][0].items()}
    expected = [line for driver in drivers for line in (*DRIVERS[driver][2], END)]
    async with (
        lent_devices(tmp_path / "lender", devices) as (port, lender),
        EmulatedBoard(uf2=file, i2c={0: port}) as board,
    ):
        await board.wait_line(_ALL, WALL_S)
        lines = [line.text for line in board.log]
        assert lines[: lines.index(_ALL)] == expected
        for driver in drivers:
            if driver in SHOWN:
                device, state = SHOWN[driver]
                assert lender.shown(device) == state
        if "display" in devices:
            frame = lender.shown("display")
            assert frame
            assert dots(as_png(frame)) == dots(PICTURE.read_bytes())
