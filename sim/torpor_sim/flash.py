"""The folders of a simulated board: its flash, and what the shims read.

``<storage>/<board>/flash`` is the chip's filesystem: the image, and the data that the services
keep. ``run`` holds the shims, the facts, the inputs and the RTC memory; ``trace.jsonl`` what the
board did.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
from pathlib import Path
from typing import Any, TextIO

from torpor_tools.errors import UserError, fail
from torpor_tools.files import project_files
from torpor_tools.locks import try_lock
from torpor_tools.model.board import Board
from torpor_tools.paths import shims_dir
from torpor_tools.project.ports import load_port

from . import slots

_INSTALLED = "installed.json"  # the files of flash/ that came with the image
_STARTER = "_boot.py"
_NOT_COPIED = (_STARTER, "_bootloader.py")
_COUNTED = ("services", "torpor")  # as in the shim _disk_space
_ESP32_ONLY = frozenset(
    {"_epoch", "_gc", "_image", "_otadata", "_partition", "_slots", "errno", "esp32"}
)
_HIDDEN = {  # shims that a chip of this port does not have
    "rp2": _ESP32_ONLY,
    "esp32": frozenset({"rp2"}),
    "unix": _ESP32_ONLY
    | frozenset({"rp2", "network", "ntptime", "onewire", "ds18x20", "dht", "neopixel"}),
}
_SECRETS = "secrets.json"
_UPDATE = (".new", ".old", ".trial", ".failed")  # of an update or a deploy that was not finished
_WIFI = {"wifi": {"ssid": "simulator", "password": "simulator"}}


class BoardFolder:
    """One board's folder below the simulator's storage."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.flash = path / "flash"
        self.run = path / "run"
        self.inputs = self.run / "inputs.json"
        self.peers = self.run / "peers.json"
        self.trace = path / "trace.jsonl"
        self._installed = path / _INSTALLED

    def prepare(self, board: Board, *, fresh: bool, real_time: bool = True) -> None:
        """Make the folder; ``fresh`` deletes the files of an earlier run. Raises ``UserError``.

        Without ``real_time``, its program uses the simulator's clock.
        """
        if fresh and self.path.exists():
            self._refuse_foreign()
            shutil.rmtree(self.path)
        self.flash.mkdir(parents=True, exist_ok=True)
        self.run.mkdir(exist_ok=True)
        for shim in project_files(shims_dir(), "*.py", deep=False):
            if shim.name not in _NOT_COPIED and _has_shim(board, shim.stem):
                shutil.copyfile(shim, self.run / shim.name)
        slots.make(self.run, board)
        ticks = load_port(board.port).loop.poll_ms > 1
        for shim in project_files(shims_dir() / "speed", "*.py", deep=False):
            if real_time and not (ticks and shim.stem == "select"):
                (self.run / shim.name).unlink(missing_ok=True)
            else:
                shutil.copyfile(shim, self.run / shim.name)

    def install(self, tree: Path) -> None:
        """Write the image to the flash: its files replace the last image's, other files stay."""
        files = _files(tree)
        dropped = self.flash / ".dropped"
        if dropped.is_dir() and (self.flash / ".trial").exists():  # as in deploy/on_board.py
            names = "\n".join(folder.name for folder in dropped.iterdir())
            (self.flash / ".restore").write_text(names, encoding="utf-8", newline="\n")
        for name in _UPDATE:
            shutil.rmtree(self.flash / name, ignore_errors=True)
            (self.flash / name).unlink(missing_ok=True)
        for name in self._image_files() - set(files):
            (self.flash / name).unlink(missing_ok=True)
        for name in files:
            if not self._has(tree, name):
                (self.flash / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(tree / name, self.flash / name)
        (self.flash / _SECRETS).write_bytes(_secrets(tree))
        write_json(self._installed, files)

    def publish(self, documents: Path) -> None:
        """Make the services answer ``GET /openapi.json`` with ``<service>.json`` of a folder."""
        shutil.rmtree(self.run / documents.name, ignore_errors=True)
        if documents.is_dir():
            shutil.copytree(documents, self.run / documents.name)

    def holds(self, tree: Path) -> bool:
        """Whether the flash has exactly this image."""
        files = _files(tree)
        return self._image_files() == set(files) and all(self._has(tree, name) for name in files)

    def room(self, board: Board) -> dict[str, int]:
        """Return facts for the shim that limits the filesystem; none for a Linux process.

        Returns:
            ``whole``: the blocks of the filesystem. ``blocks``: those that the services and the
            runtime leave free; the shim does not count their blocks again.
        """
        if board.port == "unix":
            return {}
        size = board.filesystem.block_size
        taken = 2  # the superblock
        for folder in _COUNTED:
            for path in [self.flash / folder, *(self.flash / folder).rglob("*")]:
                if path.is_dir():
                    taken += 2
                elif path.is_file():
                    taken += -(-path.stat().st_size // size)
        whole = board.filesystem.block_count
        return {"whole": whole, "blocks": whole - taken}

    def power_on(self) -> None:
        """Remove what a power cut erases."""
        for name in ("rtc.bin", "scratch.bin"):
            (self.run / name).unlink(missing_ok=True)

    def _has(self, tree: Path, name: str) -> bool:
        mine = self.flash / name
        if name == _SECRETS:
            return mine.exists() and mine.read_bytes() == _secrets(tree)
        return mine.exists() and filecmp.cmp(tree / name, mine, shallow=False)

    def _image_files(self) -> set[str]:
        try:
            return set(json.loads(self._installed.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return set()

    def _refuse_foreign(self) -> None:
        if any(self.path.iterdir()) and not self._installed.exists():
            raise fail(
                f"{self.path} is not a simulated board's folder, and would be deleted",
                "give the simulator a storage folder of its own",
            )


def _has_shim(board: Board, module: str) -> bool:
    """Whether this type of board has the module."""
    return module not in _HIDDEN.get(board.port, frozenset())


def _secrets(tree: Path) -> bytes:
    """Return the image's secrets; a Wi-Fi is added if there is none: the simulated one is open."""
    path = tree / _SECRETS
    secrets = json.loads(path.read_bytes()) if path.exists() else {}
    return json.dumps({**_WIFI, **secrets}).encode()


def _files(tree: Path) -> list[str]:
    return sorted(str(path.relative_to(tree)) for path in project_files(tree))


def starter() -> Path:
    """The program that starts a board."""
    return shims_dir() / _STARTER


def write_json(path: Path, value: Any) -> None:
    """Replace ``path`` as a whole: a reader sees the old content or the new one."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(value), encoding="utf-8", newline="\n")
    aside.replace(path)


def lock(storage: Path) -> TextIO:
    """Lock the storage folder for this process while the file is open. Raises ``UserError``."""
    storage.mkdir(parents=True, exist_ok=True)
    file = (storage / ".lock").open("w", encoding="utf-8", newline="\n")
    if not try_lock(file.fileno()):
        file.close()
        raise fail(
            f"{storage} is used by another simulator",
            "stop that one, or give this one a storage folder of its own",
        )
    return file


def is_running(storage: Path) -> bool:
    """Return whether a simulator uses this folder now."""
    try:
        lock(storage).close()
    except UserError:
        return True
    return False
