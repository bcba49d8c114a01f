"""The drivers against the models of their parts."""

from ads1115 import ADS1115, share
from bme280 import BME280
from machine import I2C


def test_a_voltage(board):
    board.set("sensors", a0=1.25, a3=3.3)
    adc = ADS1115(I2C(0))
    assert abs(adc.volts(0) - 1.25) < 0.001
    assert abs(adc.volts(3) - 3.3) < 0.001


def test_the_air(board):
    board.set("air", temperature=-7.5, humidity=81)
    temperature, humidity = BME280(I2C(0)).read()
    assert abs(temperature + 7.5) < 0.05
    assert abs(humidity - 81) < 0.5


def test_a_share_ends_at_0_and_1():
    assert [share(v, 2.8, 1.2) for v in (3.3, 2.8, 1.2, 0)] == [0, 0, 1, 1]
