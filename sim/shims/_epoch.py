"""Stands in for ``time`` of a chip whose seconds count from another year than this computer's."""

import time as _time
from time import *  # noqa: F403

from _sim import facts

_SHIFT = facts["behaves"]["epoch_s"]
_SHIFT_NS = _SHIFT * 1_000_000_000


def time():  # type: ignore[no-redef]
    return int(_time.time()) - _SHIFT


def time_ns():  # type: ignore[no-redef]
    return _time.time_ns() - _SHIFT_NS


def gmtime(seconds=None):  # type: ignore[no-redef]
    return _time.gmtime((time() if seconds is None else seconds) + _SHIFT)


def localtime(seconds=None):  # type: ignore[no-redef]
    return _time.localtime((time() if seconds is None else seconds) + _SHIFT)


def mktime(fields):  # type: ignore[no-redef]
    return int(_time.mktime(fields)) - _SHIFT
