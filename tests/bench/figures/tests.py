"""The cost of running a service's tests in MicroPython."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.lab import Lab
from tests.bench.registry import figure
from tests.helpers.running import write_cluster

_TESTS = 200
_PLUGIN = "torpor_tools.pytest_plugin.plugin"
_BUSY = """
from torpor import Service


class Busy(Service):
    async def count(self, most: int) -> int:
        total = 0
        for n in range(most):
            if n % 3 == 0:
                total += 1
            elif n % 5 == 0:
                total += 2
        return total
"""


def _trivial(root: Path) -> None:
    """Write a service with a test file, and a copy of that file for CPython's pytest."""
    lines = [f"def test_{n}():\n    assert {n} + 1 == {n + 1}\n" for n in range(_TESTS)]
    text = "\n\n".join(lines)
    write_cluster(root, {"busy": _BUSY})
    for folder in (root / "services" / "busy" / "tests", root / "plain"):
        folder.mkdir(parents=True)
        (folder / "test_trivial.py").write_text(text)


def _pytest(root: Path, *arguments: str) -> Callable[[], float]:
    """Return a function that runs pytest in ``root`` and returns its duration in seconds."""

    def run() -> float:
        began = time.perf_counter()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        # Without plugins that happen to be installed, which both sides would load.
        alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(command, cwd=root, env=alone, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return time.perf_counter() - began

    return run


@figure("mp_tests_over_cpython", unit="ratio", goal=3, better="lower")
def mp_tests_over_cpython(lab: Lab) -> list[float]:
    """Compare a file of 200 trivial tests in MicroPython with the same in CPython's pytest."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        _trivial(root)
        return lab.ratios(_pytest(root, "-p", _PLUGIN, "services"), _pytest(root, "plain"))


@figure("service_coverage_slowdown", unit="ratio", goal=3, better="lower")
def service_coverage_slowdown(lab: Lab) -> list[float]:
    """Compare a loop of a service that counts its lines with the same loop as shipped."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_cluster(root, {"busy": _BUSY})
        tests = root / "services" / "busy" / "tests"
        tests.mkdir()
        (tests / "test_busy.py").write_text(_LOOP)
        return lab.ratios(_loop(root, "--service-coverage"), _loop(root))


_LOOP = """
import time


async def test_loop(start):
    busy = await start()
    before = time.ticks_us()
    await busy.count(200_000)
    print("took", time.ticks_diff(time.ticks_us(), before))
"""


def _loop(root: Path, *arguments: str) -> Callable[[], float]:
    """Return a function that runs the loop and returns MicroPython's time in microseconds."""

    def run() -> float:
        command = [sys.executable, "-m", "pytest", "-q", "-rP", "-p", "no:cacheprovider"]
        done = subprocess.run([*command, *arguments], cwd=root, capture_output=True, text=True)
        duration = re.search(r"took (\d+)", done.stdout)
        if not duration:
            raise RuntimeError(done.stdout + done.stderr)
        return float(duration[1])

    return run
