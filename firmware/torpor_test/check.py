"""What the ``assert`` of a test becomes, so that a failure can show its values.

MicroPython tells neither the expression of an assertion nor the values in it. The host therefore
rewrites ``assert a == b, message`` to ``compare("==", a, b) or fail(message)`` before it compiles
the test. The values go to the host as ``repr`` gives them; the expression it has itself.
"""

from micropython import const

_LONGEST = const(3000)  # characters of one value


class Failed(AssertionError):
    """An assertion that did not hold; ``detail`` goes to the host."""

    def __init__(self, message, detail: dict) -> None:
        super().__init__("" if message is None else message)
        self.detail = detail


_detail = {}
_calls = []  # of the assertion under way: (number, result, arguments or None)


def text(value) -> str:
    """``repr(value)``, cut where it would not fit."""
    try:
        shown = repr(value)
    except MemoryError:
        return "<too large to be shown>"
    except Exception as e:
        return "<repr failed: %s: %s>" % (type(e).__name__, e)
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "..."


def compare(op: str, left, right) -> bool:
    """``left op right``."""
    if _holds(op, left, right):
        _calls.clear()
        return True
    _detail.update({"op": op, "left": text(left), "right": text(right)})
    return False


def chain(ops, *values) -> bool:
    """``a < b <= c``: each operator between two neighbours."""
    for i in range(len(ops)):
        if not compare(ops[i], values[i], values[i + 1]):
            return False
    return True


def true(value) -> bool:
    """The value itself is what is asserted."""
    if value:
        _calls.clear()
        return True
    _detail["value"] = text(value)
    return False


def false(value) -> bool:
    """``not value``."""
    if not value:
        _calls.clear()
        return True
    _detail["not"] = text(value)
    return False


def call(number: int, function, *arguments):
    """``function(*arguments)`` inside an assertion; the host knows which one by its number."""
    result = function(*arguments)
    _calls.append((number, result, arguments))
    return result


def seen(number: int, result):
    """Any other value worth showing, such as that of an ``await``."""
    _calls.append((number, result, None))
    return result


def fail(message=None) -> None:
    """Fail the test; without a message for what the last comparison found."""
    detail = dict(_detail)
    if _calls:
        calls = []
        for number, result, arguments in _calls:
            given = None if arguments is None else [text(a) for a in arguments]
            calls.append((number, text(result), given))
        detail["calls"] = calls
    forget()
    raise Failed(message, detail)


def forget() -> None:
    """Drop what an assertion that was broken off has left."""
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
