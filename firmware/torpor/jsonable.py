"""Whether JSON can hold a value. ``http.seldom.refuse`` says what it is that it cannot.

MicroPython's writer takes everything: a set becomes ``{2, 1}``, an object ``<Probe object>``, and a
number that is infinite ``inf``. To look through a result costs a fraction of writing it.
"""

_PLAIN = (str, int, bool, type(None))


def is_json(value) -> bool:
    """Whether JSON has all that is in ``value``."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list) and type(value) is not tuple:
        if isinstance(value, float):
            return not value - value  # it is nan for nan and for what is infinite
        return isinstance(value, _PLAIN)
    for item in value:
        if isinstance(item, _PLAIN):
            continue
        if isinstance(item, dict):  # a row: without a call for each value it takes half the time
            for cell in item.values():
                if isinstance(cell, _PLAIN) or (type(cell) is float and not cell - cell):
                    continue
                if not is_json(cell):
                    return False
        elif not is_json(item):
            return False
    return True
