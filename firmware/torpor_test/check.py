"""Functions that replace the ``assert`` statements of a test, so that a failure shows the values.

MicroPython reports neither the expression of an assertion nor the values in it. The host therefore
rewrites ``assert a == b, message`` to ``compare("==", a, b) or fail(message)`` before it compiles
the test. The host gets the values as ``repr`` shows them. It has the expression itself.
"""

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_LONGEST = const(3000)  # characters of one value


class Failed(AssertionError):
    """An assertion that did not hold; ``detail`` goes to the host."""

    def __init__(self, message: "Any", detail: dict) -> None:
        super().__init__("" if message is None else message)
        self.detail = detail


_detail = {}
_calls = []  # of the current assertion: (number, result, arguments or None)


def text(value: "Any") -> str:
    """Return ``repr(value)``, cut to ``_LONGEST`` characters."""
    try:
        shown = repr(value)
    except MemoryError:
        return "<too large to be shown>"
    except Exception as e:
        return "<repr failed: %s: %s>" % (type(e).__name__, e)
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "..."


def compare(op: str, left: "Any", right: "Any") -> bool:
    """Return ``left op right``; remember both sides if it is false."""
    if _holds(op, left, right):
        _calls.clear()
        return True
    _detail.update({"op": op, "left": text(left), "right": text(right)})
    return False


def chain(ops: "Any", *values: "Any") -> bool:
    """Compare ``a < b <= c``: each operator between two neighbours."""
    for i in range(len(ops)):
        if not compare(ops[i], values[i], values[i + 1]):
            return False
    return True


def true(value: "Any") -> bool:
    """Return whether ``value`` is true; remember it if it is not."""
    if value:
        _calls.clear()
        return True
    _detail["value"] = text(value)
    return False


def false(value: "Any") -> bool:
    """Return ``not value``; remember the value if it is true."""
    if not value:
        _calls.clear()
        return True
    _detail["not"] = text(value)
    return False


def call(number: int, function: "Any", *arguments: "Any") -> "Any":
    """Call a function inside an assertion; ``number`` is the host's number for the call."""
    result = function(*arguments)
    _calls.append((number, result, arguments))
    return result


def seen(number: int, result: "Any") -> "Any":
    """Remember any other value that a failure should show, such as that of an ``await``."""
    _calls.append((number, result, None))
    return result


def fail(message: "Any" = None) -> None:
    """Fail the test with ``message``, or with the values of the last comparison."""
    detail = dict(_detail)
    if _calls:
        calls = []
        for number, result, arguments in _calls:
            shown = None if arguments is None else [text(a) for a in arguments]
            calls.append((number, text(result), shown))
        detail["calls"] = calls
    forget()
    raise Failed(message, detail)


def forget() -> None:
    """Forget the values of an assertion that did not finish."""
    _detail.clear()
    _calls.clear()


def _holds(op, left, right):
    if op == "==":
        return left == right
    if op == "!=":
        return left != right
    if op == "in":
        return left in right
    if op == "not in":
        return left not in right
    if op == "is":
        return left is right
    if op == "is not":
        return left is not right
    if op == "<":
        return left < right
    if op == "<=":
        return left <= right
    if op == ">":
        return left > right
    return left >= right
