"""The tutorial, executed as a reader would: every file, every command, every output."""

from __future__ import annotations

import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.helpers.shown import Step, steps

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
BIN = Path(sys.executable).parent
PATIENCE_S = 90


def _free_base() -> int:
    """Return the first of four free ports in a row, below those that the OS gives out."""
    while True:
        base = random.randrange(10_000, 30_000)
        try:
            for port in range(base, base + 4):
                with socket.socket() as sock:
                    sock.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue


class Background:
    """A program in the reader's first terminal, and all that it has printed."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output = ""
        self._printed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._printed:
                self.output += line
                self._printed.notify_all()

    def wait_for(self, text: str) -> None:
        with self._printed:
            deadline = time.monotonic() + PATIENCE_S
            while text not in self.output:
                left = deadline - time.monotonic()
                assert left > 0, (text, self.output)
                assert self._process.poll() is None, (text, self.output)
                self._printed.wait(min(left, 1))

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise
        self._reader.join(10)


class Reader:
    """Someone who follows the page to the letter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = _free_base()
        self.background: Background | None = None
        self._path = f"{BIN}{os.pathsep}{os.environ['PATH']}"

    def follow(self, step: Step) -> None:
        step.write_files(self.folder)
        if step.log:
            assert self.background
            self.background.wait_for(step.log)
        for command in step.commands:
            if step.background:
                output = self._start(command.line, step.background)
            else:
                output = self._run(command.line, step.exit)
            assert command.missing(output) == [], (command.line, output)

    def _start(self, line: str, ready: str) -> str:
        """Start a simulator on ports that no other test uses."""
        self.stop()
        command = [str(BIN / line.split()[0]), *shlex.split(line)[1:]]
        command += ["--bind", "127.0.0.1", "--port-base", str(self.base)]
        self.background = Background(command, self.folder)
        self.background.wait_for(ready)
        return self.background.output

    def _run(self, line: str, code: int) -> str:
        if line.startswith("cd "):
            self.folder /= line.removeprefix("cd ")
            return ""
        line = re.sub(r"http://127\.0\.1\.1:800(\d)", self._url, line)
        result = subprocess.run(
            shlex.split(line),
            cwd=self.folder,
            env={**os.environ, "PATH": self._path, "no_proxy": "*"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
        )
        assert result.returncode == code, (line, result.stdout)
        return result.stdout

    def _url(self, match: re.Match[str]) -> str:
        return f"http://127.0.0.1:{self.base + int(match[1]) - 1}"

    def stop(self) -> None:
        if self.background:
            self.background.stop()
            self.background = None


@pytest.mark.skipif(not shutil.which("curl"), reason="NO curl FOUND: the tutorial is not tried")
def test_the_tutorial_to_the_letter(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    try:
        for step in steps(TUTORIAL):
            reader.follow(step)
    finally:
        reader.stop()


def test_it_has_ten_steps() -> None:
    assert re.findall(r"^## (\d+)\. ", TUTORIAL, re.MULTILINE) == [str(n) for n in range(1, 11)]
