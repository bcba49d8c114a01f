"""The pure parts of readings: the ring, and many readings told as few."""

import pytest

from services.readings.buckets import buckets
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


def test_below_zero_is_kept_as_it_is():
    assert filled([-4000, 12550]).value(0) == -4000


def test_each_reading_has_its_row_where_there_is_room():
    rows = buckets(filled([400, 500]), 0, 10, 100)
    assert rows == [[0, 4.0, 4.0, 4.0], [10, 5.0, 5.0, 5.0]]


def test_a_row_tells_lowest_mean_and_highest():
    rows = buckets(filled([400, 500, 900]), 0, 20, 2)
    assert rows == [[20, 4.0, 6.0, 9.0]]


def test_readings_outside_of_the_window_are_left_out():
    rows = buckets(filled([100, 200, 300, 400]), 10, 20, 100)
    assert [row[0] for row in rows] == [10, 20]


def test_an_empty_window_has_no_rows():
    assert buckets(Ring(4), 0, 100, 10) == []
