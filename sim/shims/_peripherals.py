"""Which module has a peripheral of ``machine``, and which the simulator does not have."""

import sys

from _sim import facts

_ESP32 = facts["port"] == "esp32"
_HERE = {
    "I2C": "_i2c",
    "SoftI2C": "_i2c",
    "SPI": "_spi",
    "SoftSPI": "_spi",
    "UART": "_uart",
    "PWM": "_pwm",
    "Timer": "_timer",
    "bitstream": "_pulse",
    "dht_readinto": "_pulse",
    "disable_irq": "_irq",
    "enable_irq": "_irq",
}
_ABSENT = ["I2S", "I2CTarget", "bootloader"]
if _ESP32:
    _HERE["ADCBlock"] = "_adc_block"
    _ABSENT += ["CAN", "Counter", "Encoder", "SDCard"]
    if facts["chip"] in ("ESP32", "ESP32-S2"):
        _HERE["DAC"] = "_dac"
    if facts["chip"] in ("ESP32", "ESP32-S2", "ESP32-S3"):
        _HERE["TouchPad"] = "_touch"
else:
    _ABSENT += ["USBDevice"]


def check_pin(options):
    """Raise ``TypeError`` for what ``Pin`` does not take on this port."""
    for option in options:
        if option not in (("drive", "hold") if _ESP32 else ("alt",)):
            raise TypeError("extra keyword arguments given")


def module_of(name):
    """The module that has the peripheral; None: it is not one.

    Raises ``ImportError`` for one that only the chip has: ``from machine import I2S`` may be
    guarded, as it is in code for several ports.
    """
    if facts["port"] == "unix" or sys.platform != "linux":
        return None  # a Linux process has no peripherals, and a chip that runs tests has its own
    if name in _ABSENT:
        raise ImportError("the simulator has no machine.%s, which only the chip has" % name)
    return _HERE.get(name)
