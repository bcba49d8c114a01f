"""A custom firmware: the input of MicroPython's build, and the files that stay in the filesystem.

MicroPython cannot be compiled here. So the manifest runs against a recorder, and the modules run
from a folder, in the Unix port.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.running import write_cluster
from tests.host_tools.test_cli_image import SERVICE
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.cli import run
from torpor_tools.image import littlefs
from torpor_tools.project import load_board

MICROPYTHON = Path(sys.executable).with_name("micropython")
USE = """
import sys
sys.path[:] = [sys.argv[1], ".frozen"]
class Port:
    crumb = None
sys.modules["torpor.port"] = Port
import cluster
from torpor import Fault
service = cluster.load("hello")
print(service.name, cluster.PORTS["hello"])
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = write_cluster(tmp_path / "project", {"hello": SERVICE})
    static = root / "services" / "hello" / "static"
    static.mkdir()
    (static / "page.html").write_text("<p>page</p>")
    (root / "secrets.toml").write_text('[wifi]\nssid = "net"\n')
    return root


def build(root: Path, *options: str) -> int:
    return run(["-C", str(root), "build", "--no-types", *options])


def test_every_module_is_frozen_and_the_rest_stays(project: Path) -> None:
    assert build(project) == 0
    fs = project / "build" / "box" / "fs"
    usual = {p.relative_to(fs).with_suffix("").as_posix() for p in fs.rglob("*.mpy")}
    assert build(project, "--frozen") == 0
    modules = project / "build" / "box" / "frozen" / "modules"
    frozen = {p.relative_to(modules).with_suffix("").as_posix() for p in modules.rglob("*.py")}
    assert frozen == {*usual, "boot", "main"}
    left = {p.relative_to(fs).as_posix() for p in fs.rglob("*") if p.is_file()}
    assert left == {"image.txt", "secrets.json", "services/hello/static/page.html.gz"}
    program = project / "use.py"
    program.write_text(USE)
    done = subprocess.run(
        [MICROPYTHON, str(program), str(modules)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "hello 8001\n", done.stderr


@pytest.mark.parametrize("has_own", [True, False])
def test_the_manifest_keeps_the_modules_of_the_board(project: Path, has_own: bool) -> None:
    assert build(project, "--frozen") == 0
    manifest = project / "build" / "box" / "frozen" / "manifest.py"
    message: list[Any] = []

    def include(path: str) -> None:
        if "BOARD_DIR" in path and not has_own:
            raise FileNotFoundError(path)
        message.append(path)

    names = {"include": include, "freeze": lambda path, opt: message.append((path, opt))}
    exec(manifest.read_text(), names)
    where = "$(BOARD_DIR)" if has_own else "$(PORT_DIR)/boards"
    assert message == [f"{where}/manifest.py", ("modules", 2)]
    assert (manifest.parent / "modules").is_dir()


def test_the_built_firmware_and_the_rest_in_one_file(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = load_board("RPI_PICO_W")
    own = tmp_path / "firmware.uf2"
    official = firmware(board).read_bytes()
    own.write_bytes(official[:32] + b"mine" + official[36:])  # its checksum is not the known one
    assert build(project, "--frozen") == 0
    assert "FROZEN_MANIFEST=" in capsys.readouterr().out
    assert build(project, "--firmware", str(own)) == 1
    assert build(project, "--frozen", "--firmware", str(own)) == 0
    assert b"mine" in (project / "build" / "box" / "box.uf2").read_bytes()
    content = (project / "build" / "box" / "box.lfs").read_bytes()
    assert "main.py" not in littlefs.unpack(content, board.filesystem)
    assert build(project, "--frozen", "--firmware", str(tmp_path / "none")) == 1
