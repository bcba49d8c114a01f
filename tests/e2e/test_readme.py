"""Every command of the README, and what ``make run`` starts."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.free_ports import free_base
from tests.helpers.shown import ShownCommand, steps
from torpor_tools.cli.scaffold import write_project, write_service

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = [command for step in steps(README) for command in step.commands]


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
    made = [command.line for command in COMMANDS if command.line.startswith("make ")]
    assert made == ["make run", "make test"]


def test_the_tour(checkout: Path) -> None:
    path = f"{checkout / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    for step in steps(README):
        step.write_files(checkout)
        for command in step.commands:
            if command.line.startswith("make "):  # tested below, or runs this test
                continue
            result = subprocess.run(
                ["sh", "-c", command.line],
                cwd=checkout,
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                timeout=240,
            )
            output = result.stdout + result.stderr
            assert result.returncode == step.exit, (command.line, output)
            assert command.missing(output) == [], (command.line, output)
            assert command.old_sizes(output) == [], (command.line, output)


@pytest.mark.parametrize(
    ("shown", "output", "missing"),
    [
        (["total  88,182 9%", "…", "end"], "total 9 1%\nmore\nend\n", []),
        (["one", "two"], "one\nbetween\ntwo\n", ["two"]),
        (["one", "…", "two"], "two\none\n", ["two"]),
        ([], "anything", []),
    ],
)
def test_shown_output_may_differ_in_numbers_only(
    shown: list[str], output: str, missing: list[str]
) -> None:
    assert ShownCommand("true", shown).missing(output) == missing


def test_the_figures_match_the_page_about_verification() -> None:
    measured = (ROOT / "docs" / "verification.md").read_text()
    table = README.split("\n## Figures\n")[1].split("\n\n")[0]
    rows = [row.split(" | ") for row in table.splitlines()[2:]]
    figures = [right.strip(" |") for left, right in rows if "emulated" in left or "heap" in left]
    figures += [right.strip(" |") for left, right in rows if "keep-alive" in left]
    assert len(figures) == 3
    for figure in figures:
        assert f"| {figure} |" in measured, figure


def test_the_figures_of_sleep_match_torpor_power(tmp_path: Path) -> None:
    write_project(tmp_path, "desk", "ESP32_GENERIC")
    write_service(tmp_path, "hello")
    toml = tmp_path / "cluster.toml"
    power = 'policy = "deep"\nwake_every = "1m"\nlinger_ms = 200\n'
    toml.write_text(f"{toml.read_text()}\n[boards.desk.power]\n{power}")
    words = [str(Path(sys.executable).with_name("torpor")), "power", "desk", "--requests", "1"]
    result = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    printed = {line.split()[0]: line.split() for line in result.stdout.splitlines()[1:4]}
    table = README.split("\n## Figures\n")[1].split("\n\n")[0]
    shown = re.findall(
        r"`(on|idle|deep)`.*\| ([\d.]+) mA, ([\d.]+) days?, .*?([\d.]+) m?s \|", table
    )
    assert [policy for policy, *_ in shown] == ["on", "idle", "deep"]
    for policy, current, days, latency in shown:
        _, ma, _, life, _, median, *_ = printed[policy]
        for figure, now in ((current, ma), (days, life), (latency, median)):
            assert float(figure) == pytest.approx(float(now), rel=0.05), (policy, printed[policy])


def test_sizes_that_a_page_shows_may_be_a_tenth_old() -> None:
    output = "total  98,665  100%  105,760 (31,488)\nheap 9,000\n"
    nearly = "total 90,000 99% 115,000 (30,000)"
    assert ShownCommand("true", [nearly]).old_sizes(output) == []
    assert ShownCommand("true", ["heap 9,990"]).old_sizes(output) == ["heap 9,990"]


def test_the_readme_has_one_picture_of_the_idea_with_a_description() -> None:
    [(described, path)] = re.findall(r"!\[([^\]]+)\]\(([^)]+\.svg)\)", README)
    assert "await" in described
    drawing = (ROOT / path).read_text()
    assert "prefers-color-scheme: dark" in drawing
    assert "http://" not in drawing.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.skipif(
    not shutil.which("curl"), reason="NO curl FOUND: the lines to try are not tested (install curl)"
)
def test_make_run_answers_each_curl_line_that_it_prints(checkout: Path) -> None:
    # -o: the environment exists; make lint in the real checkout sets it up.
    process = subprocess.Popen(
        ["make", "-o", ".venv/.ready", "run", f"ARGS=--bind 127.0.0.1 --port-base {free_base()}"],
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
        # Like Ctrl-C: make and the processes that it has started get the signal.
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
        assert "stopped" in rest.splitlines(), rest
        assert "Traceback" not in rest
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
