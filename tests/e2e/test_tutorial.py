"""The tutorial, executed as a reader would: every file, every command, every output."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.helpers.free_ports import free_base
from tests.helpers.shown import Step, steps

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
PATIENCE_S = 90


class Background:
    """A program in the reader's first terminal, with its whole output."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
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
    """A reader who follows the page to the letter, with only Python and a clone at the start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = free_base()
        self.background: Background | None = None
        ours = Path(sys.executable).parent
        path = [part for part in os.environ["PATH"].split(os.pathsep) if Path(part) != ours]
        self._environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("PYTHON")},
            "PATH": os.pathsep.join(path),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "no_proxy": "*",
        }
        self._environment.pop("VIRTUAL_ENV", None)

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
            assert command.old_sizes(output) == [], "the page shows old sizes, renew them"

    def _start(self, line: str, ready: str) -> str:
        """Start a simulator on ports that no other test uses."""
        self.stop()
        command = [*self._words(line), "--bind", "127.0.0.1", "--port-base", str(self.base)]
        self.background = Background(command, self.folder, self._environment)
        self.background.wait_for(ready)
        return self.background.output

    def _run(self, line: str, code: int) -> str:
        if line.startswith("cd "):
            self.folder /= line.removeprefix("cd ")
            return ""
        if line == ". env/bin/activate":
            programs = self.folder / "env" / "bin"
            assert (programs / "activate").is_file()
            self._environment["PATH"] = f"{programs}{os.pathsep}{self._environment['PATH']}"
            return ""
        environment = dict(self._environment)
        if line.startswith("pip install "):  # in the versions with which this project is tested
            environment["PIP_CONSTRAINT"] = str(ROOT / "requirements.lock")
        result = subprocess.run(
            self._words(re.sub(r"http://127\.0\.1\.1:800(\d)", self._url, line)),
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        assert result.returncode == code, (line, result.stdout)
        return result.stdout

    def _words(self, line: str) -> list[str]:
        """Return a command line's words, the first as the program that a shell would find."""
        name, *rest = shlex.split(line)
        if name == "python3":
            return [sys.executable, *rest]
        program = shutil.which(name, path=self._environment["PATH"])
        assert program, f"there is no {name} yet: {line}"
        return [program, *rest]

    def _url(self, match: re.Match[str]) -> str:
        return f"http://127.0.0.1:{self.base + int(match[1]) - 1}"

    def stop(self) -> None:
        if self.background:
            self.background.stop()
            self.background = None


def _clone(folder: Path) -> None:
    """Copy the tracked files of this checkout, as a clone has them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


@pytest.mark.skipif(not shutil.which("curl"), reason="NO curl FOUND: the tutorial is not tested")
def test_the_tutorial_to_the_letter(tmp_path: Path) -> None:
    _clone(tmp_path / "torpor")
    reader = Reader(tmp_path)
    try:
        for step in steps(TUTORIAL):
            reader.follow(step)
    finally:
        reader.stop()


def test_it_has_ten_steps() -> None:
    assert re.findall(r"^## (\d+)\. ", TUTORIAL, re.MULTILINE) == [str(n) for n in range(1, 11)]
