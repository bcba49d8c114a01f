"""Small projects, and pytest run in them as a user runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.helpers.forked_pytest import ForkedPytest
from tests.helpers.running import write_cluster

# Plugins that only our own development environment has. They take longer to load than pytest does.
_OUR_OWN_PLUGINS_OFF = "-p no:schemathesis -p no:hypothesispytest"


@dataclass(frozen=True)
class Run:
    """The output of a run of pytest; ``counts`` such as ``{"passed": 3}``."""

    text: str
    status: int

    @property
    def counts(self) -> dict[str, int]:
        last = self.text.rstrip().rpartition("\n")[2]
        found = re.findall(r"(\d+) (passed|failed|skipped|error|xfailed|deselected)", last)
        return {word: int(number) for number, word in found}

    def report(self, test: str) -> str:
        """The part of the output about one failing test, without blank lines."""
        heading = rf"^_+ {re.escape(test)} _+\n"
        match = re.search(heading + r"(.*?)(?=^_{3,} \S|^=+ )", self.text, re.M | re.S)
        assert match, f"no report of {test} in:\n{self.text}"
        return re.sub(r"\n+", "\n", match[1])


class Project:
    """A cluster with the services and the test files that a test gives."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, services: Mapping[str, str], tests: Mapping[str, str]) -> Project:
        """``tests``: path below ``services/`` -> text."""
        write_cluster(self.root, dict(services))
        for name, text in tests.items():
            path = self.root / "services" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self

    def pytest(self, *arguments: str, timeout: float = 120) -> Run:
        """Run ``python -m pytest`` in the project."""
        words = ["--color=no", *arguments]
        status, text = _forks().run(words, self.root, _environment(), timeout)
        return Run(text, status)

    def fresh_pytest(self, *arguments: str, timeout: float = 120, **environment: str) -> Run:
        """The same in a process that has loaded nothing yet, with variables of the environment."""
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "--color=no", *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**_environment(), **environment},
        )
        return Run(result.stdout + result.stderr, result.returncode)


@cache
def _forks() -> ForkedPytest:
    return ForkedPytest()


def _environment() -> dict[str, str]:
    # Not the options of the run to which this test belongs.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COVERAGE"))}
    return {**kept, "COLUMNS": "160", "PYTEST_ADDOPTS": _OUR_OWN_PLUGINS_OFF}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
