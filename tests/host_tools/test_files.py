"""The files of a folder that belong to a project: everything that walks folders agrees."""

from __future__ import annotations

import os
import re
import socket
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from torpor_tools.cli import run
from torpor_tools.contracts import load_plan
from torpor_tools.contracts.source import modules_of
from torpor_tools.errors import UserError
from torpor_tools.files import belongs, left_out, project_files
from torpor_tools.link import build, check
from torpor_tools.link.sources import service_files
from torpor_tools.topology.needs import uses_hardware

ROOT = Path(__file__).parents[2]
SOURCE = "from torpor import Service\n\n\nclass A(Service):\n    pass\n"
BROKEN = "this is no Python ("
EDITORS = (
    *(".#x.py", ".x.py.swp", "#x.py#", "x.py~", "x.py___jb_tmp___", "x.py.orig", ".y.py"),
    *("x.py.bak", "X.BAK", "x.tmp", "x.html.save", "x.swn", ".DS_Store", "Thumbs.db"),
    *("desktop.ini", "__MACOSX"),
)


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in project_files(folder)]


def clutter(folder: Path) -> list[str]:
    """Write all kinds of foreign files into ``folder``; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in EDITORS[1:]:
        (folder / name).write_text(BROKEN)
    (folder / EDITORS[0]).symlink_to("user@machine.4711:1764000000")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"\x00")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.py").write_text(BROKEN)
    (folder / "nowhere.py").symlink_to("gone.py")
    (folder / "loop.py").symlink_to("loop.py")
    (folder / "outward.py").symlink_to("/etc/hostname")
    (folder / "folder.py").symlink_to("/etc")
    os.mkfifo(folder / "fifo.py")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / "socket.py"))
    odd = ["nowhere.py", "loop.py", "outward.py", "folder.py", "fifo.py", "socket.py"]
    return [*EDITORS, "__pycache__", ".hidden", *odd]


def test_foreign_files_are_ignored_with_a_reason(tmp_path: Path) -> None:
    cluttered = clutter(tmp_path)
    (tmp_path / "a.py").write_text("")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link.py").symlink_to("../a.py")
    (tmp_path / "inside" / "up.py").symlink_to("../.y.py")
    assert names(tmp_path) == ["a.py", "inside/link.py"]
    reasons = {e.path.relative_to(tmp_path).as_posix(): e.why for e in left_out(tmp_path)}
    assert sorted(reasons) == sorted([*cluttered, "inside/up.py"])
    assert reasons["outward.py"] == "a link to /etc/hostname, outside"
    assert reasons["nowhere.py"] == "a link to gone.py, which leads nowhere"
    assert reasons["folder.py"] == "a link to /etc, a folder"
    assert reasons["fifo.py"] == reasons["socket.py"] == "not a regular file"
    assert reasons[".hidden"] == "hidden"
    assert reasons["Thumbs.db"] == "left by a file manager"


def test_a_folder_that_is_a_link_out_of_the_service(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "a.js").write_text("")
    (tmp_path / "a" / "web").mkdir(parents=True)
    (tmp_path / "a" / "web" / "b.js").write_text("")
    static = tmp_path / "a" / "static"
    static.symlink_to("../dist")
    assert project_files(static, within=tmp_path / "a") == []
    assert [e.path for e in left_out(static, within=tmp_path / "a")] == [static]
    static.unlink()
    static.symlink_to("web")
    assert project_files(static, within=tmp_path / "a") == [static / "b.js"]


def test_names_of_files_that_may_have_been_deleted(tmp_path: Path) -> None:
    assert belongs(tmp_path / "a" / "b.py", tmp_path)
    for name in (*EDITORS, ".git/x.py", "a/__pycache__/b.py"):
        assert not belongs(tmp_path / name, tmp_path), name


@pytest.fixture
def cluttered(tmp_path: Path) -> Path:
    """Write a cluster whose service has all kinds of foreign files in all its folders."""
    write_cluster(tmp_path, {"a": SOURCE + "\n    async def m(self) -> None: ...\n"})
    folder = tmp_path / "services" / "a"
    (folder / "migrations").mkdir()
    migration = folder / "migrations" / "0001_first.py"
    migration.write_text('def up(db):\n    db.table("rows")\n')
    for place in (folder, folder / "inner", folder / "migrations", folder / "static"):
        clutter(place)
    (folder / "static" / "page.txt").write_text("page")
    return tmp_path


def test_foreign_files_are_not_checked(cluttered: Path) -> None:
    plan, problems = check(cluttered)
    assert problems == []
    [service] = plan.boards[0].services
    assert [m.name for m in service.contract.migrations] == ["0001_first"]
    assert not uses_hardware(plan, service)


def test_foreign_files_are_not_built_and_the_user_is_informed(
    cluttered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = build(load_plan(cluttered), "box", cluttered / "build", types=False)
    assert [f for f in names(image.tree) if f.startswith("services/")] == [
        "services/a/__init__.mpy",
        "services/a/migrations/0001_first.mpy",
        "services/a/static/page.txt",
    ]
    assert run(["-C", str(cluttered), "build", "--no-types"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = [line.removeprefix("left out: ") for line in lines if line.startswith("left out: ")]
    assert "services/a/static/outward.py (a link to /etc/hostname, outside)" in shown
    assert "services/a/static/__pycache__ (a cache of Python)" in shown
    assert "services/a/static/.y.py (hidden)" in shown
    assert "services/a/inner/nowhere.py (a link to gone.py, which leads nowhere)" in shown
    assert not any("a/__pycache__" in line or "a/.#x.py" in line for line in shown)
    assert len(shown) == len(set(shown))


def test_a_service_that_is_a_link(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Links into the project and out of it are neither checked nor watched, so both are refused."""
    write_cluster(tmp_path / "p", {"a": SOURCE, "b": SOURCE, "c": SOURCE.replace("A(", "C(")})
    services = tmp_path / "p" / "services"
    (services / "a").rename(tmp_path / "elsewhere")
    (services / "a").symlink_to("../../elsewhere")
    (services / "b").rename(tmp_path / "p" / "inside")
    (services / "b").symlink_to("../inside")
    for command in (["check"], ["build"]):
        assert run(["-C", str(tmp_path / "p"), *command]) == 1
        shown = capsys.readouterr().err
        assert "services/a is a symbolic link to ../../elsewhere" in shown
        assert "services/b is a symbolic link to ../inside" in shown
        assert "replace the link with a copy" in shown
        assert "services/c" not in shown
        assert "bug" not in shown


def test_services_or_the_project_as_a_link(tmp_path: Path) -> None:
    source = SOURCE + "\n    async def m(self) -> int:\n        return ''\n"
    write_cluster(tmp_path / "p", {"a": source})
    (tmp_path / "p" / "services").rename(tmp_path / "elsewhere")
    (tmp_path / "p" / "services").symlink_to("../elsewhere")
    (tmp_path / "link").symlink_to("p")
    for root in (tmp_path / "p", tmp_path / "link"):
        [problem] = check(root)[1]
        assert str(problem).startswith("services/a/__init__.py:8:16: Incompatible return value")


def test_the_sdist_leaves_out_the_same_files() -> None:
    """hatchling has its own list, in pyproject.toml, and always omits caches."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    patterns = tomllib.loads(text)["tool"]["hatch"]["build"]["exclude"]
    for name in EDITORS:
        if name != "X.BAK":  # gitignore patterns respect case
            assert any(fnmatchcase(name, pattern) for pattern in patterns), name


def _with_tests_in_a_folder(root: Path, line: str) -> Path:
    """Write a service with tests in a subfolder; ``line`` is one of its imports."""
    code = f"from torpor import Service\n\n{line}\n\n\nclass A(Service):\n    pass\n"
    write_cluster(root, {"a": code})
    folder = root / "services/a/sub/tests"
    folder.mkdir(parents=True)
    for name in ("__init__.py", "tests/__init__.py", "tests/wrong.py"):
        (folder.parent / name).write_text("x: int = ''\n" if "wrong" in name else "")
    return root


def test_the_shipped_files_are_the_checked_ones(tmp_path: Path) -> None:
    root = _with_tests_in_a_folder(tmp_path, "from . import sub")
    shipped = {f.relative_to(root).as_posix() for f in service_files(root / "services/a", "*.py")}
    assert shipped == {"services/a/__init__.py", "services/a/sub/__init__.py"}
    assert shipped == {module.file for module in modules_of(root, "a")}


def test_a_nested_folder_of_tests_is_not_on_the_board(tmp_path: Path) -> None:
    root = _with_tests_in_a_folder(tmp_path, "from .sub.tests import wrong")
    with pytest.raises(UserError) as raised:
        build(load_plan(root), "box", tmp_path / "out", types=False)
    assert "services/a/sub/tests/ does not go to the board" in str(raised.value)
    assert "move what the service needs out of tests/" in str(raised.value)


def test_all_code_that_walks_folders_follows_the_rule() -> None:
    """Files with their own way to walk folders are listed here, with the reason."""
    own = {
        "files.py": "the rule itself",
        "catalogue.py": "a folder that pip has just filled",
        "builds.py": "a folder of torpor in the cache",
        "fetch.py": "the records of a simulated board",
        "pypi.py": "a folder that pip has just filled",
        "stubs.py": "a folder that pip has just filled",
        "trim_stubs.py": "a folder that pip has just filled",
        "transport.py": "an image that the plugin has just written",
        "flash.py": "whether a folder is empty",
        "record.py": "folders of simulated boards",
        "faults.py": "folders of simulated boards",
        "inputs.py": "folders of simulated boards",
        "board_addresses.py": "folders of simulated boards",
        "shown.py": "folders of simulated boards",
        "docs_site.py": "a folder that the build has just filled",
        "release.py": "a folder that the build has just filled",
        "start.py": "text for the device",
        "history.py": "images that torpor itself has kept",
        "names.py": "an image that the build has just written",
    }
    walk = re.compile(r"\.(r?glob|iterdir)\(|\bos\.(walk|scandir|listdir)\(|DefaultFilter")
    for folder in ("host_tools/torpor_tools", "sim/torpor_sim", "scripts"):
        for path in project_files(ROOT / folder, "*.py"):
            assert path.name in own or not walk.search(path.read_text()), path
