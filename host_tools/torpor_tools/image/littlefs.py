"""LittleFS2 images, as MicroPython on the board mounts them."""

from __future__ import annotations

from littlefs import LittleFS, UserContext
from littlefs.errors import LittleFSError
from littlefs.lfs import LFSConfig

from ..errors import fail
from ..model.board import Filesystem
from .tree import Files

_NO_SPACE = -28
_RESERVE = 12  # blocks, as in firmware/torpor/store/reserve.py
_ROOM = 6  # besides them: three that must stay free, a folder, and a journal
_SPARE_BLOCKS = 8  # as in firmware/torpor/update/report.py


def pack(files: Files, filesystem: Filesystem, larger: str = "") -> bytes:
    """The image of a filesystem that holds ``files``: same files, same bytes.

    ``larger`` says how the board gets a larger filesystem. Raises ``UserError`` if they do not fit.
    """
    try:
        return bytes(_filled(files, filesystem, filesystem.block_count).context.buffer)
    except LittleFSError as error:
        if error.code != _NO_SPACE:
            raise
    available = filesystem.block_count * filesystem.block_size
    raise fail(
        f"the image needs {_needed(files, filesystem):,} bytes of the filesystem, "
        f"which has {available:,} bytes",
        f"make static files smaller, drop a service, or use a board with more flash{larger}",
    )


def unpack(image: bytes, filesystem: Filesystem) -> dict[str, bytes]:
    """The files of an image, by their path from the root."""
    lfs = _unmounted(filesystem, filesystem.block_count)
    lfs.context.buffer[:] = image
    lfs.mount()
    found = {}
    for folder, _, names in lfs.walk("/"):
        for name in names:
            path = f"{folder}/{name}".lstrip("/")
            with lfs.open(path, "rb") as file:
                found[path] = file.read()
    return found


def _filled(files: Files, filesystem: Filesystem, blocks: int) -> LittleFS:
    lfs = _unmounted(filesystem, blocks)
    lfs.format()
    lfs.mount()
    for path in sorted(files):
        folder = path.rpartition("/")[0]
        if folder:
            lfs.makedirs(folder, exist_ok=True)
        with lfs.open(path, "wb") as file:
            file.write(files[path])
    return lfs


def check_room_for_data(files: Files, filesystem: Filesystem, board: str, larger: str = "") -> None:
    """Check that services which store rows can write some. Raises ``UserError``."""
    size = filesystem.block_size
    least = min(_RESERVE, filesystem.block_count >> 4) + _ROOM
    needed = _needed(files, filesystem)
    free = filesystem.block_count * size - needed
    if free < least * size:
        raise fail(
            f"the image takes {needed:,} of the {filesystem.block_count * size:,} bytes of the "
            f"filesystem of {board}: {max(0, free):,} are left for rows,\nand a store needs "
            f"{least * size:,} to begin with",
            f"make static files smaller, or drop a service{larger}",
        )


def check_room_for_updates(
    files: Files, filesystem: Filesystem, board: str, larger: str = ""
) -> None:
    """Check that the board can receive changed files next to its image.

    Raises ``UserError`` if there is not even room for a quarter of the image.
    """
    needed = _needed(files, filesystem)
    available = filesystem.block_count * filesystem.block_size
    free = available - needed - _SPARE_BLOCKS * filesystem.block_size
    if 4 * free < needed:
        raise fail(
            f"signed updates need room next to the image: it takes {needed:,} of the {available:,} "
            f"bytes of the filesystem of {board}, which leaves {max(0, free):,}",
            "make static files smaller, or write `update = false` into the table of the board in "
            f"cluster.toml:\nthen it has one image, which torpor deploy replaces over USB{larger}",
        )


def room_for_two(files: Files, filesystem: Filesystem) -> tuple[int, int]:
    """The bytes that two images without a common file take, and the bytes of the filesystem."""
    needed = 2 * _needed(files, filesystem) + _SPARE_BLOCKS * filesystem.block_size
    return needed, filesystem.block_count * filesystem.block_size


def _needed(files: Files, filesystem: Filesystem) -> int:
    """The bytes that the files take, in whole blocks."""
    blocks = sum(len(data) // filesystem.block_size + 4 for data in files.values()) + 64
    lfs = _filled(files, filesystem, max(blocks, 2 * filesystem.block_count))
    return int(lfs.used_block_count) * filesystem.block_size


class _Memory(UserContext):
    """A flash in memory. That of the package formats a line of a log for every read and write."""

    def read(self, cfg: LFSConfig, block: int, off: int, size: int) -> bytearray:
        start = block * cfg.block_size + off
        return self.buffer[start : start + size]

    def prog(self, cfg: LFSConfig, block: int, off: int, data: bytes) -> int:
        start = block * cfg.block_size + off
        self.buffer[start : start + len(data)] = data
        return 0


def _unmounted(filesystem: Filesystem, blocks: int) -> LittleFS:
    return LittleFS(
        context=_Memory(filesystem.block_size * blocks),
        mount=False,
        block_size=filesystem.block_size,
        block_count=blocks,
        prog_size=filesystem.prog_size,
        read_size=filesystem.read_size,
        # As extmod/vfs_lfsx.c computes it: it decides which files are small enough to be in their
        # directory entry, and the image must be as the board itself would write it.
        cache_size=min(filesystem.block_size, 4 * max(filesystem.read_size, filesystem.prog_size)),
        lookahead_size=32,
        disk_version=filesystem.disk_version,
    )
