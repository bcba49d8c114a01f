"""What a service keeps: tables (``database``) and small values across sleep (``state``)."""

import sys


def forget(name: str) -> None:
    """Give back the heap of a module of this package, for now or for this start; whoever uses it
    still has it in hand. A database works with half its code: what opens, folds and migrates it
    comes and goes."""
    sys.modules.pop("%s.%s" % (__name__, name), None)
    globals().pop(name, None)
