"""From a built image to the one file that a board is flashed with."""

from __future__ import annotations

import os
from pathlib import Path

from ..image.flashable import SUFFIXES, flashable
from ..model.image import Image
from .catalogue import Progress, firmware


def flash_file(
    image: Image, *, source: Path | None = None, progress: Progress | None = None
) -> Path:
    """Write ``build/<board>/<board>.uf2`` (or ``.bin``): official firmware and our filesystem.

    ``source`` is a firmware file of the user, instead of the one in the cache. Only the owner may
    read what is written, for it holds the image's secrets. Raises ``UserError`` if the firmware
    cannot be had or does not fit the board.
    """
    board = image.board.board
    official = firmware(board, source=source, progress=progress).read_bytes()
    content = flashable(board, official, image.littlefs.read_bytes())
    file = image.folder / f"{image.board.name}{SUFFIXES[board.port]}"
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
    os.replace(aside, file)
    return file
