"""The pure part of alerts: when a fridge is out of its range."""

import pytest

from services.alerts.hysteresis import judge


@pytest.mark.parametrize(
    ("before", "celsius", "after"),
    [
        ("ok", 8.0, "ok"),
        ("ok", 8.1, "too warm"),
        ("too warm", 7.6, "too warm"),
        ("too warm", 7.5, "ok"),
        ("ok", 2.0, "ok"),
        ("ok", 1.9, "too cold"),
        ("too cold", 2.4, "too cold"),
        ("too cold", 2.5, "ok"),
        ("too warm", 1.0, "too cold"),
        ("no reading", 5.0, "ok"),
    ],
)
def test_judge(before, celsius, after):
    assert judge(before, celsius, 2.0, 8.0, 0.5) == after


def test_a_fridge_can_recover_in_a_range_narrower_than_the_margin():
    assert judge("too warm", 5.0, 4.8, 5.2, 0.5) == "ok"
