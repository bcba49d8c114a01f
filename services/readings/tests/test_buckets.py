"""The pure parts of readings: the ring, and the summary of many readings."""

import pytest

from services.readings.buckets import Buckets
from services.readings.ring import Ring


def filled(values, step=10):
    ring = Ring(8)
    for i, value in enumerate(values):
        ring.add(i * step, value)
    return ring


def test_a_ring_forgets_the_oldest():
    ring = filled(range(10))
    assert (ring.first, ring.end) == (2, 10)
    assert [ring.value(n) for n in range(ring.first, ring.end)] == [2, 3, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize(("time", "number"), [(0, 0), (1, 1), (10, 1), (35, 4), (99, 5)])
def test_a_reading_is_found_by_its_time(time, number):
    assert filled([1, 2, 3, 4, 5]).number_at(time) == number


def test_negative_values_are_kept():
    assert filled([-4000, 12550]).value(0) == -4000


def rows(values, since, until, points):
    buckets = Buckets(since, until, points)
    for time, value in enumerate(values):
        if since <= 10 * time <= until:
            buckets.add(10 * time, value, value, value)
    return buckets.rows()


def test_each_reading_has_its_own_row_if_there_are_enough_points():
    assert rows([400, 500], 0, 10, 100) == [[0, 4.0, 4.0, 4.0], [10, 5.0, 5.0, 5.0]]


def test_a_row_has_the_lowest_mean_and_highest():
    assert rows([400, 500, 900], 0, 20, 2) == [[20, 4.0, 6.0, 9.0]]


def test_a_summary_keeps_its_extremes():
    buckets = Buckets(0, 99, 2)
    buckets.add(0, 100, 200, 300)
    buckets.add(50, 150, 400, 900)
    assert buckets.rows() == [[50, 1.0, 3.0, 9.0]]


def test_a_period_without_a_reading_has_no_row():
    buckets = Buckets(0, 100, 11)
    buckets.add(0, 1, 1, 1)
    buckets.add(95, 2, 2, 2)
    assert len(buckets.rows()) == 2


def test_an_empty_window_has_no_rows():
    assert rows([], 0, 100, 10) == []
