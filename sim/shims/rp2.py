"""Stands in for the chip's ``rp2``."""

from _sim import inputs
from network import country as country


def bootsel_button():
    return inputs("pins").get("BOOTSEL", 0)
