"""Runs an image as a process on Linux: ``micropython start.py IMAGE STATE``.

IMAGE is the folder with the image's files, which does not change. STATE is a folder for the process
alone. Like the flash on a chip, it becomes the root of the filesystem: it gets the image's files,
and keeps the data of the services.
"""

import os
import sys

import vfs

_LIST = "/.image"  # the image's files of the last start


class _Os:
    """``os`` with a ``rename`` that works.

    If a mounted folder is the root, MicroPython's own (1.29) puts both absolute paths into one
    buffer. Relative paths work, and the root is the current folder.
    """

    def __getattr__(self, name):
        return getattr(os, name)

    def rename(self, old, new):
        os.rename(old.lstrip("/"), new.lstrip("/"))


def _files(folder, inner=""):
    """Return the files below ``folder``, with their relative paths."""
    found = []
    for entry in os.ilistdir(folder + inner):
        path = inner + "/" + entry[0]
        if entry[1] & 0x4000:
            found += _files(folder, path)
        else:
            found.append(path)
    return found


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _write(path, data):
    at = path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError:
            pass  # it exists
        at = path.find("/", at + 1)
    with open(path + ".new", "wb") as file:
        file.write(data)
    _Os().rename(path + ".new", path)  # an interrupted start leaves no partial file


def _install(image):
    """Copy the image's files to the root, and remove those of an earlier image."""
    files = _files(image)
    old = _read(_LIST)
    for path in str(old, "utf-8").split("\n") if old else ():
        if path not in files:
            try:
                os.remove(path)
            except OSError:
                pass  # it was removed before
    _write(_LIST, "\n".join(files).encode())
    for path in files:
        data = _read(image + path)
        if data != _read(path):
            _write(path, data)


def _absolute(path):
    return path if path[0] == "/" else os.getcwd().rstrip("/") + "/" + path


def _start(image, state):
    mounted = vfs.VfsPosix(_absolute(image))  # type: ignore[attr-defined]  # not on the chips
    root = vfs.VfsPosix(_absolute(state))  # type: ignore[attr-defined]
    vfs.umount("/")
    vfs.mount(root, "/")
    vfs.mount(mounted, "/.mounted", readonly=True)
    os.chdir("/")
    _install("/.mounted")
    vfs.umount("/.mounted")
    sys.modules["os"] = _Os()  # type: ignore[assignment]
    sys.argv[:] = []
    sys.path[:] = ["", ".frozen", "/lib"]
    exec(_read("/main.py"), {"__name__": "__main__"})


if len(sys.argv) != 3:
    sys.exit("usage: micropython start.py IMAGE STATE")
_start(sys.argv[1], sys.argv[2])
