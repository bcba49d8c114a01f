"""The peripherals of the shims have the names and arguments of the board's own.

Names are held against what the Pico W's firmware answered (``contracts/firmware/rp2.txt``) and, for
an ESP32, against the stubs that ``torpor check`` uses; arguments against the stubs of both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim.desk import desk, printed
from torpor_tools.contracts.firmware import firmware
from torpor_tools.contracts.stubs import stubs_dir
from torpor_tools.link.builtin import NOT_SIMULATED, simulated
from torpor_tools.paths import shims_dir
from torpor_tools.project import load_board

_FILES = {
    "ADC": "_adc",
    "ADCBlock": "_adc_block",
    "DAC": "_dac",
    "I2C": "_i2c",
    "PWM": "_pwm",
    "Pin": "_pin",
    "RTC": "_rtc",
    "SPI": "_spi",
    "SoftI2C": "_i2c",
    "SoftSPI": "_spi",
    "Timer": "_timer",
    "TouchPad": "_touch",
    "UART": "_uart",
    "WDT": "_wdt",
}
_ESP32_ONLY = ("ADCBlock", "DAC", "TouchPad")
# Beside them UART has ``ioctl``, by which ``select`` asks a stream that is written in Python.
# Arguments that have no name in C, or that the stubs take from the documentation of other ports,
# and these ports do not have: ports/rp2/machine_*.c and ports/esp32/machine_*.c of 1.27.
_ELSEWHERE = {
    "ADC": {"sample_ns", "atten"},
    "Pin": {"drive", "alt", "priority", "wake", "hard", "hold"},
    "RTC": {"datetimetuple", "datetime", "alarm_id", "time", "repeat"},
    "SPI": {"pins", "sck", "mosi", "miso"},
    "UART": {"pins"},
    "I2C": {"scl", "sda", "freq"},
    "ADCBlock": {"channel"},
    "DAC": {"id"},
    "PWM": {"duty", "invert", "lightsleep"},
}


def _functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.If):
            yield from _functions([*node.body, *node.orelse])


def _methods(tree: ast.Module, name: str) -> dict[str, list[ast.arguments]]:
    """Method -> its signatures, with those of the bases in the same file."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    found: dict[str, list[ast.arguments]] = {}
    for base in classes[name].bases:
        if isinstance(base, ast.Name) and base.id in classes:
            found |= _methods(tree, base.id)
    own: dict[str, list[ast.arguments]] = {}
    for function in _functions(classes[name].body):
        own.setdefault(function.name, []).append(function.args)
    return found | own


def _names(arguments: ast.arguments) -> set[str]:
    return {a.arg for a in (*arguments.args, *arguments.kwonlyargs)} - {"self"}


def _stub(kind: str) -> ast.Module:
    return ast.parse((stubs_dir(load_board(kind)) / "stdlib" / "machine.pyi").read_text())


@pytest.mark.parametrize("kind", ["RPI_PICO_W", "ESP32_GENERIC"])
@pytest.mark.parametrize("name", _FILES)
def test_arguments_are_the_stubs(kind: str, name: str) -> None:
    if kind == "RPI_PICO_W" and name in _ESP32_ONLY:
        assert not any(isinstance(n, ast.ClassDef) and n.name == name for n in _stub(kind).body)
        return
    stub = _methods(_stub(kind), name)
    shim = _methods(ast.parse((shims_dir() / f"{_FILES[name]}.py").read_text()), name)
    compared = 0
    for method, signatures in stub.items():
        if method not in shim:
            continue  # the names are held against the firmware below
        taken = shim[method][0]
        if taken.kwarg:
            continue  # it checks the names itself, as the port does
        for signature in signatures:
            wanted = _names(signature) - _ELSEWHERE.get(name, set())
            assert wanted <= _names(taken), f"{name}.{method} has no {wanted - _names(taken)}"
            most = len(signature.posonlyargs) + len(signature.args)
            assert taken.vararg or len(taken.args) >= min(most, len(signature.posonlyargs) or 1)
            compared += 1
    assert compared or name in ("Pin",)


async def _dir(folder: Path, kind: str, names: list[str]) -> dict[str, set[str]]:
    source = f"""
import machine
for name in {names}:
    print(name, *dir(getattr(machine, name)))
"""
    lines = await printed(folder, source, desk(kind=kind))
    return {line.split()[0]: {w for w in line.split()[1:] if w[:1] != "_"} for line in lines}


async def test_names_are_those_of_the_pico_ws_firmware(tmp_path: Path) -> None:
    names = [name for name in _FILES if name not in _ESP32_ONLY]
    found = await _dir(tmp_path, "RPI_PICO_W", names)
    for name in names:
        firmwares = set(firmware("rp2").members[f"machine.{name}"])
        assert found[name] - {"ioctl"} == firmwares, name


async def test_names_are_those_of_an_esp32s_stubs(tmp_path: Path) -> None:
    names = [*_FILES]
    found = await _dir(tmp_path, "ESP32_GENERIC", names)
    for name in names:
        stub = _methods(_stub("ESP32_GENERIC"), name)
        lacking = {method for method in stub if method[:1] != "_"} - found[name]
        assert lacking == _NOT_ON_AN_ESP32.get(name, set()), name


# Methods that the stubs have of 1.29, or from the documentation of all ports; not in ports/esp32 of
# 1.27.
_NOT_ON_AN_ESP32 = {
    "I2C": {"deinit"},
    "SoftI2C": {"deinit"},
    "Pin": {"drive", "mode", "pull"},
    "RTC": {"alarm"},
}


@pytest.mark.parametrize("module", ["neopixel", "onewire", "ds18x20"])
async def test_modules_have_the_names_of_the_firmware(tmp_path: Path, module: str) -> None:
    table = firmware("rp2")
    source = f"import {module}\nprint(*dir({module}))"
    found = set((await printed(tmp_path, source, desk()))[0].split())
    own = {name for name in table.modules.get(module, ()) if name[:1] != "_"}
    assert own - {"micropython", "const"} <= found


async def test_classes_of_modules_have_the_names_of_the_firmware(tmp_path: Path) -> None:
    classes = {
        "dht": "DHT22(Pin(5))",
        "ds18x20": "DS18X20(OneWire(Pin(5)))",
        "neopixel": "NeoPixel(Pin(5), 2)",
        "onewire": "OneWire(Pin(5))",
    }
    members = firmware("rp2").members
    source = "import dht, ds18x20, neopixel, onewire\n"
    source += "from machine import Pin\nfrom onewire import OneWire\n"
    wanted = []
    for module, call in classes.items():
        names = members[f"{module}.{call.partition('(')[0]}"]
        public = sorted(name for name in names if name[:1] != "_")
        wanted.append(f"{module} []")
        source += f"it = {module}.{call}\n"
        source += f"print('{module}', [n for n in {public} if not hasattr(it, n)])\n"
    assert await printed(tmp_path, source, desk()) == wanted


async def test_the_build_knows_which_names_the_simulator_lacks(tmp_path: Path) -> None:
    table = {name: sorted(names) for name, names in firmware("rp2").modules.items()}
    ours = [name for name in table if "." not in name and simulated(name)]
    source = f"""
import sys
for module in {ours}:
    for name in {table}[module]:
        try:
            exec("from %s import %s" % (module, name))
        except (ImportError, AttributeError):
            print(module, name)
"""
    lacking = {tuple(line.split()) for line in await printed(tmp_path, source, desk())}
    # Imported by the firmware's own source of these modules, and no use to others.
    inner = {("dht", "sys"), ("ds18x20", "const"), ("ntptime", "gmtime"), ("ntptime", "struct")}
    inner |= {("rp2", "const"), ("select", "select")}  # select() is in no stub either
    known = {(module, name) for module, names in NOT_SIMULATED.items() for name in names}
    on_a_pico = {(module, name) for module, name in known if name in table.get(module, ())}
    assert {pair for pair in lacking if pair[1][:1] != "_"} - inner == on_a_pico
