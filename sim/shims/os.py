"""Stands in for ``os``: has what the chips have, and a ``rename`` that works.

In MicroPython's VfsPosix both absolute paths of a rename are in one buffer when it has a root, so
that it renames the new name to itself: an error, or silently nothing if the new name exists.
"""

from _sim import facts, native

_native = native("os")
_host = _native.VfsPosix()  # has no root


def __getattr__(name):
    value = globals()[name] = getattr(_native, name)
    return value


def _on_host(path):
    if path[0] != "/":
        path = _native.getcwd().rstrip("/") + "/" + path
    if path.startswith("/.sim/"):
        return facts["run"] + path[5:]
    return facts["flash"] + path


def rename(old, new):
    _native.stat(old)  # raises if it is not there
    source = _on_host(old)
    try:
        _host.stat(source)
    except OSError:
        _native.rename(old, new)  # in a filesystem that the program has mounted
    else:
        _host.rename(source, _on_host(new))


def sync():
    pass


def uname():
    from collections import namedtuple
    from sys import implementation

    uname = namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))
    release = facts.get("release") or "%d.%d.%d" % implementation.version[:3]
    board = "%s with %s" % (facts["title"], facts["chip"].replace("-", ""))
    return uname(facts["port"], facts["port"], release, "v" + release, board)
