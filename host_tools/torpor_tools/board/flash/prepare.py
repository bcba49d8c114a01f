"""Make the one file that a board is flashed with from a built image."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import fail
from ...image.flashable import SUFFIXES, flashable
from ...model.image import Image
from .catalogue import Progress, firmware


def flash_file(
    image: Image,
    *,
    source: Path | None = None,
    own: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write ``build/<board>/<board>.uf2`` (or ``.bin``): official firmware and our filesystem.

    ``source`` is a firmware file of the user, to use instead of the one in the cache. ``own``: it
    is not the official one, so its checksum is not known. Only the owner may read the file,
    because it contains the image's secrets. Raises ``UserError`` if the firmware is not available
    or does not fit the board.
    """
    board = image.board.board
    if own and source is not None:
        base = _read(source)
    else:
        base = firmware(board, source=source, progress=progress).read_bytes()
    content = flashable(board, base, image.littlefs.read_bytes())
    file = image.folder / f"{image.board.name}{SUFFIXES[board.port]}"
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
    os.replace(aside, file)
    return file


def _read(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise fail(f"cannot read {source}: {error.strerror}", "name an existing file") from None
