"""Transports to the interpreter that runs the tests, and the one to the Unix port.

A transport starts an interpreter with an image and carries bytes to and from ``serve.run``. The
runner knows what the bytes mean. To support another kind of target, write another such class.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Protocol

from torpor_sim.facts import facts, wiring_bytes
from torpor_sim.flash import BoardFolder, starter, write_json
from torpor_sim.ports import Ports
from torpor_sim.wiring import wire

from ..image.tree import write_tree
from .image import TestImage

_LAUNCH = Path(sys.modules["torpor_sim"].__file__ or "").with_name("_launch.py")
_CHUNK = 1 << 16


class Transport(Protocol):
    """One interpreter at a time.

    Attributes:
        slowness: How many times longer than on this computer a test may take.
    """

    slowness: float

    def start(self, image: TestImage) -> None:
        """Start an interpreter that has nothing but the image.

        Args:
            image: The files of a service's tests.

        Raises:
            UserError: The board does not answer, or cannot take the image.
        """

    def write(self, data: bytes) -> None:
        """Send ``data`` to the interpreter. One that has ended ignores it."""

    def read(self, timeout: float) -> bytes | None:
        """Wait for output of the interpreter.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            The bytes that have come, None if there were none in time, or ``b""`` if the
            interpreter has ended.
        """

    def interrupt(self) -> None:
        """Raise ``KeyboardInterrupt`` in the test that runs."""

    def ending(self) -> str:
        """Return how the interpreter ended, for example "killed by SIGSEGV"."""

    def leave(self) -> None:
        """End a test file that ran to its end. A ``start`` may follow, and may use what runs."""

    def stop(self) -> None:
        """End the interpreter. A ``start`` may follow."""

    def close(self) -> None:
        """End the interpreter and release folders, ports and devices."""


class Pipe:
    """MicroPython's Unix port as a child process, with the heap of the service's board."""

    slowness = 1.0

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="torpor-test-"))
        self._trees: dict[str, Path] = {}
        self._ports = Ports(bind="127.0.0.1", base=None, mode="os")
        self._process: subprocess.Popen[bytes] | None = None
        self._out = -1

    def start(self, image: TestImage) -> None:
        """Start MicroPython with the image."""
        folder = BoardFolder(self._folder / "board")
        if folder.path.exists():
            shutil.rmtree(folder.path)
        board = image.board.board
        folder.prepare(board, fresh=False)
        for entry in self._tree(image).iterdir():
            (folder.flash / entry.name).symlink_to(entry)
        # So that the fixture clock moves ``time``.
        main = "import sys\nsys.modules['time'] = __import__('_test_time')\n"
        main += f"from torpor_test import serve\nserve.run({image.service!r})\n"
        (folder.flash / "main.py").write_text(main, encoding="utf-8", newline="\n")
        place = self._ports.place([image.board])[image.board.name]
        devices = [device.name for device in image.board.devices]
        board_facts = facts(
            image.board.name,
            board,
            place,
            folder,
            reset_cause="power-on",
            wake_reason="",
            devices=devices,
        )
        wire(folder, image.board)
        write_json(folder.run / "facts.json", board_facts)
        write_json(folder.inputs, {})
        # What a test needs besides the program: the device half, and objects of 64 bits.
        heap = (board.heap_bytes + wiring_bytes(len(devices))) // 1024 + 64
        command = [sys.executable, "-P", str(_LAUNCH), str(os.getpid()), "-X"]
        command += [f"heapsize={heap}wK", str(starter()), str(folder.flash), str(folder.run)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdout
        self._out = self._process.stdout.fileno()

    def _tree(self, image: TestImage) -> Path:
        tree = self._trees.get(image.service)
        if tree is None:
            tree = self._trees[image.service] = self._folder / "images" / image.service
            write_tree(image.files, tree)
        return tree

    def write(self, data: bytes) -> None:
        """Send bytes to the interpreter."""
        assert self._process
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(data)

    def read(self, timeout: float) -> bytes | None:
        """Wait for output, at most ``timeout`` s."""
        ready, _, _ = select.select([self._out], [], [], max(0.0, timeout))
        return os.read(self._out, _CHUNK) if ready else None

    def interrupt(self) -> None:
        """Send Ctrl-C."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def ending(self) -> str:
        """Wait for the end and describe it."""
        assert self._process
        status = self._process.wait()
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        return f"ended with exit status {status}"

    def leave(self) -> None:
        """Stop: a process cannot be left running."""
        self.stop()

    def stop(self) -> None:
        """Kill the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()

    def close(self) -> None:
        """Stop, and remove the files."""
        self.stop()
        self._ports.close()
        shutil.rmtree(self._folder, ignore_errors=True)
