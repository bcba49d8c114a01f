"""Code that is loaded when it is called: ``@cold`` and ``@startup``.

On a chip, code lives in the heap, so code that rarely runs must not stay there. The marks do
nothing by themselves. The build moves marked code into separate modules and leaves stubs, which
load it with the functions below: see docs/internals/cold.md.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")

_loaded: list[str] = []  # what the next collection releases


def cold(marked: "T") -> "T":
    """Mark a function or method that runs rarely: loaded when called, until the next collection."""
    return marked


def startup(marked: "T") -> "T":
    """Mark a function or method that runs once: released as soon as it has returned."""
    return marked


def load(name: str, mark: str = "__cold") -> "Any":
    """Return the module of the cold code of the module ``name``; called by stubs."""
    name += mark
    if name not in sys.modules:
        try:
            _import(name)
        except MemoryError:
            clear()  # what else was loaded may make room
            _import(name)
        until_collected(name)
    return sys.modules[name]


def _import(name: str) -> None:
    try:
        __import__(name)
    except BaseException:
        forget(name)  # half a module
        raise


def once(name: str) -> "Any":
    """Return the module of the startup code of ``name``. Only the caller keeps it in the heap."""
    module = load(name, "__startup")
    forget(name + "__startup")
    return module


def forget(name: str) -> None:
    """Release the module with that full name, if it is loaded."""
    sys.modules.pop(name, None)
    package, _, own = name.rpartition(".")
    try:
        delattr(sys.modules[package], own)
    except KeyError:
        pass  # it was imported under another name, or could not be loaded completely


def until_collected(name: str) -> None:
    """Release the module with that full name at the next collection."""
    _loaded.append(name)


def clear() -> None:
    """Release the code that was loaded until now: the collection that follows frees it."""
    while _loaded:
        forget(_loaded.pop())
