"""As idioms.py: what services write for a chip, which a Linux process does not have."""

import binascii
import os
import struct

import ds18x20
import machine
import network
import onewire
from machine import ADC, I2C, PWM, RTC, SPI, UART, WDT, Pin, Timer
from torpor import Service

try:
    import espnow
except ImportError:
    espnow = None
try:
    import bluetooth
except ImportError:
    bluetooth = None
try:
    from esp32 import NVS
except (ImportError, OSError):
    NVS = None
try:
    import ujson as text
except ImportError:
    import json as text
try:
    from rp2 import PIO
except ImportError:

    class PIO:
        OUT_LOW = 2


class B(Service):
    pass


def pins() -> None:
    led = Pin(2, Pin.OUT, value=0)
    led.value(1)
    led.on()
    led(not led())
    led.irq(lambda pin: None, Pin.IRQ_FALLING | Pin.IRQ_RISING)
    Pin(4, Pin.IN, Pin.PULL_UP).value()
    print(ADC(Pin(26)).read_u16())
    i2c = I2C(0, scl=Pin(1), sda=Pin(0), freq=400_000)
    i2c.writeto(i2c.scan()[0], b"x")
    print(struct.unpack("<hh", i2c.readfrom_mem(0x40, 1, 4))[0] + 1)
    SPI(1, baudrate=1000).write(b"x")
    WDT(timeout=8000).feed()
    RTC().datetime((2026, 11, 24, 1, 0, 0, 0, 0))
    Timer(-1).init(period=10, mode=Timer.PERIODIC, callback=lambda t: None)
    Timer(0, period=10, tick_hz=500, callback=lambda t: Pin(3).value()).init(freq=0.5)
    I2C(id=0, freq=100_000)
    SPI(id=1, baudrate=1000, polarity=1)
    UART(1, 9600, tx=Pin(8), rx=Pin(9), timeout=10)
    PWM(Pin(3), freq=100, duty_u16=9).freq(100)
    bus = ds18x20.DS18X20(onewire.OneWire(Pin(5)))
    bus.convert_temp()
    for rom in bus.scan():
        print(binascii.hexlify(rom).decode(), bus.read_temp(rom) + 0.5)


def chip() -> None:
    print(machine.reset_cause() == machine.PWRON_RESET, machine.freq())
    print(binascii.hexlify(machine.unique_id()).decode())
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    wlan.connect("ssid", "password")
    print(wlan.ifconfig()[0], wlan.isconnected(), wlan.config("mac"))
    print(os.uname()[0])
    if machine.reset_cause() == machine.PWRON_RESET:
        machine.deepsleep(1000)
    machine.reset()


def radios() -> str:
    if espnow is not None:
        espnow.ESPNow().active(True)
    if bluetooth and NVS:
        bluetooth.BLE().active(True)
    return text.dumps(PIO.OUT_LOW)
