"""The device half of torpor's pytest plugin, and the module that tests import as ``pytest``.

The host puts this package next to the tests and runs ``torpor_test.serve``. It is never in a
shipped image. ``import pytest`` in a test file becomes an import of this module. Its functions
behave as those of pytest; everything else (marks, parametrize, selection, reports) happens on the
host.
"""

from .arguments import NUMBER, expect, refuse, within
from .check import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Ended", "Skipped", "approx", "fail", "raises", "skip"]


class Skipped(BaseException):
    """Ends a test without a verdict."""


class Ended(BaseException):
    """The program under test has reset the board or sent it to deep sleep.

    Attributes:
        event: "reset" or "deepsleep".
        fields: The details: ``cause`` of a reset, ``ms`` of a sleep.
    """

    def __init__(self, event: str, fields: dict) -> None:
        super().__init__("%s %s" % (event, fields))
        self.event = event
        self.fields = fields


def skip(reason: str = "") -> None:
    """End the test here; it counts as skipped."""
    expect("skip()", "reason", reason, str, "text")
    raise Skipped(reason)


class raises:
    """``with raises(Fault) as caught:`` fails unless the block raises that exception.

    Args:
        expected: An exception class, or a tuple of them.
        match: A regular expression (of MicroPython's ``re``) that the error's text must contain.

    Attributes:
        value: The exception, after the block.
    """

    def __init__(self, expected: "Any", match: str | None = None) -> None:
        for kind in expected if isinstance(expected, tuple) else (expected,):
            if not isinstance(kind, type) or not issubclass(kind, BaseException):
                refuse("raises()", "expected", kind, "an exception class, or a tuple of them")
        if match is not None:
            expect("raises()", "match", match, str, "a regular expression")
        self._expected = expected
        self._match = match
        self.value = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            fail("DID NOT RAISE %r" % (self._expected,))
        if not issubclass(kind, self._expected):
            return False
        self.value = value
        if self._match is not None:
            import re

            if not re.search(self._match, str(value)):
                fail("%r is not found in the error's text: %s" % (self._match, value))
        return True


class approx:
    """A value that is equal to all numbers near ``expected``.

    Args:
        expected: A number, or a list or dict of numbers.
        rel: The allowed difference as a share of ``expected``.
        abs: The allowed difference itself. The larger of the two counts.
    """

    def __init__(self, expected: "Any", rel: float = 1e-6, abs: float = 1e-12) -> None:
        within("approx()", "rel", rel, 0, 1e30, "a number of 0 or more", NUMBER)
        within("approx()", "abs", abs, 0, 1e30, "a number of 0 or more", NUMBER)
        self._expected = expected
        self._rel = rel
        self._abs = abs

    def __eq__(self, value):
        return self._near(self._expected, value)

    def __ne__(self, value):
        return not self == value

    def __repr__(self):
        return "approx(%r, rel=%s)" % (self._expected, self._rel)

    def _near(self, expected, value):
        if isinstance(expected, dict):
            if not isinstance(value, dict) or len(value) != len(expected):
                return False
            return all(key in value and self._near(expected[key], value[key]) for key in expected)
        if isinstance(expected, (list, tuple)):
            return len(value) == len(expected) and all(map(self._near, expected, value))
        if not isinstance(expected, (int, float)) or not isinstance(value, (int, float)):
            return expected == value
        return abs(expected - value) <= max(self._abs, self._rel * abs(expected))


# Before the runtime is imported, which imports the shims: they import names from ``_sim``.
from . import world  # noqa: E402

world.install()
