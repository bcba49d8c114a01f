"""Deploys to real MicroPython: which files are sent, which stay, and power cuts at any instant."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.boards import (
    FILESYSTEM,
    PipeRepl,
    PtyBoard,
    boot,
    read_flash,
    write_flash,
)
from tests.helpers.running import write_cluster
from tests.host_tools.test_cli_image import SERVICE
from torpor_tools.board.deploy import deploy
from torpor_tools.board.deploy.health import watch
from torpor_tools.board.deploy.repl import REPLS
from torpor_tools.cli import run
from torpor_tools.cli.deploy import _changes
from torpor_tools.errors import UserError
from torpor_tools.image.tree import LISTING, checksums
from torpor_tools.model.image import Image
from torpor_tools.model.plan import Plan
from torpor_tools.paths import firmware_dir
from torpor_tools.project import load_board

PICO_W = load_board("RPI_PICO_W")
DATA = {"data/readings": b"a measurement" * 100, "services/readings/notes": b"not of an image"}
MAIN = """
import {name}
from {name} import VERSION
print("version", VERSION)
print("        1 INFO  kernel: ready")
"""


def image(version: int, name: str, extra: dict[str, bytes] | None = None) -> dict[str, bytes]:
    """Return an image that prints its version if all its parts have the same version."""
    files = {
        "boot.py": (firmware_dir() / "boot.py").read_bytes(),
        "swap.py": (firmware_dir() / "swap.py").read_bytes(),
        "torpor/__init__.py": b"",
        "torpor/wifi.py": b"def begin():\n    pass\n",
        "main.py": MAIN.format(name=name).encode(),
        f"{name}.py": b"from services.parts import V as VERSION\nassert VERSION == %d\n" % version,
        "services/__init__.py": b"",
        "services/parts.py": f"V = {version}\n".encode(),
        "same.bin": bytes(range(256)) * 30,
        **(extra or {}),
    }
    files[LISTING] = checksums(files)
    return files


OLD = image(1, "old", {"services/gone/a.py": b"gone", "services/gone/b.py": b"gone"})
NEW = image(2, "new", {"services/come/deep/a.bin": bytes(5000)})


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    path = tmp_path / "flash"
    write_flash(path, {**OLD, **DATA})
    return path


def test_only_differences_are_sent_and_data_stays(flash: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    link = PipeRepl(flash)
    changes = deploy(link, PICO_W, NEW, lambda done, total: seen.append((done, total)))
    link.close()
    assert set(changes.send) == {
        "main.py", "new.py", "services/parts.py", "services/come/deep/a.bin", LISTING,
    }  # fmt: skip
    assert set(changes.remove) == {"old.py", "services/gone/a.py", "services/gone/b.py"}
    total = sum(len(NEW[path]) for path in changes.send)
    assert seen[-1] == (total, total)
    assert read_flash(flash) == {**NEW, **DATA}
    assert "version 2" in boot(flash)
    link = PipeRepl(flash)
    assert not deploy(link, PICO_W, NEW)
    link.close()


def test_a_deploy_ends_the_trial_of_an_update(tmp_path: Path) -> None:
    flash = tmp_path / "flash"
    update = {".trial": b"{}", ".failed": b"{}", ".old/back": b"-main.py\n", ".old/0a": b"x"}
    write_flash(flash, {**OLD, **DATA, **update, ".new/update": b"- - main.py\n"})
    link = PipeRepl(flash)
    deploy(link, PICO_W, NEW)
    link.close()
    assert read_flash(flash) == {**NEW, **DATA}


def test_a_deploy_in_a_trial_brings_dropped_data_back(tmp_path: Path) -> None:
    flash = tmp_path / "flash"
    dropped = {".dropped/notes/log": b"rows"}
    write_flash(flash, {**OLD, **dropped, ".trial": b"{}"})
    link = PipeRepl(flash)
    deploy(link, PICO_W, NEW)
    link.close()
    assert read_flash(flash) == {**NEW, **dropped, ".restore": b"notes"}  # for slots.py


def test_a_board_that_never_had_torpor(tmp_path: Path) -> None:
    flash = tmp_path / "flash"
    write_flash(flash, {"main.py": b"print('blinky')\n", "lib/mine.py": b"x = 1\n"})
    link = PipeRepl(flash)
    deploy(link, PICO_W, NEW)
    link.close()
    assert read_flash(flash) == {**NEW, "lib/mine.py": b"x = 1\n"}
    assert "version 2" in boot(flash)


def test_the_power_fails_at_every_write_of_the_flash(flash: Path, tmp_path: Path) -> None:
    before = flash.read_bytes()
    outcomes: list[str] = []
    for cut in range(1, 2000):
        flash.write_bytes(before)
        link = PipeRepl(flash, cut)
        try:
            deploy(link, PICO_W, NEW)
            whole = True
        except UserError:
            whole = False
        link.close()
        output = boot(flash)
        outcomes.append("new" if "version 2" in output else "old")
        assert output.count("version") == 1, (cut, output)
        if whole:
            break
        if cut % 7 == 0:  # and the next deploy succeeds from whatever state it left
            again = PipeRepl(flash)
            deploy(again, PICO_W, NEW)
            again.close()
            assert read_flash(flash) == {**NEW, **DATA}, cut
    else:
        pytest.fail("the deploy never came to its end")
    assert outcomes[0] == "old"
    assert outcomes == sorted(outcomes, reverse=True), "the old image came back after the new one"
    assert len(outcomes) > 40


def test_the_power_fails_again_while_the_change_is_finished(flash: Path) -> None:
    link = PipeRepl(flash)
    deploy(link, PICO_W, OLD)
    link.run("begin(0)")
    link.run("add('ViA9IDIK')")  # V = 2
    link.run("end(0)")
    link.run("commit(['+0 services/parts.py', '-old.py', '-services/gone/a.py', '-same.bin'])")
    link.close()
    before = flash.read_bytes()
    swap = (firmware_dir() / "swap.py").read_text()
    for cut in range(1, 200):
        flash.write_bytes(before)
        link = PipeRepl(flash, cut)
        try:
            link.run(swap + "\nfinish()")
            whole = True
        except UserError:
            whole = False
        link.close()
        link = PipeRepl(flash)
        link.run(swap + "\nfinish()")
        link.close()
        files = read_flash(flash)
        assert files["services/parts.py"] == b"V = 2\n", cut
        assert not {"old.py", "services/gone/a.py", "same.bin"} & files.keys(), cut
        assert not [path for path in files if path.startswith(".new")], cut
        if whole:
            return
    pytest.fail("it never came to its end")


def test_a_full_filesystem_is_reported_first_and_keeps_the_old_image(flash: Path) -> None:
    large = image(2, "new", {"large.bin": bytes(150_000)})
    link = PipeRepl(flash)
    with pytest.raises(UserError, match=r"the new files need 18\d,\d+ more bytes"):
        deploy(link, PICO_W, large)
    link.close()
    assert "version 1" in boot(flash)


def test_a_filesystem_that_fills_up_during_a_deploy_keeps_the_old_image(
    flash: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torpor_tools.board.deploy._check_space", lambda *args: None)
    link = PipeRepl(flash)
    with pytest.raises(UserError, match="the board's filesystem is full; the old image is as it"):
        deploy(link, PICO_W, image(2, "new", {"large.bin": bytes(180_000)}))
    link.close()
    assert read_flash(flash) == {**OLD, **DATA}
    assert "version 1" in boot(flash)
    link = PipeRepl(flash)
    deploy(link, PICO_W, NEW)
    link.close()
    assert "version 2" in boot(flash)


def test_another_board_type_is_refused(flash: Path) -> None:
    link = PipeRepl(flash)
    with pytest.raises(UserError, match="is Raspberry Pi Pico W with RP2040, not a ESP32"):
        deploy(link, load_board("ESP32_GENERIC"), NEW)
    with pytest.raises(UserError, match="not a Raspberry Pi Pico 2 W"):
        deploy(link, load_board("RPI_PICO2_W"), NEW)
    link.close()
    assert read_flash(flash) == {**OLD, **DATA}


@pytest.fixture
def board(flash: Path) -> Iterator[PtyBoard]:
    with PtyBoard(flash) as running:
        yield running


@pytest.mark.parametrize("via", sorted(REPLS))
def test_over_a_serial_line(board: PtyBoard, via: str) -> None:
    link = REPLS[via](board.device)
    changes = deploy(link, PICO_W, NEW)
    assert len(changes.send) == 5
    link.reset()
    health = watch(board.device, link.serial, address_s=0)
    assert health.ready, health.lines
    assert "version 2" in "\n".join(health.lines)
    assert read_flash(board.flash) == {**NEW, **DATA}


def test_the_power_fails_at_every_file_over_a_serial_line(flash: Path) -> None:
    before = flash.read_bytes()
    for cut in (5, 20, 35, 50):
        flash.write_bytes(before)
        with PtyBoard(flash, cut) as board:
            with pytest.raises(UserError, match="was lost while talking to the board"):
                deploy(REPLS["mpremote"](board.device, 3.0), PICO_W, NEW)
            assert board.cut_off.wait(10)
            board.power_on()
            deploy(REPLS["mpremote"](board.device), PICO_W, NEW)
        assert read_flash(flash) == {**NEW, **DATA}


def test_a_port_without_a_repl(tmp_path: Path) -> None:
    import os
    import pty

    master, slave = pty.openpty()
    with pytest.raises(UserError, match="does not answer as MicroPython's REPL"):
        REPLS["mpremote"](os.ttyname(slave), 0.2)
    os.close(master)
    os.close(slave)


def test_a_missing_port() -> None:
    with pytest.raises(UserError, match="there is no port /dev/ttyNONE"):
        REPLS["mpremote"]("/dev/ttyNONE")
    assert FILESYSTEM.block_size == 4096


def test_a_secrets_file_that_is_created_later_is_noticed(tmp_path: Path) -> None:
    with _changes(tmp_path) as changed:
        for n in range(30):  # the watch begins a moment later
            (tmp_path / "notes.txt").write_text(str(n))
            if changed.wait(0.01):
                break
        assert not changed.is_set(), "no file of the project"
        for n in range(100):
            (tmp_path / "secrets.toml").write_text(f"# {n}")
            if changed.wait(0.1):
                break
        assert changed.is_set()


def test_changes_during_a_deploy_are_deployed_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_cluster(tmp_path / "project", {"hello": SERVICE})
    source = root / "services/hello/__init__.py"
    sent: list[bytes] = []

    def send(plan: Plan, built: Image, *how: object) -> None:
        sent.append((built.tree / "services/hello/__init__.mpy").read_bytes())
        if len(sent) == 2:
            raise KeyboardInterrupt
        source.write_text(SERVICE.replace('return "hello"', 'return "hello again"'))

    monkeypatch.setattr("torpor_tools.cli.deploy._deploy", send)
    board, line = pty.openpty()
    words = ["deploy", "--port", os.ttyname(line), "--no-types", "--watch"]
    assert run(["-C", str(root), *words]) == 130
    os.close(board)
    os.close(line)
    first, second = sent
    assert b"hello again" not in first
    assert b"hello again" in second
