"""Every command of the README, and what ``make run`` starts."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files of a clone, with the environment of this run."""
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    clone = tmp_path / "clone"
    for name in files:
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, clone / name)
    (clone / ".venv").symlink_to(Path(sys.prefix))
    return clone


def test_the_readme_names_the_two_commands() -> None:
    assert COMMANDS[:2] == ["make run", "make test"]


def test_the_tour(checkout: Path) -> None:
    for command in COMMANDS[2:]:
        result = subprocess.run(
            shlex.split(command), cwd=checkout, capture_output=True, text=True, timeout=240
        )
        assert result.returncode == 0, (command, result.stdout, result.stderr)


def _free_base() -> int:
    """The first of ten neighbouring ports that are free, below those that the OS gives out."""
    while True:
        base = random.randrange(10_000, 30_000)
        try:
            for port in range(base, base + 10):
                with socket.socket() as sock:
                    sock.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue


@pytest.mark.skipif(
    not shutil.which("curl"), reason="NO curl FOUND: the lines to try are not tried (install curl)"
)
def test_make_run_answers_each_curl_line_that_it_prints(checkout: Path) -> None:
    # -o: the environment is there; set-up is what make lint in the real checkout is for.
    process = subprocess.Popen(
        ["make", "-o", ".venv/.ready", "run", f"ARGS=--bind 127.0.0.1 --port-base {_free_base()}"],
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    try:
        printed: list[str] = []
        for line in process.stdout:
            printed.append(line)
            if "Ctrl-C stops" in line:
                break
        curls = [line[line.index("curl ") :].strip() for line in printed if "curl " in line]
        assert len(curls) == 5, printed
        assert any(line.startswith("For a browser, dashboard: http://") for line in printed)
        deadline = time.monotonic() + 30
        for curl in curls:
            while True:
                command = ["curl", "-sS", "--fail", "--noproxy", "*", *shlex.split(curl)[1:]]
                result = subprocess.run(command, capture_output=True, text=True, timeout=20)
                if result.returncode == 0:
                    break
                assert time.monotonic() < deadline, (curl, result.stderr)
            assert result.stdout.startswith(("{", "[", "<!doctype html>")), (curl, result.stdout)
        # As Ctrl-C does: make and what it started get the signal.
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
        assert "stopped" in rest.splitlines(), rest
        assert "Traceback" not in rest
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
