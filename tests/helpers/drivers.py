"""Unmodified drivers from PyPI, and projects that use them after ``torpor add``.

Each driver has a service, which reads the sensor once at its start and prints the value.
``tests/drivers.lock`` has the versions.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from textwrap import indent
from typing import Any

from torpor_tools.cli import run

END = "-- end --"

# Driver -> devices, program, the program's output.
DRIVERS: dict[str, tuple[dict[str, dict[str, Any]], str, list[str]]] = {
    # BST-BMP280-DS001, chapter 3.12: 25.08 degrees and 100653.27 Pa. This driver deviates from
    # Bosch's formula for the humidity, and its result is wrong by one percent.
    "bme280-upy": (
        {"air": {"model": "bme280", "bus": "i2c0", "temperature": 25.08, "pressure": 1006.5327}},
        """
from machine import I2C
from bme280 import BME280, CALC_FLOAT
t, h, p = await BME280(i2cBus=I2C(0), calc=CALC_FLOAT).readForcedAsync()
print(round(t, 2), round(p / 10) * 10, 0.43 < h < 0.46)
""",
        ["25.08 100650 True"],
    ),
    "micropython-ahtx0": (
        {"room": {"model": "aht20", "bus": "i2c0", "temperature": -12.5, "humidity": 80}},
        """
from machine import I2C
from ahtx0 import AHT20
air = AHT20(I2C(0))
print(round(air.temperature, 2), round(air.relative_humidity, 2))
""",
        ["-12.5 80.0"],
    ),
    "micropython-si7021": (
        {"air": {"model": "si7021", "bus": "i2c0", "temperature": 21.5, "humidity": 60}},
        """
from machine import I2C
from micropython_si7021.si7021 import SI7021
air = SI7021(I2C(0))
print(round(air.temperature, 1), round(air.humidity))
""",
        ["21.5 60"],
    ),
    # These two parts accept the commands of the Si7021.
    "micropython-htu21df": (
        {"air": {"model": "si7021", "bus": "i2c0", "temperature": 3.5, "humidity": 20}},
        """
from machine import I2C
from micropython_htu21df.htu21df import HTU21DF
air = HTU21DF(I2C(0))
print(round(air.temperature, 1), round(air.humidity))
""",
        ["3.5 20"],
    ),
    "micropython-sht20": (
        {"air": {"model": "si7021", "bus": "i2c0", "temperature": 99.5, "humidity": 99}},
        """
from machine import I2C
from micropython_sht20.sht20 import SHT20
air = SHT20(I2C(0))
print(round(air.temperature, 1), round(air.humidity))
""",
        ["99.5 99"],
    ),
    # Its MPU-6500 has the registers of an MPU-6050, but another name and temperature scale.
    "micropython-mpu9250": (
        {"motion": {"model": "mpu6050", "bus": "i2c0", "who_am_i": 0x70, "ay": -0.5, "gx": 180.0}},
        """
from machine import I2C
from mpu6500 import MPU6500
motion = MPU6500(I2C(0))
print([round(a, 2) for a in motion.acceleration], [round(g, 2) for g in motion.gyro])
""",
        ["[0.0, -4.9, 9.81] [3.14, 0.0, 0.0]"],
    ),
    "micropython-ina228": (
        {"supply": {"model": "ina228", "bus": "i2c0", "voltage": 48.0, "current": 6.0}},
        """
from machine import I2C
from ina228 import INA228
supply = INA228(I2C(0))
print(supply.manufacturer_id, round(supply.voltage, 2), round(supply.temperature, 1))
print(round(supply.shunt_voltage, 4))
""",
        ["TI 48.0 25.0", "0.09"],
    ),
    "micropython-servo": (
        {"arm": {"model": "servo", "pin": 15, "min_us": 544, "max_us": 2400}},
        """
from servo import Servo
arm = Servo(15)
arm.write(135)
print(round(arm.read()))
""",
        ["135"],
    ),
    "DIYables-MicroPython-Servo": (
        {"arm": {"model": "servo", "pin": 15, "min_us": 600, "max_us": 2450}},
        """
from DIYables_MicroPython_Servo import Servo
arm = Servo(15)
arm.move_to_angle(45)
""",
        [],
    ),
    "rpi-lcd-i2c-micropython": (
        {"lines": {"model": "hd44780", "bus": "i2c0"}},
        """
from machine import I2C
from rpi_lcd_i2c_micropython import I2cLcd
lines = I2cLcd(I2C(0), 0x27, 2, 16)
lines.putstr("21.5 C")
lines.move_to(3, 1)
lines.putstr("ok")
""",
        [],
    ),
    "pms5003-micropython": (
        {"dust": {"model": "pms5003", "bus": "uart1", "pm1": 3, "pm2_5": 77, "pm10": 120}},
        """
from machine import Pin, UART
from pms5003 import PMS5003
dust = PMS5003(UART(1, 9600), pin_enable=Pin(3), pin_reset=Pin(2))
reading = dust.read()
print([reading.pm_ug_per_m3(size) for size in (1.0, 2.5, 10)])
""",
        ["[3, 77, 120]"],
    ),
    "grokesplib": (
        {
            "clock": {"model": "ds3231", "bus": "i2c0", "temperature": 25.25},
            "lines": {"model": "hd44780", "bus": "i2c0"},
            "cellar": {"model": "dht11", "pin": 14, "temperature": 24, "humidity": 53},
        },
        """
import grok
clock = grok.RTC(sda=4, scl=5)
clock.datetime((2026, 11, 28, 5, 12, 34, 56, 0))
print(clock.datetime()[:6])
cellar = grok.DHT11(14)
print(cellar.temperature(), cellar.humidity())
""",
        ["(2026, 11, 28, 5, 12, 34)", "24 53"],
    ),
    "micropython-ssd1306-driver": (
        {"display": {"model": "ssd1306", "bus": "i2c0"}},
        """
from machine import I2C
from ssd1306 import SSD1306_I2C
display = SSD1306_I2C(128, 64, I2C(0))
display.fill(0)
display.text("torpor", 0, 0)
display.rect(0, 16, 60, 40, 1)
display.line(64, 16, 127, 63, 1)
display.show()
""",
        [],
    ),
}
SHOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "micropython-servo": ("arm", {"kind": "angle", "degrees": 135.0}),
    "DIYables-MicroPython-Servo": ("arm", {"kind": "angle", "degrees": 45.0}),
    "rpi-lcd-i2c-micropython": (
        "lines",
        {"kind": "text", "lines": ["21.5 C          ", "   ok           "], "light": True},
    ),
}


def service_of(driver: str) -> str:
    """Return the name of a driver's service."""
    return driver.lower().replace("-", "_")


def class_of(driver: str) -> str:
    """Return the name of that service's class."""
    return service_of(driver).title().replace("_", "")


def write_project(root: Path, boards: dict[str, list[str]]) -> Path:
    """Write a project in which the boards (name -> drivers) run these drivers' services."""
    text = '[cluster]\nname = "drivers"\n'
    for board, drivers in boards.items():
        services = [service_of(driver) for driver in drivers]
        text += f'\n[boards.{board}]\ntype = "RPI_PICO_W"\nservices = {json.dumps(services)}\n'
        text += f"\n[boards.{board}.devices]\n"
        text += "".join(_device(*device) for driver in drivers for device in _devices(driver))
        text += "".join(f"\n[services.{service}]\nport = false\n" for service in services)
        for driver in drivers:
            _write_service(root, driver)
    (root / "cluster.toml").write_text(text)
    for driver in {driver for drivers in boards.values() for driver in drivers}:
        assert run(["-C", str(root), "add", f"{driver}=={version(driver)}"]) == 0
    return root


def _devices(driver: str) -> Iterable[tuple[str, dict[str, Any]]]:
    return DRIVERS[driver][0].items()


def _device(name: str, values: dict[str, Any]) -> str:
    pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
    return f"{name} = {{ {pairs} }}\n"


def _write_service(root: Path, driver: str) -> None:
    folder = root / "services" / service_of(driver)
    folder.mkdir(parents=True)
    body = indent(DRIVERS[driver][1].strip() + f'\nprint("{END}")', " " * 8)
    head = f"from torpor import Service\n\n\nclass {class_of(driver)}(Service):\n"
    (folder / "__init__.py").write_text(f"{head}    async def start(self) -> None:\n{body}\n")


def dots(png: bytes) -> bytes:
    """Return the size and the decompressed pixels of a picture: compression depends on zlib."""
    at = png.index(b"IDAT")
    length = int.from_bytes(png[at - 4 : at], "big")
    return png[16:24] + zlib.decompress(png[at + 4 : at + 4 + length])
