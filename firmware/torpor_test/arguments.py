"""Checks the arguments of fixtures: a mistake in them must not become a passing test."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


NUMBER = (int, float)
BYTES = (bytes, bytearray, memoryview)


def refuse(call: str, name: str, value: "Any", expected: str) -> None:
    """Raise ``TypeError``: ``clock.set(): unix is '7', expected a whole number of seconds``."""
    shown = repr(value)
    if len(shown) > 60:
        shown = shown[:57] + "..."
    raise TypeError("%s: %s is %s, expected %s" % (call, name, shown, expected))


def expect(call: str, name: str, value: "Any", kinds: "Any", expected: str) -> None:
    """Raise ``TypeError`` unless ``value`` is of one of ``kinds``; True is not a number here."""
    if isinstance(value, bool) and kinds is not bool:
        refuse(call, name, value, expected)
    if not isinstance(value, kinds):
        refuse(call, name, value, expected)


def within(
    call: str, name: str, value: "Any", least: "Any", most: "Any", expected: str, kinds: "Any" = int
) -> None:
    """Raise ``TypeError`` unless ``value`` is a number from ``least`` to ``most``, not NaN."""
    expect(call, name, value, kinds, expected)
    if not least <= value <= most:
        refuse(call, name, value, expected)


def only(call: str, names: "Any", known: "Any") -> None:
    """Raise ``TypeError`` if ``names`` has one that is not in ``known``."""
    for name in names:
        if name not in known:
            raise TypeError("%s has no argument %s; it takes %s" % (call, name, ", ".join(known)))
