"""Flashing the ESP32 family: real esptool against a boot loader that speaks the chip's protocol."""

from __future__ import annotations

import dataclasses
import random
import socket
import subprocess
from pathlib import Path

import pytest

from tests.helpers import board_types
from tests.helpers.boards import MICROPYTHON
from tests.helpers.esp32_chip import Chip
from torpor_tools.config import load_board
from torpor_tools.errors import UserError
from torpor_tools.flash import esp32
from torpor_tools.flash.catalogue import firmware
from torpor_tools.image import littlefs
from torpor_tools.image.flashable import flashable

FILES = {
    "boot.py": b"print('boot')\n",
    "torpor/kernel.mpy": random.Random(11).randbytes(3000),
    "services/a/static/page.html.gz": random.Random(12).randbytes(40_000),
}
MOUNT = """
import os, sys, vfs

class Flash:
    def __init__(self, data):
        self.data = bytearray(data)
    def readblocks(self, n, buffer, offset=0):
        at = n * 4096 + offset
        buffer[:] = self.data[at : at + len(buffer)]
    def writeblocks(self, n, buffer, offset=0):
        at = n * 4096 + offset
        self.data[at : at + len(buffer)] = buffer
    def ioctl(self, op, arg):
        return {4: len(self.data) // 4096, 5: 4096}.get(op, 0)

content = open(sys.argv[1], "rb").read()
vfs.mount(vfs.VfsLfs2(Flash(content)), "/flash")

def walk(folder):
    for entry in os.ilistdir(folder):
        path = folder + "/" + entry[0]
        if entry[1] == 0x4000:
            walk(path)
        else:
            print(path[7:], open(path, "rb").read().hex())

walk("/flash")
"""


def make(name: str, folder: Path) -> Path:
    board = load_board(name)
    file = folder / f"{name}.bin"
    file.write_bytes(
        flashable(board, firmware(board).read_bytes(), littlefs.pack(FILES, board.filesystem))
    )
    return file


@pytest.mark.parametrize("name", board_types.ESP32)
def test_what_is_flashed_is_there_bit_by_bit_and_mounts(name: str, tmp_path: Path) -> None:
    board = load_board(name)
    assert board.firmware
    file = make(name, tmp_path)
    start = board.firmware.offset
    seen: list[tuple[int, int | None]] = []
    with Chip(board.chip.lower().replace("-", "")) as chip:
        # The mock has the first revision of every chip, which the C3's firmware declines.
        esp32.flash(
            file,
            board,
            chip.url,
            force=True,
            progress=lambda done, total: seen.append((done, total)),
        )
    assert seen[-1][0] == seen[-1][1]
    content = chip.flash.read(start, file.stat().st_size)
    assert content == file.read_bytes()
    assert set(chip.flash.read(0, start)) <= {0xFF}
    part = tmp_path / "filesystem"
    part.write_bytes(content[board.filesystem.offset - start :])
    program = tmp_path / "mount.py"
    program.write_text(MOUNT)
    done = subprocess.run(
        [str(MICROPYTHON), "-X", "heapsize=8M", str(program), str(part)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = dict(line.split(" ") for line in done.stdout.splitlines())
    assert {path: bytes.fromhex(text) for path, text in found.items()} == FILES


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return make("ESP32_GENERIC", tmp_path)


ESP32 = load_board("ESP32_GENERIC")


def test_the_wrong_chip(file: Path) -> None:
    with (
        Chip("esp32s3") as chip,
        pytest.raises(UserError, match="has an ESP32-S3, and ESP32_GENERIC an ESP32"),
    ):
        esp32.flash(file, ESP32, chip.url)


def test_a_chip_of_a_revision_that_the_firmware_declines(tmp_path: Path) -> None:
    file = make("ESP32_GENERIC_C3", tmp_path)
    with (
        Chip("esp32c3") as chip,
        pytest.raises(UserError, match="not made for the revision of the chip"),
    ):
        esp32.flash(file, load_board("ESP32_GENERIC_C3"), chip.url)


def test_a_file_larger_than_the_flash(file: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(file.read_bytes() + bytes(1 << 20))
    with (
        Chip("esp32") as chip,
        pytest.raises(UserError, match=r"reaches to 5,242,880 bytes, and the board's flash has"),
    ):
        esp32.flash(large, ESP32, chip.url)


@pytest.mark.parametrize("limit", [150_000, 700_000])
def test_a_cable_pulled_while_flashing_and_then_the_same_command(file: Path, limit: int) -> None:
    with Chip("esp32", pull_at=limit) as chip:
        with pytest.raises(UserError, match="was lost while flashing"):
            esp32.flash(file, ESP32, chip.url)
        assert chip.flash.read(0x1000, file.stat().st_size) != file.read_bytes()
        assert chip.pulled
        chip.plug_in()
        esp32.flash(file, ESP32, chip.url)
    assert chip.flash.read(0x1000, file.stat().st_size) == file.read_bytes()


def test_no_chip_answers(file: Path) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with pytest.raises(UserError, match="no ESP32 answers on socket://"):
        esp32.flash(file, ESP32, f"socket://127.0.0.1:{silent.getsockname()[1]}")
    silent.close()


def test_a_flash_that_holds_something_else_afterwards(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import esptool

    def write_nothing(*args: object, **kw: object) -> None:
        pass

    monkeypatch.setattr(esptool.cmds, "write_flash", write_nothing)
    with Chip("esp32") as chip, pytest.raises(UserError, match="is not what was written"):
        esp32.flash(file, ESP32, chip.url)


def test_a_port_that_cannot_be_had(file: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no port /dev/ttyNONE"):
        esp32.flash(file, ESP32, "/dev/ttyNONE")
    assert dataclasses.asdict(ESP32)["port"] == "esp32"
