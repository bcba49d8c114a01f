"""Changed inputs of a board show at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from tests.sim import tiny
from torpor_sim import Inputs, SimBoard, Simulator, is_running, set_input
from torpor_sim.inputs import defaults
from torpor_tools.cli import run
from torpor_tools.errors import UserError

A, B = "28ff641e8216c3a1", "28ff5d2a6f180392"
_PROBES = """
import time
from machine import Pin
from onewire import OneWire, OneWireError
from ds18x20 import DS18X20
bus = DS18X20(OneWire(Pin(22)))
a, b = bytes.fromhex("28ff641e8216c3a1"), bytes.fromhex("28ff5d2a6f180392")

def read(rom):
    try:
        return bus.read_temp(rom)
    except Exception as e:
        return repr(e)
"""


def _fridges() -> dict[str, object]:
    return {"pin": 22, "probes": {"fridge-1": A.upper(), "fridge-2": B}, "name": "28"}


def test_the_roms_in_a_services_settings_are_probes_that_swing_apart() -> None:
    found = defaults(tiny.plan(ports={"sensors": 8001, "other": None}, config=_fridges()))
    assert list(found["probes"]) == [A, B]
    assert found["probes"][A]["base"] == 5
    assert found["probes"][A]["period_s"] != found["probes"][B]["period_s"]


async def test_probes_measure_the_values_of_the_inputs(tmp_path: Path) -> None:
    source = (
        _PROBES
        + """
print("scan", [bytes(rom).hex() for rom in bus.scan()], type(bus.scan()[0]))
bus.convert_temp()
print("early", read(a))
time.sleep_ms(760)
first = read(a)
print("swings", 4 <= first <= 6, first * 16 == int(first * 16))
while read(a) != 9.5625:
    bus.convert_temp()
    time.sleep_ms(760)
print("set", read(b))
print("stranger", read(b"\\x28" + bytes(7)))
"""
    )
    where = tiny.plan(ports={"sensors": None}, config=_fridges())
    async with Simulator([tiny.program(tmp_path, source, where)]) as sim:
        board = sim.board("shed")
        await board.wait_log("swings True True")
        board.inputs.probe(B, "crc")
        board.inputs.probe(A, 9.55)  # 9.5625 in sixteenths
        await board.wait_log("stranger Exception('CRC error',)")
        output = tiny.printed(board.log)
    assert output[0] == f"scan ['{B}', '{A}'] <class 'bytearray'>"
    assert output[1] == "early 85.0"
    assert output[3] == "set Exception('CRC error',)"


async def test_a_disconnected_probe_and_a_bus_without_probes(tmp_path: Path) -> None:
    source = (
        _PROBES
        + """
while len(bus.scan()) == 2:
    pass
print("one is", read(a))
while True:
    try:
        bus.convert_temp()
    except OneWireError as e:
        print("none")
        break
"""
    )
    where = tiny.plan(ports={"sensors": None}, config=_fridges())
    async with Simulator([tiny.program(tmp_path, source, where)]) as sim:
        board = sim.board("shed")
        board.inputs.probe(A, None)
        await board.wait_log("one is Exception('CRC error',)")
        board.inputs.probe(bytes.fromhex(B), None)
        await board.wait_log("none")


async def test_pins_and_voltages(tmp_path: Path) -> None:
    source = """
import time
from machine import ADC, Pin, Signal
door = Pin(4, Pin.IN, Pin.PULL_UP)
led = Pin("LED", Pin.OUT, value=0)
print("open input", door.value(), Pin(5).value(), ADC(26).read_u16())
while door():
    time.sleep_ms(1)
led.on()
led.on()
print("door", Pin("LED").value(), Signal(door, invert=True).value(), ADC(Pin(26)).read_u16())
led.toggle()
"""
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        board = sim.board("shed")
        await board.wait_log("open input 1 0 0")
        board.inputs.adc(26, 65535)
        board.inputs.pin(4, 0)
        await board.wait_log("door 1 1 65535")
        await board.trace.wait(
            lambda e: e.get("value") == 0 and len(_outputs(board)) == 3, what="off", timeout=30
        )
        assert _outputs(board) == [("LED", 0), ("LED", 1), ("LED", 0)]


def _outputs(board: SimBoard) -> list[tuple[str, int]]:
    return [(e["pin"], e["value"]) for e in board.trace if e["event"] == "pin"]


async def test_inputs_are_set_from_another_process_by_text(tmp_path: Path) -> None:
    source = """
import time
from machine import Pin
while not Pin(4).value():
    time.sleep_ms(1)
print("set")
"""
    storage = tmp_path / "sim"
    async with Simulator([tiny.program(tmp_path, source)], storage=storage) as sim:
        set_input(storage, "shed", "pin:4", "1")
        await sim.board("shed").wait_log("set")
        assert is_running(storage)
    assert not is_running(storage)


@pytest.mark.parametrize(
    ("key", "text", "kind", "name", "value"),
    [
        (f"probe:{A.upper()}", "9.5", "probes", A, 9.5),
        (f"probe:{A}", "off", "probes", A, None),
        (f"probe:{A}", "crc", "probes", A, "crc"),
        ("adc:26", "65535", "adc", "26", 65535),
        ("wifi:up", "no", "wifi", "up", False),
        ("wifi:rssi", "-80", "wifi", "rssi", -80),
        ("wifi:join_ms", "300", "wifi", "join_ms", 300),
        ("chip:celsius", "30.5", "chip", "celsius", 30.5),
        ("pin:BOOTSEL", "1", "pins", "BOOTSEL", 1),
    ],
)
def test_each_kind_of_input_has_its_text(
    tmp_path: Path, key: str, text: str, kind: str, name: str, value: object
) -> None:
    path = tmp_path / "shed" / "run" / "inputs.json"
    path.parent.mkdir(parents=True)
    Inputs(path).probe(A, 4.0)
    Inputs(path).pin(4, 1)
    set_input(tmp_path, "shed", key, text)
    message: dict[str, dict[str, object]] = {"probes": {A: 4.0}, "pins": {"4": 1}}
    kept = message.get(kind, {}) if kind == "pins" else {}
    assert json.loads(path.read_text()) == {**message, kind: {**kept, name: value}}
    Inputs(path).prepare({kind: {name: "another"}})
    assert json.loads(path.read_text())[kind][name] == value, "it outlives the simulator"


@pytest.mark.parametrize(
    ("board", "key", "text", "message"),
    [
        ("barn", "pin:4", "1", "no board barn is simulated .*\n.*boards there: shed"),
        ("shed", "pin", "1", "pin: there is no such input\n.*probe:ROM"),
        ("shed", "lamp:4", "1", "lamp:4: there is no such input"),
        ("shed", "wifi:upp", "no", "wifi:upp: there is no such input\n.*wifi:up"),
        ("shed", "wifi:rssi2", "-80", "wifi:rssi2: there is no such input"),
        ("shed", "chip:celcius", "30", "chip:celcius: there is no such input\n.*chip:celsius"),
        ("shed", "pin:four", "1", "pin:four: there is no such input"),
        ("shed", "pin:4.5", "1", "pin:4.5: there is no such input"),
        ("shed", "adc:-1", "1", "adc:-1: there is no such input"),
        ("shed", "pin:4", "2", "from 0 to 1"),
        ("shed", "adc:26", "70000", "from 0 to 65535"),
        ("shed", f"probe:{A[:-1]}f", "9.5", "has the ROM code"),
        ("shed", "probe:28ff", "9.5", f"has the ROM code 28ff\n.*its probes: {A}"),
        ("shed", f"probe:{A}", "cold", "cold is not a temperature\n.*degrees Celsius, off, crc"),
        ("shed", f"probe:{A}", '{"base": 5}', "is not a temperature"),
        ("shed", "wifi:up", "perhaps", "yes, no or a number"),
    ],
)
def test_a_wrong_input_is_refused_with_a_remedy(
    tmp_path: Path, board: str, key: str, text: str, message: str
) -> None:
    path = tmp_path / "shed" / "run" / "inputs.json"
    path.parent.mkdir(parents=True)
    Inputs(path).probe(A, 4.0)
    before = path.read_text()
    with pytest.raises(UserError, match=message):
        set_input(tmp_path, board, key, text)
    assert path.read_text() == before


def test_the_access_point_has_no_other_properties(tmp_path: Path) -> None:
    inputs = Inputs(tmp_path / "inputs.json")
    inputs.wifi(up=False, rssi=-80, join_ms=30, ntp=False, bssid="020000000002", answers=False)
    with pytest.raises(TypeError, match="no argument upp; it takes up, rssi"):
        inputs.wifi(upp=False)


def test_a_pin_that_the_board_lacks_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cluster(tmp_path, {})
    assert run(["-C", str(tmp_path), "set", "box", "pin:99", "0"]) == 1
    refused = capsys.readouterr().err
    assert refused.startswith("error: pin:99: a RPI_PICO_W has no pin 99\n    it has 0 to 29\n")
    assert run(["-C", str(tmp_path), "set", "box", "pin:22", "0"]) == 1
    assert "no board box is simulated" in capsys.readouterr().err  # what comes next
