"""Bosch BMP280, temperature and pressure: a BME280 without humidity (BST-BMP280-DS001)."""

from .bme280 import Model as BME280


class Model(BME280):
    BUS = "i2c"
    ADDRESSES = (0x76, 0x77)
    INPUTS = {"temperature": 21.0, "pressure": 1013.25}
    RANGES = {"temperature": (-40, 85, "°C"), "pressure": (300, 1100, "hPa")}
    CHIP = 0x58
