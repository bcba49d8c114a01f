"""The devices that cluster.toml wires to this board, by where they are found."""

import json

lines: dict = {}  # pin -> the devices that hang on it
devices: dict = {}  # by name
_buses: dict = {}  # its pins -> the devices on it

with open("/.sim/wiring.json") as _file:
    _table = json.load(_file)["devices"]


def _plug(name, model, pins, bus, options, inputs, address):
    module = __import__("simdevices." + model, None, None, ("Model",))
    device = module.Model(name, pins, options, inputs, address)
    devices[name] = device
    for pin in set(pins.values()) - set(bus):
        lines.setdefault(pin, []).append(device)
    if bus:
        _buses.setdefault(tuple(bus), []).append(device)


def i2c(scl, sda):
    """The devices on the bus with these pins, by address."""
    found = {}
    for device in _buses.get((scl, sda), ()):
        found[device.address] = device
    return found


def spi(sck, mosi):
    return _buses.get((sck, mosi), ())


def uart(tx, rx):
    """The device whose lines go to these pins of the board."""
    for device in _buses.get((tx, rx), ()):
        return device


def load():
    for each in _table:
        _plug(**each)


def probes(pin):
    """The thermometers on a wire: ROM -> degrees, or "crc" if its answers are garbled."""
    found = {}
    for device in lines.get(pin, ()):
        if hasattr(device, "rom") and device.fault() not in ("nack", "hang"):
            garbled = device.fault() == "garbage"
            found[device.rom] = "crc" if garbled else device.sense("temperature")
    return found
