"""Whether JSON can hold a value. ``http.seldom.refuse`` says what it is that it cannot.

MicroPython's writer takes everything: a set becomes ``{2, 1}``, an object ``<Probe object>``.
"""

_PLAIN = (str, float, int, bool, type(None))


def is_json(value) -> bool:
    """Whether all in ``value`` is what JSON has; infinite numbers are for the caller to find."""
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is not list and kind is not tuple:
        if isinstance(value, dict):
            value = value.values()
        elif not isinstance(value, list):
            return isinstance(value, _PLAIN)
    for item in value:
        if type(item) not in _PLAIN and not is_json(item):
            return False
    return True
