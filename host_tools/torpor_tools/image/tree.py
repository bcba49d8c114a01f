"""The files of an image, as they are in the root of the chip's filesystem."""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

from ..files import project_files
from ..locks import locked_folder

Files = Mapping[str, bytes]  # path from the root of the filesystem, with slashes -> content

LISTING = "image.txt"

# Text that is only ever sent to browsers, all of which accept it compressed.
GZIPPED = (".html", ".css", ".js", ".svg", ".json")
# A board that unpacks a file, for a client that does not, needs as much heap as the window has.
WINDOW_BITS = 12


def write_tree(files: Files, folder: Path) -> None:
    """Write the files below ``folder``, which is made."""
    for name in sorted(files):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])


def static_files(folder: Path) -> dict[str, bytes]:
    """The files of a service's ``static/`` folder for the image, by their path below that folder.

    Only regular files of the service are shipped, see ``torpor_tools.files``. Kinds in ``GZIPPED``
    are stored compressed only, under their name with ``.gz``.
    """
    found = {}
    for path in project_files(folder, within=folder.parent):
        name = path.relative_to(folder).as_posix()
        data = path.read_bytes()
        if path.suffix in GZIPPED:
            found[f"{name}.gz"] = gzipped(data)
        else:
            found[name] = data
    return found


def read_tree(folder: Path) -> dict[str, bytes]:
    """Return the files of an image that was written to ``folder``."""
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in project_files(folder)}


def checksums(files: Files) -> bytes:
    """The image's ``image.txt``: SHA-256 and path of each file, as ``sha256sum`` writes them.

    With it, a deploy distinguishes the files of the image from data on the board.
    """
    lines = [f"{sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files)]
    return "".join(lines).encode()


def gzipped(data: bytes) -> bytes:
    """``data`` as a gzip file without name and time, so that it is always the same."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -WINDOW_BITS)
    head = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x02\xff"
    tail = struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)
    return head + packer.compress(data) + packer.flush() + tail


def replace_folder(target: Path, write: Callable[[Path], None]) -> None:
    """Have ``write`` fill a new folder, which then takes the place of ``target`` as a whole.

    If ``write`` raises, ``target`` stays as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as work:
        made = Path(work) / "new"
        made.mkdir(mode=0o700)  # it may hold secrets
        write(made)
        with locked_folder(target.parent):
            if target.exists():
                os.rename(target, Path(work) / "old")
            os.rename(made, target)
