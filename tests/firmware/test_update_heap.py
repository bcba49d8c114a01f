"""The heap that the calls of an update need, in MicroPython with LittleFS, without services."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import signing
from tests.helpers.running import write_cluster
from tests.helpers.updates import add_keys
from torpor_tools.contracts import load_plan
from torpor_tools.image import littlefs
from torpor_tools.image.tree import read_tree
from torpor_tools.link import build, image_files
from torpor_tools.update.manifest import Terms, manifest, sent
from torpor_tools.update.send import PIECE

ROOT = Path(__file__).parents[2]
MICROPYTHON = str(Path(sys.executable).with_name("micropython"))
# Bytes in one piece. Objects of 64 bits need more than those of a chip: 15,000 were enough for the
# calls of which 10,600 were enough in MicroPython of 32 bits; before, 18,000 and 14,000.
ENOUGH = 16_000
SERVICE = """
from torpor import Service, get


class Hello(Service):
    @get("/hello")
    async def hello(self) -> str:
        return "one"
"""
PROGRAM = """
import asyncio, gc, json, os, sys, vfs


class Chip:  # a block device in a file: in the heap it would hide what the update needs
    def __init__(self, path):
        self.file = open(path, "r+b")

    def _seek(self, block, offset):
        self.file.seek(4096 * block + offset)

    def readblocks(self, block, buffer, offset=0):
        self._seek(block, offset)
        self.file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self._seek(block, offset)
        self.file.write(buffer)

    def ioctl(self, op, arg):
        return {4: self.file.seek(0, 2) // 4096, 5: 4096}.get(op, 0)


class Kernel:
    class cluster:
        NAME = "test"
        BOARD = "box"

    failed = {}

    def save():
        pass

    def reset():
        pass


chip = Chip(sys.argv[1])
room = int(sys.argv[2])
vfs.umount("/")
vfs.mount(vfs.VfsLfs2(chip, progsize=256), "/")
sys.path[:] = ["/", ".frozen"]
sys.modules["machine"] = Kernel
from torpor import cold, kernel
from torpor.update import update

kernel.current = Kernel
places = []
with open("/calls.json") as file:
    while True:
        places.append(file.tell())
        if not file.readline():
            places.pop()
            break
file = None


def begun(place):
    with open("/calls.json", "rb") as file:
        file.seek(place)
        call = json.loads(file.readline())
    return update(**call)


async def execute():
    for place in places:
        await begun(place)


async def main():
    await execute()  # with all that is free: afterwards all names are known
    os.remove("/.counter")
    await update("cancel")
    cold.clear()
    gc.collect()
    left = bytearray(room)
    ballast = None
    for more in (lambda: bytearray(64), lambda: None):
        try:
            while True:
                ballast = ballast, more()
        except MemoryError:
            pass
    left = None
    await execute()
    ballast = None


asyncio.run(main())
print(json.dumps({"update": "update" in os.listdir("/.new")}))
"""


@pytest.fixture(scope="module")
def flash(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A Pico W's filesystem: an image, and the calls that change one of its files."""
    root = write_cluster(tmp_path_factory.mktemp("heap"), {"hello": SERVICE})
    add_keys(root)
    plan = load_plan(root)
    image = build(plan, "box", root / "build", types=False)
    files = sent(image_files(plan, "box"))
    path = "torpor/kernel.mpy"
    files[path] += bytes(1000)
    made = manifest(Terms("test", "box", 1, "1.27.0"), files)
    calls: list[dict[str, Any]] = [
        {"do": "head", "at": at, "data": packed(made.text[at : at + PIECE])}
        for at in range(0, len(made.text), PIECE)
    ]
    signature = b64encode(signing.signer().sign(made.text)).decode()
    calls.append({"do": "check", "signature": signature})
    (line,) = (line for line in made.lines if line.path == path)
    data = files[path]
    calls += [
        {"do": "put", "line": line.place, "at": at, "data": packed(data[at : at + PIECE])}
        for at in range(0, len(data), PIECE)
    ]
    calls.append({"do": "commit"})
    lines = "".join(json.dumps(call) + "\n" for call in calls)
    chip = load_plan(ROOT).board("shed").board.filesystem
    return littlefs.pack({**read_tree(image.tree), "calls.json": lines.encode()}, chip)


def packed(data: bytes) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -10)
    return b64encode(packer.compress(data) + packer.flush()).decode()


def test_an_update_succeeds_with_little_heap(flash: bytes, tmp_path: Path) -> None:
    (tmp_path / "flash").write_bytes(flash)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    words = [str(program), str(tmp_path / "flash"), str(ENOUGH)]
    done = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=400K", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
    assert json.loads(done.stdout)["update"], "the update was not committed"
