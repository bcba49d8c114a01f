"""The change from one image to the next: all of it happens, whenever the power fails.

``torpor deploy`` puts the files that differ into ``/.new`` under numbers, and then, with one
rename, the list ``/.new/commit``. From there on the new image is the valid one: this moves its
files to their places, and if it is cut off ``boot.py`` calls it again. A line of the list is
``+<number> <path>`` (move that file there) or ``-<path>`` (remove it).

It must import nothing of torpor, whose files are being changed.
"""

import os


def finish(root: str = "/") -> bool:
    """Carry out the list, if there is one. Whether there was."""
    staged = root + ".new/"
    try:
        # "r+", although nothing is written: LittleFS finishes a rename that the power cut off only
        # when something is opened for writing, and until then hides a file too many (tried out).
        plan = open(staged + "commit", "r+")
    except OSError:
        return False  # the files are not all there yet: the old image stays
    with plan:
        for line in plan:
            line = line.rstrip("\n")
            if line[0] == "+":
                number, _, path = line[1:].partition(" ")
                _move(staged + number, root, path)
            else:
                _remove(root, line[1:])
    os.remove(staged + "commit")
    os.rmdir(root + ".new")
    return True


def _move(source: str, root: str, path: str) -> None:
    try:
        os.stat(source)
    except OSError:
        return  # moved before the power failed
    at = path.find("/")
    while at >= 0:
        try:
            os.mkdir(root + path[:at])
        except OSError:
            pass  # it is there
        at = path.find("/", at + 1)
    os.rename(source, root + path)


def _remove(root: str, path: str) -> None:
    try:
        os.remove(root + path)
    except OSError:
        pass  # removed before the power failed
    while "/" in path:
        path = path.rpartition("/")[0]
        try:
            os.rmdir(root + path)
        except OSError:
            return  # other files are in it
