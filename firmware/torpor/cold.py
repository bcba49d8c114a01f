"""Overlays: modules that are loaded when they are needed and then given back.

On a chip code lives in the heap, so what a board seldom does must not stay there. Whoever needs an
overlay imports it in the function that uses it; while it is loaded that costs a look-up. There are
two ways to give it back, and whoever still has it in hand keeps it:

- ``forget``, at once: for what is large and used once, such as that which opens a database.
- ``until_collected``: for what may be asked for a thousand times in a row by whoever sends nonsense
  to a port. It is loaded once between two collections (see ``heap``), however often it is used.
"""

import sys

_loaded: list[str] = []


def forget(name: str) -> None:
    """Give back the heap of the module of that full name, if it is loaded."""
    sys.modules.pop(name, None)
    package, _, own = name.rpartition(".")
    try:
        delattr(sys.modules[package], own)
    except KeyError:
        pass  # it was imported by another name, or could not be loaded to its end


def until_collected(name: str) -> None:
    """Forget the module of that full name when the heap is collected next; it says so itself."""
    _loaded.append(name)


def clear() -> None:
    """Forget what was to stay until now: the collection that follows takes it."""
    while _loaded:
        forget(_loaded.pop())
