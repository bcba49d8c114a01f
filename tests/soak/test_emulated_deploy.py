"""Deploys over the serial line of a Pico W with the official firmware, in the emulator.

``test_deploy.py`` cuts the power at every write, on the Unix port; this module cuts it at every
file. The board boots about fifteen times, so only ``make soak`` runs it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from tests.host_tools.test_deploy import DATA, NEW, OLD, image
from torpor_sim.emulated import EmulatedBoard
from torpor_tools.board.deploy import Changes, deploy
from torpor_tools.board.deploy.repl import REPLS, Repl
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.errors import UserError
from torpor_tools.image import littlefs
from torpor_tools.image.tree import LISTING, checksums
from torpor_tools.link.start import start_modules
from torpor_tools.project import load_board

pytestmark = [pytest.mark.soak, pytest.mark.emulated]

PICO_W = load_board("RPI_PICO_W")
WALL_S = 600.0
SLOWNESS = "40"
SERVICE = """
from torpor import Service


class Hello(Service):
    async def start(self) -> None:
        print("hello {0}")
"""
KERNEL = """
import time

def run():
    for n in range(60):
        print("alive", n)
        time.sleep_ms(20)
    raise ValueError("the kernel died")
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def board(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmulatedBoard]:
    filesystem = tmp_path_factory.mktemp("flash") / "old.lfs"
    filesystem.write_bytes(littlefs.pack({**OLD, **DATA}, PICO_W.filesystem))
    async with EmulatedBoard(uf2=firmware(PICO_W), filesystem=filesystem, terminal=True) as running:
        await running.wait_line("version 1", WALL_S)
        yield running


def connected(board: EmulatedBoard, via: str = "mpremote") -> Repl:
    assert board.terminal
    return REPLS[via](board.terminal, 10.0 * float(SLOWNESS))


async def deployed(board: EmulatedBoard, files: Mapping[str, bytes], via: str) -> Changes:
    """Deploy, reset the board, and close the connection."""

    def work() -> Changes:
        link = connected(board, via)
        try:
            changes = deploy(link, PICO_W, files)
            link.reset()
        finally:
            link.close()
        return changes

    return await asyncio.to_thread(work)


@pytest.mark.parametrize(
    ("via", "files", "version"), [("mpremote", NEW, 2), ("ampy", OLD, 1)], ids=["mpremote", "ampy"]
)
async def test_deploy_sends_only_the_changed_files(
    board: EmulatedBoard, via: str, files: dict[str, bytes], version: int
) -> None:
    mark = board.log.mark()
    changes = await deployed(board, files, via)
    assert "same.bin" not in changes.send
    assert "services/parts.py" in changes.send
    await board.wait_line(f"version {version}", WALL_S, since=mark)


async def test_a_power_cut_at_any_file_leaves_the_old_image(board: EmulatedBoard) -> None:
    """The old image starts after each cut; then the same deploy succeeds."""
    loop = asyncio.get_running_loop()

    def cut_at(number: int) -> None:
        link = connected(board)
        ends = 0
        real = link.run

        def run(code: str) -> str:
            nonlocal ends
            ends += code.startswith("end(")
            if ends == number:
                loop.call_soon_threadsafe(board.reset)
                raise UserError([])
            return real(code)

        link.run = run  # type: ignore[method-assign]
        try:
            with pytest.raises(UserError):
                deploy(link, PICO_W, NEW)
        finally:
            link.close()

    for number in range(1, 6):
        mark = board.log.mark()
        await asyncio.to_thread(cut_at, number)
        await board.wait_line("version 1", WALL_S, since=mark)
    mark = board.log.mark()
    changes = await deployed(board, NEW, "mpremote")
    assert len(changes.send) == 5
    await board.wait_line("version 2", WALL_S, since=mark)


async def test_torpor_resets_the_board_and_shows_its_log(board: EmulatedBoard) -> None:
    starts, mark = board.starts, board.log.mark()
    assert board.terminal
    logs = await torpor("logs", "--port", board.terminal)
    board.reset()
    await wait_for_output(logs, "version 2")
    await stop(logs)
    await board.wait_line("kernel: ready", WALL_S, since=mark)
    mark = board.log.mark()
    reset = await torpor("reset", "--port", board.terminal)
    assert await reset.wait() == 0
    await board.wait_line("version 2", WALL_S, since=mark)
    assert board.starts == starts + 2


async def test_torpor_deploy_watch_deploys_again_after_a_change(
    board: EmulatedBoard, tmp_path: Path
) -> None:
    root = write_cluster(tmp_path / "project", {"hello": SERVICE.format("world")})
    words = ["deploy", "--port", str(board.terminal), "--no-types", "--patience", SLOWNESS]
    watching = await torpor("-C", str(root), *words, "--watch")
    await wait_for_output(watching, "files sent")
    await wait_for_output(watching, "box is ready")
    await wait_for_output(watching, "Waiting for changes")
    mark = board.log.mark()
    source = root / "services" / "hello" / "__init__.py"
    source.write_text(SERVICE.format("again"))
    await wait_for_output(watching, "2 of ")  # the service, and the image's list of files
    await wait_for_output(watching, "box is ready")
    await board.wait_line("hello again", WALL_S, since=mark)
    await stop(watching)


async def test_a_production_image_has_no_prompt(board: EmulatedBoard) -> None:
    files = image(3, "new", {"torpor/kernel.py": KERNEL.encode()})
    for module in start_modules("rp2", production=True):
        files[module.path] = module.source.encode()
    files[LISTING] = checksums(files)
    mark = board.log.mark()
    await deployed(board, files, "mpremote")
    await board.wait_line("alive 5", WALL_S, since=mark)
    alive = board.log.mark()
    for _ in range(2):  # the second time after the kernel has died and the chip has restarted
        board.type("\x03\x03\x01\x02\x04\r\nprint('inside')\r\n")
        await board.wait_line("alive 59", WALL_S, since=mark)
        board.type("\x03")  # while the chip waits for its reset
        mark = board.log.mark()
        await board.wait_line("alive 5", WALL_S, since=mark)
    with pytest.raises(UserError, match="does not answer as MicroPython's REPL"):
        await asyncio.to_thread(lambda: REPLS["mpremote"](str(board.terminal), 20.0))
    shown = "\n".join(map(str, board.log.since(alive)))
    seen = [w for w in (">>>", "raw REPL", "inside", "KeyboardInterrupt") if w in shown]
    assert not seen, shown


async def torpor(*words: str) -> asyncio.subprocess.Process:
    program = Path(sys.executable).with_name("torpor")
    return await asyncio.create_subprocess_exec(program, *words, stdout=PIPE, stderr=STDOUT)


async def wait_for_output(process: asyncio.subprocess.Process, text: str) -> None:
    """Read what the command prints until ``text`` appears."""
    assert process.stdout
    received = []
    async with asyncio.timeout(WALL_S):
        while line := await process.stdout.readline():
            received.append(line.decode())
            if text in received[-1]:
                return
    raise AssertionError(f"the command did not print {text!r}:\n" + "".join(received))


async def stop(process: asyncio.subprocess.Process) -> None:
    """Stop the command, as Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):
        await process.communicate()
    assert process.returncode == 130
