"""What a service keeps: tables (``database``) and small values across sleep (``state``)."""

from .. import cold


def forget(name: str) -> None:
    """Give back the heap of a module of this package. A database works with half its code: what
    opens, folds and migrates it comes and goes.
    """
    cold.forget("%s.%s" % (__name__, name))
