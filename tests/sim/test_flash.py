"""The flash of a simulated board: what it keeps, and what an image replaces."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.helpers.running import write_cluster
from tests.sim import tiny
from torpor_sim import Simulator
from torpor_sim.flash import BoardFolder, lock
from torpor_tools.errors import UserError
from torpor_tools.testing import simulator


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


def test_an_image_ends_a_trial_and_brings_dropped_data_back(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder.flash / ".dropped/notes").mkdir(parents=True)
    (folder.flash / ".trial").write_text("{}")
    folder.install(tiny.image(tmp_path / "1", "").tree)
    assert not (folder.flash / ".trial").exists()
    assert (folder.flash / ".restore").read_text() == "notes"  # for slots.py


def test_a_board_has_a_wifi_to_join_unless_the_image_names_one(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    folder.install(tiny.image(tmp_path / "1", "").tree)
    assert '"ssid": "simulator"' in (folder.flash / "secrets.json").read_text()
    mine = {"main.py": "", "secrets.json": '{"wifi": {"ssid": "home"}}'}
    folder.install(tiny.image(tmp_path / "2", mine).tree)
    assert "home" in (folder.flash / "secrets.json").read_text()


def test_the_shims_of_other_chips_are_omitted(tmp_path: Path) -> None:
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
async def test_storage_outlives_the_simulator_unless_fresh(tmp_path: Path, fresh: bool) -> None:
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


_FILLER = 212 * 4096  # bytes: the whole filesystem of a Pico W

_FILL = """
import json, os

def attempt(name, write):
    try:
        write()
        print(name, "ok")
    except OSError as e:
        print(name, e.errno)

def some(path, mode, data):
    with open(path, mode) as file:
        for _ in range(5):
            file.write(data)

print("blocks", os.statvfs("/")[2], os.statvfs("/")[3] < 16)
os.mkdir("data")
kept = open("kept", "ab+")
kept.write(b"x" * 100)
attempt("little", lambda: some("little", "w", "x"))
attempt("much", lambda: some("much", "wb", bytes(4096 * 3)))
attempt("kept", lambda: kept.write(bytes(1 << 17)))
attempt("text", lambda: some("text", "a", "\\u20ac" * 6000))
os.remove("much")
os.remove("text")
attempt("within", lambda: some("little", "r+", "y" * 500))
with open("list", "w") as file:
    json.dump([1, {"a": None}], file)
print(open("list").read(), open("little").read()[:3], os.stat("little")[6])
kept.flush()
kept.seek(98)
print(kept.read(), [line for line in open("list")])
os.remove("filler")
attempt("room", lambda: some("much", "wb", bytes(4096 * 20)))
attempt("grows", lambda: some("log", "wb", bytes(4096 * 30)))
attempt("grows", lambda: some("/data/log", "ab", bytes(4096 * 30)))
with open("list", "a+") as file:
    file.seek(0)
    print(file.readlines())
os.remove("log")
os.remove("/data/log")
print("end", os.statvfs("/")[3] > 90)
"""


@pytest.mark.parametrize("port", ["rp2", "esp32"])
async def test_a_full_filesystem_accepts_no_more(tmp_path: Path, port: str) -> None:
    storage = tmp_path / "sim"
    flash = storage / "shed" / "flash"
    flash.mkdir(parents=True)
    (flash / "filler").write_bytes(bytes(_FILLER - 15 * 4096))
    where = tiny.plan(board_type=tiny.board(port))
    image = tiny.program(tmp_path / "image", _FILL, where)
    async with Simulator([image], storage=storage, fresh=False) as sim:
        await sim.board("shed").wait_log("end ")
        assert tiny.printed(sim.board("shed").log) == [
            "blocks 212 True",
            "little ok",
            "much 28",
            "kept 28",
            "text 28",
            "within ok",
            '[1, {"a": null}] yyy 2500',
            "b'xx' ['[1, {\"a\": null}]']",
            "room ok",
            "grows 28",
            "grows 28",
            "['[1, {\"a\": null}]']",
            "end True",
        ]


_DIARY = """
from torpor import Service, post


class Diary(Service):
    async def start(self) -> None:
        self.days = self.store.table("days")

    @post("/days")
    async def write(self, day: int, text: str) -> dict:
        await self.days.put(day, {"text": text})
        return {"day": day}

    @post("/forget")
    async def forget(self, day: int) -> dict:
        await self.days.delete(day)
        return {"day": day}
"""


async def test_a_service_answers_507_when_its_board_is_full(tmp_path: Path) -> None:
    root = write_cluster(tmp_path / "project", {"diary": _DIARY})
    storage = tmp_path / "sim"
    async with simulator(root, storage=storage) as sim, sim.http("diary") as http:

        async def write(day: int) -> httpx.Response:
            return await http.post("/days", json={"day": day, "text": "x" * 1500})

        assert (await write(0)).status_code == 200
        filler = next(storage.glob("*/flash")) / "filler"
        filler.write_bytes(bytes(_FILLER - 60 * 4096))
        statuses = []
        for day in range(1, 400):
            answer = await write(day)
            statuses.append(answer.status_code)
            if answer.status_code == 507:
                break
        assert set(statuses) == {200, 507}
        assert "the filesystem is full" in answer.json()["error"]
        assert (await http.post("/forget", json={"day": 1})).status_code == 200
        filler.unlink()
        assert (await write(999)).status_code == 200
