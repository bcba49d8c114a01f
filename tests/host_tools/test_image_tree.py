"""The files of an image."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from torpor_tools.image.tree import gzipped, replace_folder, static_files, write_tree


def test_files_are_at_their_paths(tmp_path: Path) -> None:
    write_tree({"main.py": b"1", "torpor/http/wire.mpy": b"2"}, tmp_path / "fs")
    found = {p.relative_to(tmp_path / "fs").as_posix() for p in (tmp_path / "fs").rglob("*.*")}
    assert found == {"main.py", "torpor/http/wire.mpy"}
    assert (tmp_path / "fs/torpor/http/wire.mpy").read_bytes() == b"2"


def test_text_for_browsers_is_stored_compressed(tmp_path: Path) -> None:
    page = b"<p>fridge</p>" * 99
    (tmp_path / "icons").mkdir()
    (tmp_path / "index.html").write_bytes(page)
    (tmp_path / "icons" / "a.png").write_bytes(b"png")
    (tmp_path / ".hidden").write_bytes(b"")
    found = static_files(tmp_path)
    assert sorted(found) == ["icons/a.png", "index.html.gz"]
    assert gzip.decompress(found["index.html.gz"]) == page
    assert len(found["index.html.gz"]) < len(page)
    assert found["icons/a.png"] == b"png"


def test_no_static_folder_no_files(tmp_path: Path) -> None:
    assert static_files(tmp_path / "static") == {}


def test_a_gzip_file_contains_no_time_and_no_system() -> None:
    assert gzipped(b"x")[:10] == bytes.fromhex("1f8b08000000000002ff")
    assert gzip.decompress(gzipped(b"")) == b""


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "out" / "shed"
    replace_folder(target, lambda new: write_tree({"old": b"", "both": b"1"}, new))
    replace_folder(target, lambda new: write_tree({"new": b"", "both": b"2"}, new))
    assert sorted(p.name for p in target.iterdir()) == ["both", "new"]
    assert (target / "both").read_bytes() == b"2"
    assert [p.name for p in target.parent.iterdir()] == ["shed"]


def test_a_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "shed"
    replace_folder(target, lambda new: write_tree({"old": b""}, new))

    def fails(new: Path) -> None:
        write_tree({"half": b""}, new)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace_folder(target, fails)
    assert [p.name for p in target.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["shed"]


def test_builds_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    def build(number: int) -> None:
        files = {f"{name}/x": str(number).encode() for name in range(20)}
        replace_folder(tmp_path / "shed", lambda new: write_tree(files, new))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(build, range(40)))
    assert len({path.read_bytes() for path in (tmp_path / "shed").rglob("x")}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["shed"]
