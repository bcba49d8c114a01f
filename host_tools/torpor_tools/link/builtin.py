"""The modules that are built into the official MicroPython firmware, for each port.

Taken from ``help("modules")`` of RPI_PICO_W 1.27.0 (in the emulator) and of the Unix port 1.29, and
from the frozen file names and interned strings in ESP32_GENERIC 1.27.0. ``urequests`` is left out:
it is the old name of ``requests``, and the simulator's MicroPython has only that.
"""

from __future__ import annotations

from ..files import project_files
from ..paths import shims_dir

_COMMON = """
    array asyncio binascii builtins cmath collections cryptolib deflate errno framebuf gc hashlib
    heapq io json machine math micropython mip os platform random re requests select socket ssl
    struct sys time tls uctypes vfs websocket _thread
"""
_CHIPS = """
    bluetooth dht ds18x20 neopixel network ntptime onewire webrepl webrepl_setup
"""
_ESP32 = "aioespnow apa106 btree esp esp32 espnow umqtt upysh"

MODULES = {
    "rp2": frozenset(f"{_COMMON} {_CHIPS} aioble lwip rp2".split()),
    "esp32": frozenset(f"{_COMMON} {_CHIPS} {_ESP32}".split()),
    "unix": frozenset(f"{_COMMON} argparse termios".split()),
}

# Chips whose official file lacks a module that the others of the port have. The ESP32-S2 has no
# Bluetooth radio: MICROPY_PY_BLUETOOTH in ports/esp32/boards/ESP32_GENERIC_S2/mpconfigboard.h.
_LACKING = {"ESP32-S2": frozenset({"bluetooth", "ubluetooth"})}

_NAMES = {
    "machine": "CAN Counter Encoder I2CTarget I2S SDCard USBDevice bootloader mem_backup",
    "rp2": "DMA Flash PIO PIOASMEmit PIOASMError StateMachine asm_pio asm_pio_encode",
    "esp32": "PCNT Partition RMT ULP wake_on_ulp",
    "network": "LAN PPP ipconfig phy_mode route",
    "micropython": "alloc_emergency_exception_buf",
    "os": "dupterm dupterm_notify",
    "socket": "IPPROTO_IP callback print_pcbs reset",
}
# Names in modules of the chip that the simulator does not have. A test asks it about the Pico's.
NOT_SIMULATED = {module: frozenset(names.split()) for module, names in _NAMES.items()}

# Modules that can also be imported with a "u" in front, as before 2023: utime, ujson (tested).
_WITH_U = """
    array asyncio binascii bluetooth collections cryptolib errno hashlib heapq io json machine os
    platform random re select socket struct sys time websocket
"""


def simulated(module: str) -> bool:
    """Return whether the simulator has a module that a chip's firmware has.

    ``module`` is a dotted name, which may be that of something in a module: ``machine.I2S``.
    """
    name, _, inner = module.partition(".")
    if inner in NOT_SIMULATED.get(name, ()):
        return False
    own = {path.stem for path in project_files(shims_dir(), "*.py", deep=False)}
    return has("unix", name) or name in own


def has(port: str, module: str, chip: str = "") -> bool:
    """Return whether the firmware of ``port`` has the module (dotted name; its package decides)."""
    name = module.partition(".")[0]
    if name in _LACKING.get(chip, ()):
        return False
    known = MODULES[port]
    return name in known or (name[:1] == "u" and name[1:] in known.intersection(_WITH_U.split()))
