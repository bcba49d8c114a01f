"""Flashing an RP2: the drive of its boot loader, and everything that can go wrong with it."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.boards import PtyBoard, write_flash
from tests.helpers.bootsel import Bootsel
from tests.helpers.running import write_cluster
from tests.host_tools.test_cli_image import SERVICE
from torpor_tools.board.flash import find, rp2
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.cli import run
from torpor_tools.errors import UserError
from torpor_tools.image.flashable import flashable
from torpor_tools.project import load_board

PICO_W = load_board("RPI_PICO_W")
PICO2_W = load_board("RPI_PICO2_W")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    size = PICO_W.filesystem.block_size * PICO_W.filesystem.block_count
    made = tmp_path_factory.mktemp("uf2") / "box.uf2"
    made.write_bytes(
        flashable(PICO_W, firmware(PICO_W).read_bytes(), bytes(range(256)) * (size // 256))
    )
    return made


def refused(file: Path, drive: find.Drive, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        rp2.flash(file, PICO_W, drive, **options)
    [problem] = caught.value.problems
    assert problem.remedy
    return problem.what


def drive_of(box: Bootsel) -> find.Drive:
    found = find.drive_at(box.path)
    assert found
    return found


def test_the_board_gets_the_file_and_starts(file: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    with Bootsel(tmp_path / "RPI-RP2", PICO_W) as box:
        drive = drive_of(box)
        assert drive.chip == "RP2040"
        rp2.flash(file, PICO_W, drive, progress=lambda done, total: seen.append((done, total)))
    assert box.taken == file.read_bytes()
    assert seen[-1] == (len(box.taken), len(box.taken))


def test_a_cable_pulled_halfway_and_then_the_same_command(file: Path, tmp_path: Path) -> None:
    for _ in range(5):  # the writer may be done before the cable is out
        with Bootsel(tmp_path / "RPI-RP2", PICO_W, pull_at=1) as box:
            what = ""
            try:
                rp2.flash(file, PICO_W, drive_of(box))
            except UserError as error:
                what = error.problems[0].what
        assert box.taken is None
        if what:
            break
    with Bootsel(tmp_path / "RPI-RP2", PICO_W) as again:
        rp2.flash(file, PICO_W, drive_of(again))
    assert again.taken == file.read_bytes()


def test_a_drive_that_breaks_off(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's errors when the cable is out: the write fails and the drive is gone."""
    with Bootsel(tmp_path / "RPI-RP2", PICO_W, deaf=True) as box:
        drive = drive_of(box)

        def pull(done: int, total: int | None) -> None:
            if done > 100_000:
                raise OSError(5, "Input/output error")

        what = refused(file, drive, progress=pull)
    assert "went away after 131,072 of 3,489,792 bytes (Input/output error)" in what


def test_a_corrupt_block_is_found_before_anything_is_written(file: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.uf2"
    content = bytearray(file.read_bytes())
    content[512 * 2000] ^= 1
    damaged.write_bytes(content)
    with Bootsel(tmp_path / "RPI-RP2", PICO_W) as box:
        assert "block 2000 does not begin and end" in refused(damaged, drive_of(box))
        assert not list(box.path.glob("*.uf2"))
        rp2.flash(file, PICO_W, drive_of(box))
    assert box.taken


def test_a_board_that_rejects_the_file(file: Path, tmp_path: Path) -> None:
    with Bootsel(tmp_path / "RPI-RP2", PICO_W, deaf=True) as box:
        assert "its drive is still there" in refused(file, drive_of(box), patience_s=0.1)


def test_the_wrong_chip(file: Path, tmp_path: Path) -> None:
    with Bootsel(tmp_path / "RP2350", PICO2_W) as box:
        assert "has an RP2350, and RPI_PICO_W an RP2040" in refused(file, drive_of(box))
        assert not list(box.path.glob("*.uf2"))


def test_a_file_larger_than_the_flash_of_the_board(file: Path, tmp_path: Path) -> None:
    small = dataclasses.replace(PICO_W, flash_bytes=1 << 20)
    with (
        Bootsel(tmp_path / "RPI-RP2", PICO_W) as box,
        pytest.raises(UserError, match="is for address 0x10"),
    ):
        rp2.flash(file, small, drive_of(box))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_cluster(tmp_path / "project", {"hello": SERVICE})


def flash(root: Path, *options: str) -> int:
    return run(["-C", str(root), "flash", "--no-types", "--no-wait", *options])


def nothing_plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.disk_partitions", lambda all=False: [])
    monkeypatch.setattr("serial.tools.list_ports.comports", list)


@dataclasses.dataclass
class Usb:
    """A port as listed by pyserial, or a partition as listed by psutil."""

    device: str = ""
    vid: int | None = None
    pid: int | None = None
    mountpoint: str = ""


def test_the_command_with_a_drive(
    project: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing_plugged_in(monkeypatch)
    monkeypatch.setattr("torpor_tools.cli.flash._USB_S", 0.1)
    with Bootsel(tmp_path / "RPI-RP2", PICO_W) as box:
        assert flash(project, "--drive", str(box.path)) == 0
    output = capsys.readouterr()
    assert box.taken == (project / "build/box/box.uf2").read_bytes()
    first, erased, writing, done, _ = output.out.splitlines()
    assert first == "box (Raspberry Pi Pico W): build/box/box.uf2, 3,489,792 bytes"
    assert "erases everything on the board, including what its services have stored" in erased
    assert writing == f"writing to the drive {box.path}"
    assert done.startswith("box is flashed")
    assert "its serial port did not appear" in output.err


def test_the_command_finds_the_drive(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_plugged_in(monkeypatch)
    monkeypatch.setattr("torpor_tools.cli.flash._USB_S", 0.1)
    with Bootsel(tmp_path / "RPI-RP2", PICO_W) as box:
        mounted = [Usb(mountpoint=str(tmp_path)), Usb(mountpoint=str(box.path))]
        monkeypatch.setattr("psutil.disk_partitions", lambda all=False: mounted)
        assert flash(project) == 0
    assert box.taken


def test_no_board(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_plugged_in(monkeypatch)
    assert flash(project) == 1
    output = capsys.readouterr().err
    assert "no Raspberry Pi Pico W was found on USB" in output
    assert "never flashed: hold BOOTSEL while you plug it in, then: torpor flash" in output
    assert run(["-C", str(project), "logs"]) == 1
    output = capsys.readouterr().err
    assert "was found on USB" in output
    assert "over the network this needs the cluster's key: torpor secrets init" in output
    assert run(["-C", str(project.parent), "logs"]) == 1
    output = capsys.readouterr().err
    assert "no board was found on USB" in output
    assert "torpor flash" in output


def test_two_boards(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_plugged_in(monkeypatch)
    ports = [Usb("/dev/ttyACM1", 0x2E8A, 5), Usb("/dev/ttyACM0", 0x2E8A, 5), Usb("/dev/ttyS0")]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: ports)
    assert flash(project) == 1
    output = capsys.readouterr().err
    assert (
        "2 boards are plugged in: /dev/ttyACM0 (MicroPython on an RP2 board) and /dev/tty" in output
    )
    assert "--port /dev/ttyACM0" in output


def test_a_folder_that_is_not_a_drive(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert flash(project, "--drive", str(tmp_path)) == 1
    assert "has no INFO_UF2.TXT" in capsys.readouterr().err


def test_two_drives(
    project: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing_plugged_in(monkeypatch)
    with Bootsel(tmp_path / "one", PICO_W) as one, Bootsel(tmp_path / "two", PICO_W) as two:
        mounted = [Usb(mountpoint=str(one.path)), Usb(mountpoint=str(two.path))]
        monkeypatch.setattr("psutil.disk_partitions", lambda all=False: mounted)
        assert flash(project) == 1
    assert "2 boards are in their boot loader" in capsys.readouterr().err


def test_a_running_board_is_sent_into_its_boot_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_cluster(tmp_path / "project", {"hello": SERVICE})
    write_flash(tmp_path / "flash", {"main.py": b"print('blinky')\n"})
    path = tmp_path / "RPI-RP2"
    monkeypatch.setattr(find, "drives", lambda: list(filter(None, [find.drive_at(path)])))
    with PtyBoard(tmp_path / "flash") as board:

        def show_drive() -> bytes | None:
            assert board.in_boot_loader.wait(60)
            with Bootsel(path, PICO_W) as box:
                box.gone.wait(60)
            return box.taken

        with ThreadPoolExecutor() as pool:
            drive = pool.submit(show_drive)
            words = ["flash", "--port", board.device, "--no-types", "--no-wait"]
            assert run(["-C", str(root), *words]) == 0
            taken = drive.result(60)
    assert taken == (root / "build" / "box" / "box.uf2").read_bytes()
    erased, _, asked = capsys.readouterr().out.partition("asking the MicroPython on")
    assert asked
    assert "this erases everything on the board" in erased  # said before the board is touched


@pytest.mark.parametrize("command", ["flash", "deploy"])
def test_an_image_that_breaks_a_contract_is_not_flashed(
    command: str, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_plugged_in(monkeypatch)
    assert run(["-C", str(project), "contracts", "lock"]) == 0
    source = project / "services/hello/__init__.py"
    source.write_text(source.read_text().replace('"/hello"', '"/hullo"'))
    assert run(["-C", str(project), command, "--no-types"]) == 1
    output = capsys.readouterr().err
    assert "this breaks callers of hello" in output
    assert "torpor contracts bump hello" in output
    assert not (project / "build/box").exists()
