"""Boards for the tests of deploy: real MicroPython with a chip's filesystem in a file."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.helpers.ending import ENDS_WITH_US
from torpor_tools.board.deploy.repl import BoardError, Repl
from torpor_tools.errors import fail
from torpor_tools.image import littlefs
from torpor_tools.model.board import Filesystem

MICROPYTHON = Path(sys.executable).parent / "micropython"
PROGRAM = Path(__file__).with_name("flash_board.py")
FILESYSTEM = Filesystem(0x12C000, 4096, 48, 256, 32, 0x00020000)
CUT = -9  # exit status of a board whose power fails
BOOT_LOADER = -signal.SIGUSR2  # exit status of one that enters its boot loader
RESET = -signal.SIGUSR1  # exit status of one that is reset


def write_flash(
    path: Path, files: Mapping[str, bytes], filesystem: Filesystem = FILESYSTEM
) -> None:
    """Write a flash that contains ``files``."""
    path.write_bytes(littlefs.pack(files, filesystem))


def read_flash(path: Path, filesystem: Filesystem = FILESYSTEM) -> dict[str, bytes]:
    """Return the files on a flash, whose format MicroPython upgrades to 2.1 at its first write."""
    written = dataclasses.replace(filesystem, disk_version=0x00020001)
    return littlefs.unpack(path.read_bytes(), written)


def command(flash: Path, mode: str, cut: int = 0) -> list[str]:
    """Return the command line of a board whose power fails after ``cut`` writes and erasures."""
    blocks = str(flash.stat().st_size // FILESYSTEM.block_size)
    options = ["-i"] if mode in ("repl", "raw") else []
    board = [str(MICROPYTHON), *options, str(PROGRAM), str(flash), blocks, str(cut), mode]
    # MicroPython's REPL keeps reading, without a pause, from a terminal whose other side is closed.
    return [*ENDS_WITH_US, *board]


def boot(flash: Path) -> str:
    """Start the board, run boot.py and main.py to their end, and return their output."""
    done = subprocess.run(
        command(flash, "run"), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


class PipeRepl(Repl):
    """A REPL over a pipe: it runs the code of deploy without the pauses of a serial line."""

    def __init__(self, flash: Path, cut: int = 0) -> None:
        self.device = "pipe"
        self._silence_s = 30.0
        self._process = subprocess.Popen(
            command(flash, "pipe", cut), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, code: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(code) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise fail("the power failed")
        out, error = json.loads(line)
        if error:
            raise BoardError(error)
        return str(out)

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self._process.wait(30)

    def _connect(self) -> Any: ...

    def _enter(self) -> None: ...

    def _restart(self) -> None: ...

    def _exec(self, code: str) -> tuple[bytes, bytes]:
        raise NotImplementedError


class PtyBoard:
    """A board on a serial line, which restarts when it is reset.

    When its power fails (``cut``) the line stays silent until ``power_on``.
    """

    def __init__(self, flash: Path, cut: int = 0) -> None:
        self.flash = flash
        # The board uses the master's side: only the other side has a name that tools can open.
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave, termios.TCSANOW)
        self.device = os.ttyname(self._slave)
        self.starts = 0
        self.cut_off = threading.Event()
        self.in_boot_loader = threading.Event()
        self._running = threading.Event()
        self._stop = False
        self.power_on(cut)

    def power_on(self, cut: int = 0) -> None:
        self.cut_off.clear()
        self._running.clear()
        self._thread = threading.Thread(target=self._run, args=(cut,), daemon=True)
        self._thread.start()
        assert self._running.wait(30)

    def __enter__(self) -> PtyBoard:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop = True
        while self._thread.is_alive():  # the thread may be about to restart the board
            self._process.kill()
            self._thread.join(0.1)
        for handle in (self._master, self._slave):
            os.close(handle)

    def _run(self, cut: int) -> None:
        mode = "repl"
        while not self._stop:
            self._process = subprocess.Popen(
                command(self.flash, mode, cut),
                stdin=self._master,
                stdout=self._master,
                stderr=self._master,
            )
            self.starts += 1
            self._running.set()
            status = self._process.wait()
            if status == CUT:
                self.cut_off.set()
                return
            if status == BOOT_LOADER:
                self.in_boot_loader.set()
                return
            mode = "repl"
            if status != RESET and not self._stop:  # Ctrl-D: a chip stays in the raw REPL
                mode = "raw"
                os.write(self._master, b"soft reboot\r\n")
                os.write(self._slave, b"\x01")
