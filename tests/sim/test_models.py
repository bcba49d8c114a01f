"""The models of devices, asked over their buses: the values of the datasheets' examples."""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.sim.desk import desk, output_of, printed, problems, simulator
from torpor_sim import set_input
from torpor_sim.shown import as_png, as_text
from torpor_tools.cli import run
from torpor_tools.errors import UserError
from torpor_tools.model.device import outside
from torpor_tools.model.plan import BoardPlan
from torpor_tools.paths import devices_dir
from torpor_tools.project.models import model_files, read_model

_ON_A_BUS: dict[str, dict[str, Any]] = {
    "bme": {"model": "bme280", "bus": "i2c0", "temperature": 25.08, "pressure": 1006.5327},
    "bmp": {"model": "bmp280", "bus": "i2c0", "address": 0x77},
    "sht3": {"model": "sht3x", "bus": "i2c0", "temperature": -12.5, "humidity": 80},
    "sht4": {"model": "sht4x", "bus": "i2c0", "address": 0x46},
    "aht": {"model": "aht20", "bus": "i2c0", "temperature": 0.0},
    "si": {"model": "si7021", "bus": "i2c0", "temperature": 37.5},
    "mpu": {"model": "mpu6050", "bus": "i2c0", "gx": -250.0, "temperature": 36.53},
    "clock": {"model": "ds3231", "bus": "i2c1", "temperature": 25.25},
    "volts": {"model": "ads1115", "bus": "i2c0", "a0": 1.024, "a1": 0.512},
    "amperes": {
        "model": "ina219",
        "bus": "i2c0",
        "address": 0x41,
        "voltage": 11.98,
        "current": 10.0,
    },
    "expander": {"model": "mcp23017", "bus": "i2c0", "b7": 0},
    "port": {"model": "pcf8574", "bus": "i2c0", "address": 0x27, "p3": 0},
}
_ON_A_BUS["amperes"]["shunt"] = 0.002
_ASK = """
import time
from machine import I2C
bus = I2C(0)
print(bus.scan(), I2C(1).scan())
bus.writeto_mem(0x76, 0xf4, b"\\x25")
print(bus.readfrom_mem(0x76, 0xf7, 8)[:6], bus.readfrom_mem(0x77, 0xd0, 1))
bus.writeto(0x46, b"\\x89")
serial = bus.readfrom(0x46, 6)
bus.writeto(0x46, b"\\x39")  # it heats for a second
try:
    bus.readfrom(0x46, 6)
except OSError as e:
    print(e)
bus.writeto(0x44, b"\\x24\\x00")
time.sleep_ms(20)
print(bus.readfrom(0x44, 6))
print(serial)
bus.writeto(0x38, b"\\xbe\\x08\\x00")
bus.writeto(0x38, b"\\xac\\x33\\x00")
print(bus.readfrom(0x38, 1)[0] & 0x80)
time.sleep_ms(90)
print(bus.readfrom(0x38, 6))
bus.writeto(0x40, b"\\xe3", False)
print(bus.readfrom(0x40, 3))
print(bus.readfrom_mem(0x68, 0x75, 1), bus.readfrom_mem(0x68, 0x3b, 2))
bus.writeto_mem(0x68, 0x6b, b"\\x00")
print(bus.readfrom_mem(0x68, 0x3b, 14))
clock = I2C(1)
print(clock.readfrom_mem(0x68, 0x11, 2))
clock.writeto_mem(0x68, 0, b"\\x56\\x34\\x12\\x03\\x15\\x07\\x25")
print(clock.readfrom_mem(0x68, 1, 6))
bus.writeto_mem(0x48, 1, b"\\xc3\\x83")
time.sleep_ms(20)
print(bus.readfrom_mem(0x48, 1, 2)[0] & 0x80, bus.readfrom_mem(0x48, 0, 2))
bus.writeto_mem(0x48, 1, b"\\x85\\x83")
time.sleep_ms(20)
print(bus.readfrom_mem(0x48, 0, 2))
bus.writeto_mem(0x41, 5, b"\\x50\\x00")
print([bus.readfrom_mem(0x41, i, 2) for i in (1, 2, 4, 3)])
bus.writeto_mem(0x20, 0x00, b"\\xfe\\xff")
bus.writeto_mem(0x20, 0x0d, b"\\xff")
bus.writeto_mem(0x20, 0x12, b"\\x01")
print(bus.readfrom_mem(0x20, 0x12, 2))
bus.writeto(0x27, b"\\x0f")
print(bus.readfrom(0x27, 1))
"""


async def test_sensors_answer_as_in_their_datasheets(tmp_path: Path) -> None:
    async with simulator(tmp_path, _ASK, desk(_ON_A_BUS)) as sim:
        lines = await output_of(sim.board("desk"))
        assert sim.board("desk").shown("expander") == {
            "kind": "pins",
            "levels": [1] + [0] * 7 + [1] * 7 + [0],
        }
    assert lines[0] == "[32, 39, 56, 64, 65, 68, 70, 72, 104, 118, 119] [104]"
    # BMP280, chapter 3.12: raw 519888 is 25.08 degrees, and then 415148 is 100653.27 Pa.
    raw = eval(lines[1].rpartition(" ")[0])
    assert abs((raw[3] << 12 | raw[4] << 4 | raw[5] >> 4) - 519888) <= 8
    assert abs((raw[0] << 12 | raw[1] << 4 | raw[2] >> 4) - 415148) <= 8
    assert lines[1].endswith("b'X'")
    assert lines[2] == "[Errno 5] EIO", "it does not acknowledge while it is busy"
    sht = eval(lines[3])
    t, _, h, _ = struct.unpack(">HBHB", sht)
    assert round(-45 + 175 * t / 65535, 2) == -12.5
    assert round(100 * h / 65535, 2) == 80
    serial = eval(lines[4])
    assert serial[:2] + serial[3:5] == b"\x0f\x00\xaa\x55"
    assert lines[5] == "128"
    aht = eval(lines[6])
    assert (aht[3] & 15) << 16 | aht[4] << 8 | aht[5] == 1 << 18, "0 degrees are a quarter of 2^20"
    si = eval(lines[7])
    assert round(175.72 * (si[0] << 8 | si[1]) / 65536 - 46.85, 1) == 37.5
    assert lines[8] == r"b'h' b'\x00\x00'", "asleep at power on"
    assert struct.unpack(">7h", eval(lines[9])) == (0, 0, 16384, 0, -32750, 0, 0)
    assert lines[10] == r"b'\x19@'", "25.25 degrees: DS3231, table 3"
    assert lines[11] == r"b'4\x12\x03\x15\x07%'", "the time that was set, in BCD"
    assert lines[12] == r"128 b' \x00'", "a quarter of 4.096 V"
    assert lines[13] == r"b' \x00'", "A0 less A1, a quarter of 2.048 V"
    # SBOS448G, table 8: 20 mV, 11.98 V, 10 A at 1 mA, 119.8 W at 20 mW.
    words = [struct.unpack(">H", word)[0] for word in eval(lines[14])]
    assert (words[0], words[1] >> 3) == (2000, 2995)
    assert words[2] == 10_000
    assert words[3] == 5990
    assert lines[15] == r"b'\x01\x7f'"
    assert lines[16] == r"b'\x07'"


def test_the_check_byte_is_sensirions() -> None:
    text = (devices_dir() / "__init__.py").read_text()
    start = text.index("def crc8")
    space: dict[str, object] = {}
    exec(text[start : text.index("\n\n\n", start)], space)
    crc8 = space["crc8"]
    assert callable(crc8)
    assert crc8(b"\xbe\xef") == 0x92  # SHT3x, chapter 4.12
    assert crc8(b"\xdc", start=0) == 0x79  # Si7021, chapter 5.1
    assert crc8(b"\x68\x3a", start=0) == 0x7C


_ON_PINS: dict[str, dict[str, Any]] = {
    "air": {"model": "dht22", "pin": 15, "temperature": -10.1, "humidity": 65.2},
    "cellar": {"model": "dht11", "pin": 14, "temperature": 24.4, "humidity": 53},
    "scale": {"model": "hx711", "clock": 10, "data": 11, "weight": 12.5},
    "arm": {"model": "servo", "pin": 16},
    "lamps": {"model": "ws2812", "pin": 17, "count": 4},
    "bell": {"model": "button", "pin": 18, "bounce_ms": 400},
    "probe": {"model": "ds18b20", "pin": 22, "rom": "28ff641e8216c3a1", "temperature": 10.125},
    "place": {"model": "gps", "bus": "uart0", "latitude": -33.8568, "longitude": 151.2153},
    "dust": {"model": "pms5003", "bus": "uart1", "pm2_5": 35},
}
_AT_PINS = """
import dht, time
from ds18x20 import DS18X20
from machine import PWM, Pin, UART
from neopixel import NeoPixel
from onewire import OneWire
air = dht.DHT22(Pin(15))
air.measure()
print(round(air.temperature(), 1), air.humidity(), air.buf)
cellar = dht.DHT11(Pin(14))
cellar.measure()
print(cellar.temperature(), cellar.humidity())
try:
    dht.DHT22(Pin(13)).measure()
except OSError as e:
    print(e)
clock, data = Pin(10, Pin.OUT, value=0), Pin(11, Pin.IN)
def weigh(pulses):
    while data():
        time.sleep_ms(1)
    counts = 0
    for i in range(pulses):
        clock(1)
        counts = counts << 1 | data() if i < 24 else counts
        clock(0)
    return counts
print(weigh(25), weigh(27), data())
print(weigh(25), weigh(25))
arm = PWM(Pin(16), freq=50)
arm.duty_ns(1_500_000)
lamps = NeoPixel(Pin(17), 4)
lamps[0] = (255, 0, 0)
lamps[3] = (1, 2, 3)
lamps.write()
print(len(lamps), lamps[3])
probes = DS18X20(OneWire(Pin(22)))
print([bytes(rom).hex() for rom in probes.scan()], DS18X20(OneWire(Pin(21))).scan())
probes.convert_temp()
time.sleep_ms(760)
print(probes.read_temp(probes.scan()[0]))
place = UART(0, 9600, timeout=9000)
print(place.readline(), place.readline())
dust = UART(1, 9600, timeout=9000, timeout_char=10)
frame = dust.read(32)
print(frame[:2], frame[12:14], sum(frame[:30]) == frame[30] << 8 | frame[31])
dust.write(b"\\x42\\x4d\\xe1\\x00\\x00\\x01\\x70")
print(dust.read(8))
bell = Pin(18, Pin.IN, Pin.PULL_UP)
print("press", bell())
edges = 0
last = 1
end = time.ticks_add(time.ticks_ms(), 3000)
while time.ticks_diff(end, time.ticks_ms()) > 0:
    now = bell()
    if now != last:
        edges += 1
        last = now
        end = time.ticks_add(time.ticks_ms(), 100)
print(edges, last)
"""


async def test_parts_at_pins_and_serial_lines(tmp_path: Path) -> None:
    async with simulator(tmp_path, _AT_PINS, desk(_ON_PINS)) as sim:
        board = sim.board("desk")
        await board.wait_log("press 1")
        board.inputs.device("bell", pressed=1)
        lines = await output_of(board)
        assert board.shown("arm") == {"kind": "angle", "degrees": 90}
        assert board.shown("lamps") == {
            "kind": "pixels",
            "rgb": [[255, 0, 0], [0, 0, 0], [0, 0, 0], [1, 2, 3]],
        }
        assert board.shown("bell") is None
        received = board.shown("dust")
        assert received
        assert as_text(received) == repr(b"\x42\x4d\xe1\x00\x00\x01\x70")
        with pytest.raises(KeyError):
            board.shown("nothing")
    # AM2302, chapter 6.1: 65.2 % and -10.1 degrees are 02 8C 80 65.
    assert lines[0] == r"-10.1 65.2 bytearray(b'\x02\x8c\x80es')"
    assert lines[1] == "24 53"
    assert lines[2] == "[Errno 110] ETIMEDOUT"
    assert lines[3] == "9250 9250 1"
    assert lines[4] == "8625 9250", "pulses 26 and 27 choose half the gain"
    assert lines[5] == "4 (1, 2, 3)"
    assert lines[6] == "['28ff641e8216c3a1'] []"
    assert lines[7] == "10.125"
    assert "3351.40800,S,15112.91800,E,1,08" in lines[8]
    assert "$GPRMC," in lines[8]
    assert lines[9] == r"b'BM' b'\x00#' True"
    assert lines[10] == r"b'BM\x00\x04\xe1\x00\x01t'"
    edges, level = map(int, lines[12].split())
    assert level == 0
    assert edges % 2 == 1
    assert edges > 3, "it bounces"


_FAULTS = """
import time
from machine import I2C
bus = I2C(0)
def ask():
    try:
        return bus.readfrom_mem(0x76, 0xd0, 1)
    except OSError as e:
        return e
def wait(answer):
    while str(ask()) != answer:
        time.sleep_ms(1)
print("ready")
wait("[Errno 5] EIO")
print("nack", bus.scan())
wait("[Errno 110] ETIMEDOUT")
print("hang")
while True:
    answers = {str(ask()) for _ in range(5)}
    if len(answers) > 1 and "[Errno 110] ETIMEDOUT" not in answers:
        break
print("garbage")
wait("b'`'")
"""


async def test_devices_break(tmp_path: Path) -> None:
    where = desk({"thermometer": {"model": "bme280", "bus": "i2c0"}})
    async with simulator(tmp_path, _FAULTS, where) as sim:
        board = sim.board("desk")
        await board.wait_log("ready")
        board.inputs.fault("thermometer", "nack")
        await board.wait_log("nack []")
        board.inputs.fault("thermometer", "hang")
        await board.wait_log("hang")
        board.inputs.fault("thermometer", "garbage")
        await board.wait_log("garbage")
        board.inputs.fault("thermometer", None)
        await output_of(board)
        with pytest.raises(ValueError, match="no fault is called 'burn': use nack, hang, garbage"):
            board.inputs.fault("thermometer", "burn")


_LUX = '''
"""A light sensor of our own: two bytes, lux."""

from simdevices import I2CDevice


class Model(I2CDevice):
    BUS = "i2c"
    ADDRESSES = (0x23,)
    INPUTS = {"lux": 100}
    RANGES = {"lux": (0, 65535, "lx")}

    def read(self, count):
        return int(self.sense("lux")).to_bytes(2, "big")
'''


async def test_a_custom_model_and_inputs_from_outside(tmp_path: Path) -> None:
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "lux.py").write_text(_LUX)
    (tmp_path / "day.csv").write_text("# seconds,lux\n0,7\n10,7\n")
    source = """
import time
from machine import I2C
bus = I2C(0)
def lux():
    return int.from_bytes(bus.readfrom(0x23, 2), "big")
print(lux())
while lux() == 100:
    time.sleep_ms(1)
print(lux())
while lux() != 7:
    time.sleep_ms(1)
"""
    where = desk({"light": {"model": "lux", "bus": "i2c0"}}, root=tmp_path)
    storage = tmp_path / "storage"
    async with simulator(tmp_path / "image", source, where, storage=storage) as sim:
        board = sim.board("desk")
        await board.wait_log("100")
        set_input(storage, "desk", "light.lux", "2500")
        await board.wait_log("2500")
        set_input(storage, "desk", "light.lux", str(tmp_path / "day.csv"))
        await output_of(board)
        for key, text, reported in (
            ("light.heat", "1", "a lux has no such input\n.*light.lux"),
            ("lamp.lux", "1", "no device lamp is wired to desk\n.*its devices: light"),
            ("light.lux", "much", "much is not a value it can have"),
            ("light.lux", "70000", "light.lux cannot be 70000: it is from 0 to 65535 lx"),
            ("light.lux", "NaN", "light.lux cannot be nan"),
            ("light.lux", "true", "light.lux cannot be True"),
            ("light.lux", '{"base": 5, "amplitude": 6, "period_s": 9}', "light.lux cannot be -1"),
            (
                "light.lux",
                "none.csv",
                "none.csv is not a curve: there is no such file\n.*seconds,value",
            ),
        ):
            with pytest.raises(UserError, match=reported):
                set_input(storage, "desk", key, text)


@pytest.mark.parametrize("model", sorted(model_files(Path())))
def test_each_model_can_be_read_without_running_it_and_cites_its_source(model: str) -> None:
    path = model_files(Path())[model]
    found = read_model(path, path.name)
    assert found.bus
    assert found.inputs or found.options or found.pins or found.bus == "i2c"
    assert set(found.ranges) - {"*"} <= set(found.inputs)
    for name, value in found.inputs.items():
        assert outside(found.ranges, "it", name, 1e12), f"{name} has no range"
        assert value is None or not outside(found.ranges, "it", name, value)
    assert len(path.read_text().splitlines()) < 160
    assert any(
        word in path.read_text().split('"""')[1]
        for word in (
            "datasheet",
            "manual",
            "protocol",
            "register map",
            "BST-",
            "SG90",
            "Ganssle",
            "SSD1306",
        )
    )


@pytest.mark.parametrize("text", ["{'lux': 5}", "{'lux': (9, 1)}", "{'lux': ('a', 'b')}", "[3]"])
def test_a_model_whose_ranges_are_not_ranges_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lux.py"
    path.write_text(_LUX.replace('{"lux": (0, 65535, "lx")}', text))
    with pytest.raises(UserError, match="RANGES has a value that is not a range"):
        read_model(path, path.name)


def test_pictures() -> None:
    state = {"kind": "frame", "width": 10, "height": 3, "hex": "8040" + "0000" + "ffc0"}
    assert as_text(state).splitlines() == ["▀        ▀", "▀" * 10]
    png = as_png(state)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (40, 12)
    lamps = {"kind": "pixels", "rgb": [[255, 0, 16], [0, 0, 0]]}
    assert as_text(lamps) == "#ff0010 #000000"
    assert struct.unpack(">II", as_png(lamps)[16:24]) == (48, 24)
    with pytest.raises(UserError, match="not a picture"):
        as_png({"kind": "angle", "degrees": 3})
    assert as_text({"kind": "text", "lines": ["ab"], "light": True}) == "+--+\n|ab|\n+--+"
    assert json.loads(as_text({"kind": "new", "x": 1}))["x"] == 1


@pytest.mark.parametrize(
    ("devices", "reported"),
    [
        (
            {"a": {"model": "bme281", "bus": "i2c0"}},
            'there is no model "bme281".*did you mean "bme280"',
        ),
        ({"a": {"bus": "i2c0"}}, "a has no model.*write for example"),
        ({"a": {"model": "bme280"}}, "a bme280 needs a bus of the type i2c.*i2c0"),
        (
            {"a": {"model": "bme280", "bus": "i2c7"}},
            "a RPI_PICO_W has no i2c7.*it has i2c0 and i2c1",
        ),
        ({"a": {"model": "bme280", "bus": "spi0"}}, "needs a bus of the type i2c"),
        (
            {"a": {"model": "bme280", "bus": "i2c0", "address": 0x20}},
            "cannot have the address 0x20.*0x76, 0x77",
        ),
        ({"a": {"model": "bme280", "bus": "i2c0", "scl": 4}}, "pin 4 cannot be i2c0.scl.*1, 5, 9"),
        ({"a": {"model": "bme280", "bus": "i2c", "scl": 99, "sda": 1}}, "has no pin 99.*0 to 29"),
        (
            {"a": {"model": "bme280", "bus": "i2c0", "temprature": 3}},
            'unknown key "temprature".*temperature',
        ),
        ({"a": {"model": "bme280", "bus": "i2c0", "temperature": "warm"}}, "warm is not a curve"),
        (
            {"a": {"model": "bme280", "bus": "i2c0", "temperature": 999}},
            "a.temperature cannot be 999: it is from -40 to 85 °C.*the model bme280 can sense",
        ),
        (
            {"a": {"model": "gps", "bus": "uart0", "satellites": -1}},
            "a.satellites cannot be -1: it is from 0 to 12",
        ),
        (
            {
                "a": {
                    "model": "dht22",
                    "pin": 3,
                    "temperature": {"base": 60, "amplitude": 30, "period_s": 9},
                }
            },
            "a.temperature cannot be 90: it is from -40 to 80 °C",
        ),
        ({"a": {"model": "servo"}}, "a: pin has no pin.*add pin"),
        ({"a": {"model": "ws2812", "pin": 3, "count": "many"}}, "count is not a value"),
        (
            {"a": {"model": "bme280", "bus": "i2c0"}, "b": {"model": "bmp280", "bus": "i2c0"}},
            "b: a has the address 0x76 on this bus already.*change the address",
        ),
        (
            {"a": {"model": "servo", "pin": 3}, "b": {"model": "button", "pin": 3}},
            "b: a uses pin 3 already",
        ),
        (
            {"a": {"model": "bme280", "bus": "i2c0"}, "b": {"model": "button", "pin": 4}},
            "b: a uses pin 4 already, as its sda",
        ),
        (
            {"a": {"model": "servo", "pin": 5}, "b": {"model": "aht20", "bus": "i2c0"}},
            "b: a uses pin 5 already",
        ),
        (
            {"a": {"model": "bme280", "bus": "i2c0"}, "b": {"model": "gps", "bus": "uart1"}},
            "b: a uses pin 4 already, as its sda",
        ),
        (
            {
                "a": {"model": "ssd1306_spi", "bus": "spi0", "cs": 17, "dc": 20, "res": 21},
                "b": {"model": "aht20", "bus": "i2c", "scl": 18, "sda": 17},
            },
            "b: a uses pin 18 already, as its sck",
        ),
        (
            {"a": {"model": "ssd1306_spi", "bus": "spi0", "cs": 17, "dc": 17, "res": 21}},
            "a: it uses pin 17 already",
        ),
        (
            {"a": {"model": "ssd1306_spi", "bus": "spi0", "cs": 17, "dc": 20, "miso": 20}},
            "a: it uses pin 20 already, as its miso",
        ),
        (
            {"a": {"model": "bme280", "bus": "i2c", "scl": 15, "sda": 15}},
            "a: it uses pin 15 already, as its scl",
        ),
        ({"a": {"model": "ssd1306_spi", "bus": "spi0", "miso": 3}}, "3 cannot be spi0.miso"),
    ],
)
def test_wrong_wiring_is_named(devices: dict[str, dict[str, object]], reported: str) -> None:
    found = problems(devices)
    assert len(found) == 1, found
    import re

    assert re.search(reported, found[0], re.DOTALL), found


async def test_commands_set_break_and_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cluster.toml").touch()
    storage = tmp_path / "build" / "sim"
    source = """
import time
from machine import I2C, PWM, Pin
bus = I2C(0)
PWM(Pin(16), freq=50, duty_ns=1_500_000)
def wait(answers):
    while True:
        try:
            bus.readfrom(0x76, 1)
            if answers:
                return
        except OSError:
            if not answers:
                return
        time.sleep_ms(1)
wait(False)
print("broken")
wait(True)
"""
    devices: dict[str, dict[str, Any]] = {
        "air": {"model": "bme280", "bus": "i2c0"},
        "arm": {"model": "servo", "pin": 16},
    }

    async def torpor(*arguments: str) -> str:
        code = await asyncio.to_thread(run, ["-C", str(tmp_path), *arguments])
        output = capsys.readouterr()
        return f"{code} {output.out}{output.err}"

    async with simulator(tmp_path / "image", source, desk(devices), storage=storage) as sim:
        assert await torpor("set", "desk", "air.temperature", "3") == (
            "0 desk: air.temperature is 3\n"
        )
        assert "no device lamp is wired to desk" in await torpor("fault", "nack", "desk", "lamp")
        assert (await torpor("fault", "nack", "desk", "air")).startswith("0 air on desk: nack")
        await sim.board("desk").wait_log("broken")
        assert await torpor("fault", "heal", "desk", "air") == "0 air on desk works again\n"
        unknown = await torpor("fault", "heal", "desk", "lamp")
        assert "desk has no device lamp, and there is no board of that name" in unknown
        assert "devices: air and arm; boards: no other" in unknown
        await output_of(sim.board("desk"))
        assert await torpor("show", "desk") == "0 arm\n90 degrees\n"
        assert await torpor("show", "desk", "arm") == "0 90 degrees\n"
        assert "air has shown nothing yet" in await torpor("show", "desk", "air")
        assert "not a picture" in await torpor("show", "desk", "arm", "--png", "arm.png")
        assert "no device is wired to shed" in await torpor("show", "shed")


async def test_a_board_starts_again_when_its_wiring_or_a_model_changes(tmp_path: Path) -> None:
    (tmp_path / "sim").mkdir()
    model = tmp_path / "sim" / "lux.py"
    model.write_text(_LUX)
    devices: dict[str, dict[str, Any]] = {"light": {"model": "lux", "bus": "i2c0"}}
    source = "from machine import I2C\nprint(I2C(0).scan())"
    sim = simulator(tmp_path / "image", source, desk(devices, root=tmp_path))
    async with sim:
        board = sim.board("desk")

        async def again(where: BoardPlan) -> int:
            await sim.update([replace(board.image, board=where)])
            return board.starts

        assert await again(desk(devices, root=tmp_path)) == 1
        assert await again(desk({}, root=tmp_path)) == 2
        await board.wait_log("[]")
        assert await again(desk(devices, root=tmp_path)) == 3
        model.write_text(_LUX.replace("0x23", "0x24"))
        assert await again(desk(devices, root=tmp_path)) == 4
        await board.wait_log("[36]")


def test_a_board_type_lists_its_pins(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["boards", "show", "ESP32_GENERIC"]) == 0
    reported = " ".join(capsys.readouterr().out.split())
    assert "i2c0 scl 18, sda 19" in reported
    assert "pin 34 input only, adc, wakes" in reported
    assert run(["boards", "show", "RPI_PICO_W"]) == 0
    reported = " ".join(capsys.readouterr().out.split())
    assert "pin 26 adc, i2c1.sda, spi1.sck, wakes" in reported


_BIT_BY_BIT = """
import time
from ds18x20 import DS18X20
from machine import Pin
from onewire import OneWire
wire = OneWire(Pin(22))

def search():
    "The search of Maxim's application note 187, for one ROM after another."
    found, taken = [], []
    while True:
        wire.reset()
        wire.writebyte(wire.SEARCH_ROM)
        rom, last = [], -1
        for n in range(64):
            bit, other = wire.readbit(), wire.readbit()
            if bit and other:
                return found
            if not bit and not other:
                bit = taken[n] if n < len(taken) else 0
                last = n if not bit else last
            wire.writebit(bit)
            rom.append(bit)
        found.append(sum(bit << n for n, bit in enumerate(rom)).to_bytes(8, "little"))
        if last < 0:
            return found
        taken = rom[:last] + [1]

def scratch(rom):
    wire.select_rom(rom)
    wire.writebyte(0xBE)
    data = bytearray(9)
    wire.readinto(data)
    return data, wire.crc8(data)

old, cold = search()
print(cold.hex(), old.hex())
print(scratch(cold)[0].hex())
wire.reset()
wire.write(b"\\xcc\\x44")
print(wire.readbit(), end=" ")
time.sleep_ms(760)
print(wire.readbit())
DS18X20(wire).write_scratch(cold, b"\\x01\\x02\\x1f")
data, crc = scratch(cold)
print(data[:8].hex(), crc, DS18X20(wire).read_temp(cold), DS18X20(wire).read_scratch(cold) == data)
data, crc = scratch(old)
print(crc, (data[0] >> 1) - 0.25 + (data[7] - data[6]) / data[7])
print(scratch(b"\\x28nobody!")[0].hex())
print(OneWire(Pin(21)).readbyte())
"""


async def test_one_wire_bit_by_bit(tmp_path: Path) -> None:
    probe = {"model": "ds18b20", "pin": 22}
    cold = {**probe, "rom": "28ff641e8216c3a1", "temperature": -10.125}
    old = {**probe, "rom": "10ff5d2a6f180392", "temperature": 25.8}  # a DS18S20
    assert await printed(tmp_path, _BIT_BY_BIT, desk({"cold": cold, "old": old})) == [
        "28ff641e8216c3a1 10ff5d2a6f180392",
        "50054b467fff0c101c",  # 85 degrees, as in the datasheet's table 1
        "0 1",
        "5eff01021fff0c10 0 -10.125 True",  # FF5Eh is -10.125 degrees there
        "0 25.8125",
        "ff" * 9,
        "255",
    ]


def test_thermometers_may_share_a_wire() -> None:
    one = {"model": "ds18b20", "pin": 22}
    assert not problems({"a": one, "b": {**one, "rom": "28ff5d2a6f180392"}})
    assert len(problems({"a": one, "b": one})) == 1


async def test_a_board_with_devices_has_room_for_their_models(tmp_path: Path) -> None:
    source = """
import gc
from machine import I2C
I2C(0).scan()
gc.collect()
print(gc.mem_free() > 370_000)  # as without them; objects have 64 bits here
"""
    assert await printed(tmp_path, source, desk(_ON_A_BUS)) == ["True"]
