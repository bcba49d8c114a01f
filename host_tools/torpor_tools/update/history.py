"""Images that were put on boards, kept by their build ids for ``torpor rollback``."""

from __future__ import annotations

import json
import os
import time
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from ..errors import fail
from ..image.tree import LISTING, read_tree
from ..model.image import Image
from ..project.signers import NAME as SIGNERS
from ..project.signers import public_keys
from ..suggest import listing
from .manifest import SECRETS, build_id

_MOST = 8  # builds of a board
_FACTS = "kept.json"


@dataclass(frozen=True)
class Kept:
    """A build that a board has had."""

    build: str
    at: float  # Unix time at which it was last put on the board
    production: bool
    migrations: Mapping[str, int]  # service with a store -> how many it has


def keep(image: Image, root: Path, production: bool = False) -> None:
    """Keep the image's files, without secrets, and delete the oldest builds of the board."""
    files = {path: data for path, data in read_tree(image.tree).items() if path != SECRETS}
    stores = [each for each in image.board.services if each.contract.has_store]
    migrations = {each.name: len(each.contract.migrations) for each in stores}
    keep_files(root, image.board.name, files, production, migrations)


def keep_files(
    root: Path,
    board: str,
    files: Mapping[str, bytes],
    production: bool,
    migrations: Mapping[str, int],
) -> None:
    """Keep an image by its files, and delete the oldest builds of the board."""
    kept = Kept(build_id(files), time.time(), production, migrations)
    folder = _folder(root, board)
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f".{kept.build}.{os.getpid()}"
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_FACTS, json.dumps(asdict(kept)))
        for path, data in files.items():
            archive.writestr(f"fs/{path}", data)
    new.replace(folder / f"{kept.build}.zip")
    for old in builds(root, board)[_MOST:]:
        (folder / f"{old.build}.zip").unlink()


def keep_updated(image: Image, root: Path, production: bool = False) -> None:
    """Keep an image that was put on a board over USB, if the board accepts updates."""
    if (image.tree / SIGNERS).is_file():
        keep(image, root, production)


def builds(root: Path, board: str) -> list[Kept]:
    """Return the kept builds of a board, the newest first."""
    found = []
    for path in _folder(root, board).glob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            found.append(Kept(**json.loads(archive.read(_FACTS))))
    return sorted(found, key=lambda kept: -kept.at)


def earlier(root: Path, board: str, current: str, wanted: str | None) -> Kept:
    """Return the build to go back to: ``wanted``, or the newest that is not ``current``.

    Raises ``UserError`` if it is not kept, or the board runs it.
    """
    if wanted is not None and not wanted.strip():
        raise fail("--to has no build", "name a build, or leave --to out")
    everything = builds(root, board)
    kept = [each for each in everything if not _is_same(root, board, each.build, current)]
    if wanted and not any(each.build.startswith(wanted) for each in kept):
        there = [current, *(each.build for each in everything if each not in kept)]
        if any(build.startswith(wanted) for build in there):
            raise fail(f"{board} runs build {current} already", "name another one with --to")
    for each in kept:
        if wanted is None or each.build.startswith(wanted):
            return each
    names = listing([each.build for each in kept]) or "none"
    what = f"no build {wanted}" if wanted else "no other build"
    raise fail(
        f"{what} of {board} is kept on this computer",
        f"kept besides the current one: {names}; or check the older sources out and update",
    )


def files_of(root: Path, board: str, build: str) -> dict[str, bytes]:
    """Return the files of a kept build, but with the project's current public keys.

    A board accepts updates that are signed with the keys in its image. With those of an old image
    it would trust a key that has been retired, and not the one that signs now.
    """
    with zipfile.ZipFile(_folder(root, board) / f"{build}.zip") as archive:
        names = [name for name in archive.namelist() if name.startswith("fs/")]
        files = {name[3:]: archive.read(name) for name in names}
    keys = b"".join(public_keys(root))
    if keys and SIGNERS in files:
        line = "%s  " + SIGNERS
        was, now = (line % sha256(data).hexdigest() for data in (files[SIGNERS], keys))
        files[SIGNERS] = keys
        files[LISTING] = files[LISTING].replace(was.encode(), now.encode())
    return files


def _is_same(root: Path, board: str, build: str, current: str) -> bool:
    """Return whether a kept build is the one that runs, perhaps with other public keys."""
    return build == current or build_id(files_of(root, board, build)) == current


def _folder(root: Path, board: str) -> Path:
    return root / "build" / ".updates" / board
