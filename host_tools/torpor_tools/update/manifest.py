"""The signed list of an image's files; docs/updates.md specifies the format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from ..errors import fail
from ..image.tree import LISTING

FORMAT = "torpor-update 1"
MAX_MANIFEST = 32768  # bytes; as in firmware/torpor/update/receive.py
MAX_LINE = 240
SECRETS = "secrets.json"  # stays on the board, because updates are not encrypted
CONFIRM_S = 60


@dataclass(frozen=True)
class Terms:
    """The fields that the manifests of images and of firmware have in common.

    Attributes:
        cluster: The name of the cluster.
        board: The name of the board.
        counter: A number above those of all updates that the board has had.
        least: The oldest version of MicroPython that the image needs.
        confirm_s: How many seconds the board must stay healthy before it keeps the update.
    """

    cluster: str
    board: str
    counter: int
    least: str
    confirm_s: int = CONFIRM_S


@dataclass(frozen=True)
class Line:
    """A file of the manifest: the offset of its line, and the fields of the line."""

    place: int
    digest: str
    size: int
    path: str


@dataclass(frozen=True)
class Manifest:
    """A manifest and its lines by their offsets."""

    text: bytes
    build: str
    counter: int
    lines: tuple[Line, ...]
    board: str = ""
    confirm_s: int = CONFIRM_S

    def at(self, place: int) -> Line:
        """Return the line that begins at that offset. Raises ``KeyError``."""
        for line in self.lines:
            if line.place == place:
                return line
        raise KeyError(place)


def sent(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of an image that are part of an update."""
    return {path: data for path, data in files.items() if path != SECRETS}


def build_id(files: Mapping[str, bytes]) -> str:
    """The id of an image: a hash of its list of checksums."""
    return sha256(files[LISTING]).hexdigest()[:16]


def manifest(terms: Terms, files: Mapping[str, bytes], drop: Sequence[str] = ()) -> Manifest:
    """Write the manifest of an image.

    Args:
        terms: The terms of the update.
        files: The image.
        drop: The services whose data the board drops.

    Raises:
        UserError: The image has too many files, or a name of one is too long or cannot be sent.
    """
    build = build_id(files)
    head = (
        f"{FORMAT}\ncluster={terms.cluster}\nboard={terms.board}\nbuild={build}\n"
        f"counter={terms.counter}\nfirmware={terms.least}\nconfirm={terms.confirm_s}\n"
    )
    if drop:
        dropped = f"drop={','.join(drop)}\n"
        if len(dropped) > MAX_LINE:
            raise fail(
                f"an update cannot drop the data of {len(drop)} services: their names are too long",
                "flash the board over USB, which erases all data",
            )
        head += dropped
    head += "\n"
    text = head.encode()
    lines = []
    for path, data in sorted(sent(files).items()):
        line = Line(len(text), sha256(data).hexdigest(), len(data), path)
        written = f"{line.digest} {line.size} {path}\n".encode()
        if len(written) > MAX_LINE or re.search(r"[\x00-\x1f\x7f]|(^|/)(\.|/|$)", path):
            raise fail(f"the name of {path} cannot be part of an update", "rename the file")
        text += written
        lines.append(line)
    if len(text) > MAX_MANIFEST:
        raise fail(
            f"the list of the image's {len(lines)} files has {len(text):,} bytes, and an update "
            f"carries {MAX_MANIFEST:,}",
            "put fewer files into the image",
        )
    return Manifest(text, build, terms.counter, tuple(lines), terms.board, terms.confirm_s)


def parse(text: bytes) -> Manifest:
    """Read a manifest with a verified signature. Raises ``ValueError``."""
    head, _, _ = text.partition(b"\n\n")
    first, *named = head.decode().split("\n")
    values = dict(line.partition("=")[::2] for line in named)
    if first != FORMAT or not {"build", "counter", "confirm", "board"} <= values.keys():
        raise ValueError("not a manifest of format 1")
    lines = []
    place = len(head) + 2
    for written in text[place:].decode().split("\n")[:-1]:
        digest, size, path = written.split(" ", 2)
        lines.append(Line(place, digest, int(size), path))
        place += len(written.encode()) + 1
    return Manifest(
        text,
        values["build"],
        int(values["counter"]),
        tuple(lines),
        values["board"],
        int(values["confirm"]),
    )
