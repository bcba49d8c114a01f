"""The LittleFS2 image: the same bytes, and MicroPython's own VfsLfs2 mounts it."""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
from pathlib import Path

import pytest

from tests.host_tools.small_plans import FILESYSTEM, MICROPYTHON
from torpor_tools.errors import UserError
from torpor_tools.image.littlefs import pack, unpack
from torpor_tools.model.board import Filesystem

# As the ESP32 has it: small writes, so small caches.
ESP32 = Filesystem(0x200000, 4096, 512, 32, 32, 0x00020000)
_RANDOM = random.Random(7)
FILES = {
    "boot.py": b"import torpor\n",
    "empty": b"",
    "torpor/http/wire.mpy": _RANDOM.randbytes(9000),
    "services/alerts/static/page.html.gz": _RANDOM.randbytes(20000),
    # Around the sizes up to which a file is in its directory entry.
    **{
        f"inline/{size}": _RANDOM.randbytes(size)
        for size in (1, 127, 128, 129, 511, 512, 513, 1024)
    },
}

MOUNT = """
import binascii, json, os, sys, vfs

class Flash:
    def __init__(self, path, block_size):
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        self.block_size = block_size

    def readblocks(self, n, buffer, offset=0):
        start = n * self.block_size + offset
        buffer[:] = self.data[start : start + len(buffer)]

    def writeblocks(self, n, buffer, offset=0):
        start = n * self.block_size + offset
        self.data[start : start + len(buffer)] = buffer

    def ioctl(self, op, arg):
        if op == 4:
            return len(self.data) // self.block_size
        if op == 5:
            return self.block_size
        return 0

flash = Flash(sys.argv[1], int(sys.argv[2]))
fs = vfs.VfsLfs2(flash, progsize=int(sys.argv[3]), readsize=int(sys.argv[4]))
vfs.mount(fs, "/flash")
found = {}

def walk(folder):
    for name, kind, *_ in os.ilistdir(folder):
        path = folder + "/" + name
        if kind == 0x4000:
            walk(path)
        else:
            with open(path, "rb") as file:
                found[path[7:]] = str(binascii.hexlify(file.read()), "utf-8")

walk("/flash")
with open("/flash/inline/new", "w") as file:  # a chip also writes there
    file.write("x" * 600)
with open("/flash/inline/512", "ab") as file:
    file.write(b"more")
with open("/flash/inline/new") as file:
    assert file.read() == "x" * 600
with open("/flash/inline/512", "rb") as file:
    assert len(file.read()) == 516
print(json.dumps(found))
"""


@pytest.mark.parametrize("filesystem", [FILESYSTEM, ESP32], ids=["rp2", "esp32"])
def test_micropython_mounts_it_and_finds_the_same_files(
    tmp_path: Path, filesystem: Filesystem
) -> None:
    image, script = tmp_path / "shed.lfs", tmp_path / "mount.py"
    image.write_bytes(pack(FILES, filesystem))
    script.write_text(MOUNT)
    numbers = (filesystem.block_size, filesystem.prog_size, filesystem.read_size)
    run = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=8M", str(script), str(image), *map(str, numbers)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = {path: bytes.fromhex(text) for path, text in json.loads(run.stdout).items()}
    assert found == FILES


def test_it_has_the_size_of_the_filesystem_and_its_disk_version() -> None:
    image = pack(FILES, FILESYSTEM)
    assert len(image) == 212 * 4096
    # The superblock: name "littlefs", then the version (lfs2 specification, 0x201).
    assert image[8:16] == b"littlefs"
    assert int.from_bytes(image[20:24], "little") == 0x00020000


def test_the_same_files_give_the_same_bytes() -> None:
    other_order = dict(reversed(FILES.items()))
    assert pack(FILES, FILESYSTEM) == pack(other_order, FILESYSTEM)
    assert pack(FILES, FILESYSTEM) != pack({**FILES, "empty": b"1"}, FILESYSTEM)


def test_it_can_be_read_back() -> None:
    assert unpack(pack(FILES, FILESYSTEM), FILESYSTEM) == FILES
    assert unpack(pack({}, FILESYSTEM), FILESYSTEM) == {}


def test_files_that_do_not_fit_are_refused_with_both_sizes() -> None:
    small = dataclasses.replace(FILESYSTEM, block_count=10)
    with pytest.raises(UserError) as caught:
        pack({"a": bytes(30_000), "b": bytes(20_000)}, small)
    [problem] = caught.value.problems
    assert "the filesystem, which has 40,960 bytes" in problem.what
    needed = int(problem.what.split(" bytes")[0].rpartition(" ")[2].replace(",", ""))
    assert problem.remedy
    # The figure is correct: that many bytes fit.
    enough = dataclasses.replace(FILESYSTEM, block_count=needed // 4096 + 2)
    assert 50_000 < needed < 80_000
    assert unpack(pack({"a": bytes(30_000), "b": bytes(20_000)}, enough), enough)
