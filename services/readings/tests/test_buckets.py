"""The pure parts of readings: the ring, and many readings summed up."""

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


def test_below_zero_is_kept_as_it_is():
    assert filled([-4000, 12550]).value(0) == -4000


def rows(values, since, until, points):
    found = Buckets(since, until, points)
    for time, value in enumerate(values):
        if since <= 10 * time <= until:
            found.add(10 * time, value, value, value)
    return found.rows()


def test_each_reading_has_its_row_where_there_is_room():
    assert rows([400, 500], 0, 10, 100) == [[0, 4.0, 4.0, 4.0], [10, 5.0, 5.0, 5.0]]


def test_a_row_tells_lowest_mean_and_highest():
    assert rows([400, 500, 900], 0, 20, 2) == [[20, 4.0, 6.0, 9.0]]


def test_what_was_several_readings_keeps_its_extremes():
    found = Buckets(0, 99, 2)
    found.add(0, 100, 200, 300)
    found.add(50, 150, 400, 900)
    assert found.rows() == [[50, 1.0, 3.0, 9.0]]


def test_a_stretch_without_a_reading_has_no_row():
    found = Buckets(0, 100, 11)
    found.add(0, 1, 1, 1)
    found.add(95, 2, 2, 2)
    assert len(found.rows()) == 2


def test_an_empty_window_has_no_rows():
    assert rows([], 0, 100, 10) == []
