"""The buses and pins of ``machine``: as the port of the board has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.desk import desk, output_of, printed, simulator

_TRY = """
def attempt(function, *args, **options):
    try:
        return function(*args, **options)
    except Exception as e:
        return type(e).__name__ + ": " + str(e)
"""


async def test_an_i2c_bus_finds_the_devices_wired_to_its_pins(tmp_path: Path) -> None:
    source = (
        _TRY
        + """
from machine import I2C, Pin, SoftI2C
bus = I2C(0)
print(bus, bus.scan())
print(I2C(0, scl=Pin(9), sda=Pin(8)).scan(), I2C(1).scan())
soft = SoftI2C(scl=Pin(5), sda=Pin(4))
print(soft.scan())
bus = I2C(0, scl=Pin(5), sda=Pin(4), freq=100_000)
print(bus.readfrom_mem(0x76, 0xd0, 1))
buffer = bytearray(2)
bus.readfrom_mem_into(0x76, 0x88, buffer)
print(buffer, bus.writeto(0x76, b"\\xd0", False), bus.readfrom(0x76, 1))
print(bus.writevto(0x76, [b"\\xf4", b"\\x27"]), bus.readfrom_mem(0x76, 0xf4, 1))
print(attempt(bus.readfrom, 0x77, 1), attempt(bus.writeto, 0x77, b"x"))
print(attempt(bus.writeto, 0x77, b""))
print(attempt(soft.readfrom, 0x77, 1), attempt(bus.start))
print(attempt(bus.readfrom_mem, 0x76, 0, 1, addrsize=7))
print(attempt(I2C, 2), attempt(I2C, 0, scl=Pin(4)), attempt(I2C, 0, sda=Pin(5)))
soft.start()
print(soft.write(b"\\xec\\xd0"))
soft.start()
print(soft.write(b"\\xed"))
soft.readinto(buffer)
soft.stop()
print(buffer[:1], soft.write(b""))
soft.start()
print(soft.write(b"\\xee\\xd0"))
"""
    )
    where = desk({"thermometer": {"model": "bme280", "bus": "i2c0"}})
    lines = [
        line for line in await printed(tmp_path, source, where) if " now, and was " not in line
    ]
    assert lines == [
        "I2C(0, freq=400000, scl=5, sda=4, timeout=50000) [118]",
        "[] []",
        "[118]",
        "b'`'",
        "bytearray(b'pk') 1 b'`'",
        '2 b"\'"',
        "OSError: [Errno 5] EIO OSError: [Errno 5] EIO",
        "OSError: [Errno 19] ENODEV",
        "OSError: [Errno 19] ENODEV OSError: I2C operation not supported",
        "ValueError: invalid addrsize",
        "ValueError: I2C(2) doesn't exist ValueError: bad SCL pin ValueError: bad SDA pin",
        "2",
        "1",
        "bytearray(b'`') 0",
        "0",
    ]


async def test_an_esp32_answers_as_its_port_does(tmp_path: Path) -> None:
    source = (
        _TRY
        + """
import machine
from machine import ADC, ADCBlock, DAC, I2C, PWM, Pin, SPI, Timer, TouchPad, UART
bus = I2C(0, scl=Pin(33), sda=Pin(32))
print(bus, bus.scan())
print(attempt(bus.readfrom, 0x77, 1), attempt(I2C, 2), attempt(SPI, 0), attempt(UART, 5))
print(ADC(34).read_u16(), ADC(Pin(34), atten=ADC.ATTN_11DB).read_uv(), ADC(34).read())
adc = ADC(34)
print(attempt(ADC, 5), attempt(ADC, 34, atten=4), attempt(adc.atten, 7), attempt(adc.width, 3))
print(adc.block().connect(6).read_u16(), attempt(ADCBlock, 3), attempt(ADCBlock(2).connect, 34, 1))
print(attempt(DAC, Pin(4)), DAC(Pin(25)).write(128), attempt(DAC(Pin(25)).write, 256))
print(attempt(TouchPad, Pin(5)), TouchPad(Pin(4)).read())
print(attempt(Pin, 24), attempt(Pin, 34, Pin.OUT), attempt(Pin, "LED"))
print(Pin(5, drive=Pin.DRIVE_3, hold=True))
pwm = PWM(Pin(4))
print(pwm.freq(), pwm.duty(), pwm.duty_u16(), attempt(pwm.duty, 1024), attempt(pwm.freq, 0))
print(attempt(Timer, 0, hard=True, callback=print), Timer(0) is Timer(0), Timer(0) is Timer(4))
for name in ("I2S", "CAN", "I2CTarget", "Counter", "SDCard"):
    print(attempt(getattr, machine, name))
print(attempt(getattr, machine, "nothing"), attempt(getattr, machine, "USBDevice"))
"""
    )
    where = desk({"t": {"model": "bme280", "bus": "i2c", "scl": 33, "sda": 32}}, "ESP32_GENERIC")
    async with simulator(tmp_path, source, where) as sim:
        sim.board("desk").inputs.adc(34, 65535)
        lines = await output_of(sim.board("desk"))
    absent = "ImportError: the simulator has no machine.{}, which only the chip has"
    assert lines[1] == (
        "OSError: [Errno 19] ENODEV ValueError: I2C(2) doesn't exist "
        "ValueError: SPI(0) doesn't exist ValueError: UART(5) does not exist"
    )
    assert lines[0] == "I2C(0, scl=33, sda=32, freq=400000, timeout=50000) [118]"
    assert lines[3] == (
        "ValueError: invalid pin ValueError: invalid attenuation "
        "ValueError: invalid attenuation ValueError: invalid bit-width"
    )
    assert lines[4].endswith("ValueError: invalid block id ValueError: no matching ADC")
    assert lines[5:] == [
        "ValueError: invalid Pin for DAC None ValueError: value out of range",
        "ValueError: invalid pin for touchpad 1000",
        "ValueError: invalid pin ValueError: pin can only be input ValueError: invalid pin",
        "Pin(5, mode=IN)",
        "5000 512 32768 ValueError: duty must be from 0 to 1023 "
        "ValueError: frequency must be from 1Hz to 40MHz",
        "ValueError: hard Timers are not implemented True True",
        *[absent.format(n) for n in ("I2S", "CAN", "I2CTarget", "Counter", "SDCard")],
        "AttributeError: module 'machine' has no attribute 'nothing' "
        "AttributeError: module 'machine' has no attribute 'USBDevice'",
    ]


async def test_pins_of_a_pico(tmp_path: Path) -> None:
    source = (
        _TRY
        + """
import machine
from machine import ADC, Pin, PWM, SPI, SoftSPI, Timer, UART
print(Pin("GP5").value(), Pin(5, Pin.IN, Pin.PULL_UP).value(), Pin(5, Pin.IN, None).value())
print(attempt(Pin, 99), attempt(Pin, -1), attempt(Pin, "NOSE"), attempt(Pin, 5, nose=1))
od = Pin(6, Pin.OPEN_DRAIN, value=1)
print(od.value(), od.off(), od.value())
print(attempt(ADC, 5), attempt(ADC, 26, atten=3))
print(hasattr(ADC, "read_uv"), ADC(4).read_u16() > 10_000)
print(attempt(SPI, 2), attempt(SPI, 0, sck=Pin(0)), attempt(SPI, 0, firstbit=SPI.LSB))
print(SPI(0).read(2))
print(attempt(SoftSPI), attempt(SPI(0).write_readinto, b"12", bytearray(1)))
print(attempt(UART, 2), attempt(UART, 0, tx=Pin(4)))
print(UART(0).read(1), UART(0).any(), UART(1).write("hi"))
pwm = PWM(Pin(7))
print(pwm.freq(), attempt(pwm.freq, 1), pwm.freq(50), pwm.duty_ns(1_500_000), pwm.duty_u16())
print(attempt(PWM, Pin(7), duty=3), attempt(Timer, 1))
print(hasattr(machine, "DAC"), hasattr(machine, "TouchPad"), attempt(getattr, machine, "I2S"))
"""
    )
    assert await printed(tmp_path, source, desk()) == [
        "0 1 0",
        "ValueError: invalid pin ValueError: invalid pin "
        'ValueError: unknown named pin "NOSE" TypeError: extra keyword arguments given',
        "1 None 0",
        "ValueError: Pin doesn't have ADC capabilities TypeError: extra keyword arguments given",
        "False True",
        "ValueError: SPI(2) doesn't exist ValueError: bad SCK pin NotImplementedError: LSB",
        "b'\\x00\\x00'",
        "ValueError: must specify all of sck/mosi/miso ValueError: buffers must be the same length",
        "ValueError: UART(2) doesn't exist ValueError: bad TX pin",
        "None 0 2",
        "0 ValueError: freq too small None None 4915",
        "TypeError: extra keyword arguments given ValueError: Timer doesn't exist",
        "False False ImportError: the simulator has no machine.I2S, which only the chip has",
    ]


async def test_interrupts_come_soft_and_hard(tmp_path: Path) -> None:
    source = """
import asyncio, machine, time
from machine import Pin, Timer
seen = []
door = Pin(4, Pin.IN, Pin.PULL_UP)
irq = door.irq(lambda pin: seen.append(pin.value()), Pin.IRQ_FALLING)
print("ready 1")
while not seen:
    time.sleep_ms(1)
print(seen, irq.flags() == Pin.IRQ_FALLING, irq.trigger() == Pin.IRQ_FALLING)
count = 0
def hard(pin):
    global count
    count += 1
def greedy(pin):
    return [1] * 1000
door.irq(hard, Pin.IRQ_RISING | Pin.IRQ_FALLING, hard=True)
print("ready 2")
while not count:
    pass
door.irq(greedy, hard=True)
print("ready 3")
time.sleep_ms(300)
door.irq(None)
flag = asyncio.ThreadSafeFlag()
event = asyncio.Event()
ticks = []
def tick(timer):
    ticks.append(time.ticks_ms())
    event.set()
    if len(ticks) == 3:
        timer.deinit()
        flag.set()
async def main():
    Timer(period=20, callback=tick)
    await event.wait()
    print("one", len(ticks))
    await flag.wait()
    print("three", len(ticks))
    once = Timer(mode=Timer.ONE_SHOT, freq=100, callback=lambda t: ticks.append(0))
    await asyncio.sleep(0.2)
    print(len(ticks))
    state = machine.disable_irq()
    Timer(mode=Timer.ONE_SHOT, period=1, callback=lambda t: ticks.append(0))
    await asyncio.sleep(0.1)
    print(len(ticks))
    machine.enable_irq(state)
    await asyncio.sleep(0.1)
    print(len(ticks))
asyncio.run(main())
"""
    async with simulator(tmp_path, source, desk()) as sim:
        board = sim.board("desk")
        await board.wait_log("ready 1")
        board.inputs.pin(4, 0)
        await board.wait_log("ready 2")
        board.inputs.pin(4, 1)
        await board.wait_log("ready 3")
        board.inputs.pin(4, 0)
        lines = await output_of(board)
    assert lines[1] == "[0] True True"
    assert any("MemoryError" in line for line in lines), "a hard handler cannot allocate"
    assert lines[-5:] == ["one 1", "three 3", "4", "4", "5"]


@pytest.mark.parametrize("port", ["RPI_PICO_W", "ESP32_GENERIC"])
async def test_a_sleep_in_a_driver_takes_its_time(tmp_path: Path, port: str) -> None:
    source = """
import time
start = time.ticks_ms()
time.sleep_ms(10)
print(10 <= time.ticks_diff(time.ticks_ms(), start))
"""
    assert await printed(tmp_path, source, desk(kind=port)) == ["True"]


_REGISTERS = """
import asyncio
import machine
from machine import Pin

def attempt(function):
    try:
        print(function())
    except Exception as e:
        print(type(e).__name__, e)

for memory in (machine.mem8, machine.mem16, machine.mem32):
    attempt(lambda: memory[id(memory) & ~3])  # of the simulator's own process
attempt(lambda: machine.mem32[0x4005800D])

async def inner():
    pass

async def outer():
    for run in (asyncio.run, asyncio.get_event_loop().run_until_complete):
        attempt(lambda: run(inner()))

asyncio.run(outer())
"""
_PICO = """
machine.mem32[0x4005800C] = 0x12345678
print(hex(machine.mem8[0x4005800D]), hex(machine.mem16[0x4005800E]))
machine.mem8[0x40058010] = 7
print(hex(machine.mem32[0x40058010]))
print(Pin.board.GP5, Pin.cpu.GPIO5, Pin(Pin.board.LED, Pin.OUT), Pin.cpu.EXT_GPIO1)
for name in ("GP99", "GPIO5", "IN"):
    attempt(lambda: getattr(Pin.board, name))
"""


@pytest.mark.parametrize("kind", ["RPI_PICO_W", "ESP32_GENERIC"])
async def test_calls_that_would_reach_the_host_or_break_the_loop(tmp_path: Path, kind: str) -> None:
    pico = kind == "RPI_PICO_W"
    lines = await printed(tmp_path, _REGISTERS + _PICO * pico, desk(kind=kind))
    assert all(line.startswith("NotImplementedError the simulator has no") for line in lines[:3])
    nested = "RuntimeError asyncio.%s() in a running event loop: use await instead"
    assert lines[3:6] == [
        "ValueError address 4005800d is not aligned to 4 bytes",
        nested % "run",
        nested % "run_until_complete",
    ]
    assert not pico or lines[6:] == [
        "0x56 0x1234",
        "0x7070707",  # a narrow write reaches all lanes: RP2040 datasheet, 2.1.4
        "Pin(5, mode=IN) Pin(5, mode=IN) Pin(LED, mode=OUT) Pin(EXT_GPIO1, mode=IN)",
        "AttributeError GP99",
        "AttributeError GPIO5",
        "AttributeError IN",
    ]
