"""A board on a serial line: the raw REPL of MicroPython's Unix port on a pseudo-terminal.

This adds the behaviour of chips that the Unix port lacks: a soft reset returns to the raw REPL, a
crash restarts the board, Ctrl-C interrupts a running program, a file can be renamed.
"""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import tty
from pathlib import Path
from typing import Self

from tests.helpers.in_thread import InThread

_RAW = b"raw REPL; CTRL-B to exit\r\n"
_MOUNT = '''\
import os, sys, vfs
folder = sys.argv[1]
vfs.umount("/")
vfs.mount(vfs.VfsPosix(folder), "/")
os.chdir("/")
sys.path[:] = ["", ".frozen", "/lib"]


class Os:
    """VfsPosix with a root has one buffer for both names, so it renames a file to itself."""

    def __getattr__(self, name, native=os):
        return getattr(native, name)

    def rename(self, old, new, host=vfs.VfsPosix(), root=folder):
        host.rename(root + old, root + new)


sys.modules["os"] = Os()
'''


class ReplBoard(InThread):
    """``device`` is the path of its serial port, ``files`` the folder that is its filesystem."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="repl-board-"))
        self.files = self._folder / "fs"
        self.files.mkdir()
        (self._folder / "mount.py").write_text(_MOUNT)
        self._line, self._client = pty.openpty()
        tty.setraw(self._client)
        self.device = os.ttyname(self._client)
        self.starts = 0
        self._start()
        return super().__enter__()

    def __exit__(self, *raised: object) -> None:
        super().__exit__(*raised)
        self._end()
        for number in (self._line, self._client):
            os.close(number)
        shutil.rmtree(self._folder)

    def _start(self) -> None:
        self._terminal, inner = pty.openpty()
        tty.setraw(inner)
        command = [str(Path(sys.executable).with_name("micropython")), "-X", "heapsize=300wK"]
        command += ["-i", str(self._folder / "mount.py"), str(self.files)]
        self._process = subprocess.Popen(
            command, stdin=inner, stdout=inner, stderr=inner, start_new_session=True
        )
        os.close(inner)
        output = b""
        while not output.endswith(b">>> "):
            output += os.read(self._terminal, 4096)
        self.starts += 1

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)

    def _run(self) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select([self._line, self._terminal], [], [], 0.1)
            if self._terminal in ready:
                self._forward_output()
            if self._line in ready:
                self._forward_input(os.read(self._line, 4096))

    def _forward_output(self) -> None:
        try:
            data = os.read(self._terminal, 4096)
        except OSError:  # MicroPython has exited
            self._restart()
            return
        os.write(self._line, data)

    def _forward_input(self, data: bytes) -> None:
        if b"\x03" in data and self._runs_a_program():
            self._process.send_signal(signal.SIGINT)
            data = data.replace(b"\x03", b"")
        os.write(self._terminal, data)

    def _runs_a_program(self) -> bool:
        """Return whether the Unix port catches the signal, which would end it at its prompt."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
        return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1)

    def _restart(self) -> None:
        """Restart: a soft reset stays in the raw REPL, anything else resets the board."""
        status = self._process.wait()
        self._end()
        self._start()
        if status == 0:
            os.write(self._line, b"MPY: soft reboot\r\n")
            os.write(self._terminal, b"\x01")
            output = b""
            while _RAW not in output:
                output += os.read(self._terminal, 4096)
            os.write(self._line, _RAW + output.partition(_RAW)[2])
