"""The signed list of an image's files: parses it, and checks that the board may take it.

docs/updates.md specifies the format. Nothing here is called before ``signature.genuine`` has
verified the signature; anything that does not match exactly raises ``ValueError``.
"""

import asyncio
import sys
from binascii import unhexlify

from micropython import const

from .. import Fault
from ..cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


MAX_LINE = const(240)  # bytes, with the line's end
_MAX_SIZE = const(1 << 24)  # bytes of a file: more than the flash of any board
_FIELDS = ("cluster", "board", "build", "counter", "firmware", "confirm")


@cold
async def check() -> None:
    """Check that the manifest that has arrived is valid, for this board, and newer than the last.

    Raises ``Fault`` or ``ValueError``.
    """
    from . import files

    at = _check_head()
    last = ""
    start = 0
    for line in files.lines(files.NEW + "head", at):
        path = entry(line)[2]
        if path <= last:
            raise ValueError("the order of the paths")
        last = path
        start += path in ("boot.py", "image.txt", "main.py")
        await asyncio.sleep_ms(0)
    if start != 3:
        raise ValueError("files that the board needs to start are missing")


def _check_head() -> int:
    """Check the fields, and return where the files begin."""
    from .. import kernel
    from .state import counter

    newest = counter()
    with open("/.new/head", "rb") as file:
        fields = head(file.readline)
        at = file.tell()
    cluster = kernel.current.cluster
    if (fields["cluster"], fields["board"]) != (cluster.NAME, cluster.BOARD):
        raise Fault(409, "the update is for %s of %s" % (fields["board"], fields["cluster"]))
    if fields["counter"] <= newest:
        raise Fault(409, "the update is older than one that was here: its counter is not above it")
    if tuple(sys.implementation.version[:3]) < fields["firmware"]:
        raise Fault(409, "the update needs MicroPython %d.%d.%d: flash it" % fields["firmware"])
    return at


@cold
def head(read_line: "Callable") -> dict:
    """Return the fields of a manifest by their names.

    Args:
        read_line: Returns the next line of up to so many bytes.
    """
    fields = named(read_line, b"torpor-update 1\n", _FIELDS, "drop")
    for name in fields.get("drop", "a").split(","):
        if "/" in name:
            raise ValueError("drop")
        _check_path("services/" + name)
    fields["firmware"] = version(fields["firmware"])
    if len(fields["build"]) != 16:
        raise ValueError("build")
    unhexlify(fields["build"])
    return fields


@cold
def named(read_line: "Callable", first: bytes, names: tuple, optional: str = "") -> dict:
    """Return the lines ``name=value`` below the first line, by their names.

    Args:
        read_line: Returns the next line of up to so many bytes.
        first: The line that names the kind of manifest.
        names: The names in their order.
        optional: The name of one more line, which may be missing.
    """
    if read_line(MAX_LINE) != first:
        raise ValueError("not a manifest of format 1")
    fields: dict = {}
    for name in names:
        fields[name] = _value(read_line(MAX_LINE), name)
    for name in ("counter", "confirm"):
        fields[name] = _number(fields[name], 12)
    line = read_line(MAX_LINE)
    if optional and line != b"\n":
        fields[optional] = _value(line, optional)
        line = read_line(MAX_LINE)
    if line != b"\n":
        raise ValueError("no empty line")
    return fields


@cold
def _value(line: bytes, name: str) -> str:
    key, equals, value = str(line, "utf-8").partition("=")
    if key != name or not equals or value[-1:] != "\n" or len(value) < 2:
        raise ValueError("no line %s=" % name)
    return value[:-1]


@cold
def entry(line: bytes) -> tuple:
    """Return SHA-256 (bytes), size and path of a file's line."""
    if len(line) > MAX_LINE:
        raise ValueError("the length of a line")
    text = str(line, "utf-8")
    digest, _, text = text.partition(" ")
    size, _, path = text.partition(" ")
    if len(digest) != 64 or digest.lower() != digest or path[-1:] != "\n":
        raise ValueError("not the line of a file")
    number = _number(size, 8)
    if number > _MAX_SIZE:
        raise ValueError("size")
    path = path[:-1]
    _check_path(path)
    return unhexlify(digest), number, path


@cold
def version(text: str) -> tuple:
    """Return ``1.27.0`` as three numbers."""
    a, b, c = text.split(".")
    return _number(a, 3), _number(b, 3), _number(c, 3)


def _number(text: str, digits: int) -> int:
    """An unsigned decimal number without sign, space or leading zero."""
    if not 0 < len(text) <= digits or not text.isdigit() or (text[0] == "0" and text != "0"):
        raise ValueError("number")
    return int(text)


def _check_path(path: str) -> None:
    """Refuse a path that is not below the root, or is hidden, a service's data or a secret."""
    for c in path.encode():
        if c < 32 or c == 127:
            raise ValueError("path")
    parts = path.split("/")
    for part in parts:
        if not part or part[0] == ".":
            raise ValueError("path")
    if parts[0] == "data" or path == "secrets.json":
        raise ValueError("path")
