"""What the flash of a simulated board keeps, and what an image replaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim import tiny
from torpor_sim import Simulator
from torpor_sim.flash import BoardFolder, lock
from torpor_tools.errors import UserError


def _folder(tmp_path: Path) -> BoardFolder:
    folder = BoardFolder(tmp_path / "sim" / "shed")
    folder.prepare(tiny.board(), fresh=True)
    return folder


def test_an_image_replaces_the_last_one_and_leaves_the_data(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    old = tiny.image(tmp_path / "1", {"main.py": "old", "services/old/a.py": "a", "same.py": "s"})
    new = tiny.image(tmp_path / "2", {"main.py": "new", "services/new/a.py": "a", "same.py": "s"})
    folder.install(old.tree)
    (folder.flash / "data.bin").write_text("kept")
    untouched = (folder.flash / "same.py").stat().st_mtime_ns
    assert folder.holds(old.tree)
    assert not folder.holds(new.tree)
    folder.install(new.tree)
    assert folder.holds(new.tree)
    files = {str(p.relative_to(folder.flash)) for p in folder.flash.rglob("*") if p.is_file()}
    assert files - {"secrets.json"} == {"main.py", "services/new/a.py", "same.py", "data.bin"}
    assert (folder.flash / "main.py").read_text() == "new"
    assert (folder.flash / "same.py").stat().st_mtime_ns == untouched


def test_a_board_has_a_wifi_to_join_unless_the_image_names_one(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    folder.install(tiny.image(tmp_path / "1", "").tree)
    assert '"ssid": "simulator"' in (folder.flash / "secrets.json").read_text()
    mine = {"main.py": "", "secrets.json": '{"wifi": {"ssid": "home"}}'}
    folder.install(tiny.image(tmp_path / "2", mine).tree)
    assert "home" in (folder.flash / "secrets.json").read_text()


def test_the_overlays_of_other_chips_are_left_out(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    names = {path.stem for path in folder.run.glob("*.py")}
    assert {"machine", "network", "rp2", "socket", "_sim"} <= names
    assert "esp32" not in names


def test_a_folder_that_is_not_ours_is_not_deleted(tmp_path: Path) -> None:
    mine = tmp_path / "shed" / "letters"
    mine.mkdir(parents=True)
    with pytest.raises(UserError, match="not a simulated board's folder"):
        BoardFolder(tmp_path / "shed").prepare(tiny.board(), fresh=True)
    assert mine.exists()


def test_a_storage_folder_serves_one_simulator_at_a_time(tmp_path: Path) -> None:
    with lock(tmp_path), pytest.raises(UserError, match="used by another simulator"):
        lock(tmp_path)
    lock(tmp_path).close()


_COUNT = """
import os
was = "kept" in os.listdir("/")
open("kept", "w").close()
print("found", was)
"""


@pytest.mark.parametrize("fresh", [True, False])
async def test_storage_outlives_the_simulator_unless_it_begins_afresh(
    tmp_path: Path, fresh: bool
) -> None:
    image = tiny.program(tmp_path / "image", _COUNT)
    storage = tmp_path / "sim"
    async with Simulator([image], storage=storage) as sim:
        await sim.board("shed").wait_log("found False")
        sim.board("shed").inputs.adc(26, 7)
    async with Simulator([image], storage=storage, fresh=fresh) as sim:
        await sim.board("shed").wait_log(f"found {not fresh}")
    assert ('"26": 7' in (storage / "shed/run/inputs.json").read_text()) == (not fresh)


async def test_a_rename_replaces_the_file(tmp_path: Path) -> None:
    source = """
import os

def write(path, text):
    with open(path, "w") as file:
        file.write(text)

os.mkdir("/data")
write("/data/new", "new")
write("/data/old", "old")
os.rename("/data/new", "/data/old")
print("absolute", open("/data/old").read(), os.listdir("/data"))
os.chdir("/data")
write("new", "newer")
os.rename("new", "/data/old")
print("relative", open("old").read(), os.listdir())
try:
    os.rename("/data/new", "/data/old")
except OSError as e:
    print("absent", e.errno)


class Blocks:
    def __init__(self):
        self.data = bytearray(16 * 512)

    def readblocks(self, n, buf, off=0):
        buf[:] = self.data[n * 512 + off : n * 512 + off + len(buf)]

    def writeblocks(self, n, buf, off=0):
        self.data[n * 512 + off : n * 512 + off + len(buf)] = buf

    def ioctl(self, op, arg):
        return {4: 16, 5: 512}.get(op, 0)


blocks = Blocks()
os.VfsLfs2.mkfs(blocks)
os.mount(os.VfsLfs2(blocks), "/ram")
write("/ram/a", "a")
os.rename("/ram/a", "/ram/b")
print("mounted", os.listdir("/ram"))
print(os.uname().sysname, os.uname()[4])
"""
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        await sim.board("shed").wait_log("rp2 ")
        assert tiny.printed(sim.board("shed").log) == [
            "absolute new ['old']",
            "relative newer ['old']",
            "absent 2",
            "mounted ['b']",
            "rp2 a board with RP2040",
        ]
