"""``torpor build`` up to the file to flash, and which files contain secrets."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.helpers import board_types
from tests.helpers.bootsel import flash_content
from tests.helpers.running import running, write_cluster
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.cli import run
from torpor_tools.image import littlefs, uf2
from torpor_tools.project import load_board

SERVICE = """
from torpor import Service, get


class Hello(Service):
    @get("/hello")
    async def hello(self) -> str:
        return "hello"
"""
PASSWORD = "Tr0ub4dor&3-not-to-be-seen"
NETWORK = "attic-network-not-to-be-seen"
PICO_W = load_board("RPI_PICO_W")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = write_cluster(tmp_path / "project", {"hello": SERVICE})
    (root / "secrets.toml").write_text(f'[wifi]\nssid = "{NETWORK}"\npassword = "{PASSWORD}"\n')
    return root


def build(root: Path, *options: str) -> int:
    return run(["-C", str(root), "build", "--no-types", *options])


def test_build_writes_the_file_to_flash(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build(project) == 0
    output = capsys.readouterr()
    assert "build/box/box.uf2 is the file to flash: torpor flash box" in output.out
    assert PASSWORD not in output.out + output.err
    assert NETWORK not in output.out + output.err
    file = project / "build/box/box.uf2"
    blocks = uf2.read(file.read_bytes(), PICO_W)
    official = uf2.read(firmware(PICO_W).read_bytes(), PICO_W)
    code = flash_content(official, 0, PICO_W.filesystem.offset)
    assert flash_content(blocks, 0, PICO_W.filesystem.offset) == code
    size = PICO_W.filesystem.block_size * PICO_W.filesystem.block_count
    image = flash_content(blocks, PICO_W.filesystem.offset, size)
    assert image == (project / "build/box/box.lfs").read_bytes()
    wifi = json.loads(littlefs.unpack(image, PICO_W.filesystem)["secrets.json"])["wifi"]
    assert wifi == {"ssid": NETWORK, "password": PASSWORD}


@pytest.mark.parametrize("kind", board_types.ALL)
def test_every_board_type_is_built_and_measured(
    project: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = project / "cluster.toml"
    cluster.write_text(cluster.read_text().replace("RPI_PICO_W", kind))
    assert build(project) == 0
    output = capsys.readouterr()
    assert "not measured" not in output.err
    [runtime] = [line.split() for line in output.out.splitlines() if " runtime " in line]
    assert int(runtime[-1].replace(",", "")) > 10_000
    if kind in board_types.PINNED:
        assert "is the file to flash: torpor flash box" in output.out
    elif kind in board_types.CHIPS:
        assert "no file to flash: " in output.err
    else:
        assert "torpor export box turns it into a Linux service" in output.out


def test_only_the_filesystem_holds_secrets_and_only_its_owner_reads_it(project: Path) -> None:
    assert build(project) == 0
    places = {
        path.relative_to(project / "build").as_posix()
        for path in (project / "build").rglob("*")
        if path.is_file() and PASSWORD.encode() in path.read_bytes()
    }
    assert places == {"box/fs/secrets.json", "box/box.lfs", "box/box.uf2"}
    assert stat.S_IMODE((project / "build/box").stat().st_mode) == 0o700
    assert stat.S_IMODE((project / "build/box/box.uf2").stat().st_mode) == 0o600


def test_the_environment_overrides_the_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORPOR_WIFI_PASSWORD", "from the environment")
    assert build(project) == 0
    wifi = json.loads((project / "build/box/fs/secrets.json").read_text())["wifi"]
    assert wifi == {"ssid": NETWORK, "password": "from the environment"}
    (project / "secrets.toml").unlink()
    monkeypatch.setenv("TORPOR_WIFI_SSID", "cellar")
    assert build(project) == 0
    wifi = json.loads((project / "build/box/fs/secrets.json").read_text())["wifi"]
    assert wifi == {"ssid": "cellar", "password": "from the environment"}


def test_a_password_of_the_wrong_type_is_not_shown(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "secrets.toml").write_text('[wifi]\nssid = "a"\npassword = 8675309\n')
    assert build(project) == 1
    output = capsys.readouterr().err
    assert "secrets.toml:3: password: expected text in quotes" in output
    assert "8675309" not in output


def test_a_running_board_does_not_log_secrets(project: Path) -> None:
    with running(project) as board:
        assert board.client("hello").get("/hello").text == "hello"
        text = board.log_text("box")
    assert "joined as" in text or "kernel: ready" in text
    assert PASSWORD not in text
    assert NETWORK not in text


def test_without_the_firmware_the_image_is_still_built(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = project / "cluster.toml"
    cluster.write_text(cluster.read_text().replace("RPI_PICO_W", "RPI_PICO2_W"))
    assert build(project) == 0
    output = capsys.readouterr()
    assert "build/box/ holds the image of box" in output.out
    assert "no file to flash: no package contains the firmware of RPI_PICO2_W" in output.err
    assert "RPI_PICO2_W-20251209-v1.27.0.uf2 and name the file" in output.err
    assert "--firmware FILE" in output.err
    assert not (project / "build/box/box.uf2").exists()


def test_a_firmware_of_the_user_must_be_right(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.uf2"
    mine.write_bytes(b"not a firmware")
    assert build(project, "--firmware", str(mine)) == 1
    assert "is not the firmware RPI_PICO_W" in capsys.readouterr().err


def test_firmware_get_accepts_a_board_type_or_a_board_of_the_cluster(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("RPI_PICO_W", "box"):
        assert run(["-C", str(project), "firmware", "get", name]) == 0
        output = capsys.readouterr().out
        assert "MicroPython 1.27.0 for RPI_PICO_W: " in output
        assert "(SHA-256 correct)" in output
    assert run(["-C", str(project), "firmware", "get", "bax"]) == 1
    assert 'there is no board type "bax"' in capsys.readouterr().err


def test_boards_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["boards"]) == 0
    assert "ESP32_GENERIC_C3" in capsys.readouterr().out
    for words in (["show", "RPI_PICO_W"], ["RPI_PICO_W"]):
        assert run(["boards", *words]) == 0
        output = capsys.readouterr().out
        assert "4df75d3f740536322ac4c03c107550c0557dda40008834195ba47e8a89a2d2f7" in output
        assert "https://micropython.org/" in output
        assert "212 blocks of 4096" in output
