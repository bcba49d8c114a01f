"""The pure parts of alerts: the book, and when a fridge is out of its range."""

import pytest

from services.alerts.book import Book
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


def test_a_range_narrower_than_the_margin_still_has_an_inside():
    assert judge("too warm", 5.0, 4.8, 5.2, 0.5) == "ok"


def test_a_full_book_gives_up_what_is_over_and_seen_first():
    book = Book(2)
    first = book.begin("a", "too warm", 9.0, 100)
    second = book.begin("b", "too warm", 9.0, 110)
    book.end(second, 120)
    book.acknowledge(second["id"], "Ada")
    book.begin("c", "too warm", 9.0, 130)
    assert [alert["fridge"] for alert in book.open()] == ["c", "a"]
    assert book.acknowledge(second["id"], "Grace") is None
    assert first in book.open()


def test_every_change_raises_the_revision():
    book = Book(4)
    alert = book.begin("a", "too cold", 1.0, 100)
    book.worsen(alert, 0.5)
    book.end(alert, 120)
    book.acknowledge(alert["id"], "Ada")
    book.acknowledge(alert["id"], "Grace")  # changes nothing
    assert book.revision == 4


def test_the_last_alerts_of_a_fridge_newest_first():
    book = Book(9)
    for i in range(5):
        book.begin("a" if i % 2 else "b", "too warm", 9.0, i)
    assert [alert["since"] for alert in book.of("b", 2)] == [4, 2]
