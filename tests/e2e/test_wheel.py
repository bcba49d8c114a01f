"""What a user gets from the package index: the wheel, away from this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Run = Callable[..., str]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which a wheel of this checkout was installed."""
    folder = tmp_path_factory.mktemp("wheel")
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    # pip makes the wheel itself, with the build backend of this environment.
    install += ["--no-build-isolation", "--target", str(folder / "site"), str(ROOT)]
    _python(*install, cwd=folder)
    return folder / "site"


@pytest.fixture
def run(wheel: Path, tmp_path: Path) -> Run:
    """Run this Python with the wheel before all else; what it prints."""

    def run(*arguments: str) -> str:
        return _python(*arguments, cwd=tmp_path, PYTHONPATH=str(wheel))

    return run


def _python(*arguments: str, cwd: Path, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 0, (arguments, result.stdout, result.stderr)
    return result.stdout


def test_a_project_is_started_checked_built_and_tested(wheel: Path, run: Run) -> None:
    where = run("-c", "from torpor_tools import paths; print(paths.__file__)")
    assert where.startswith(str(wheel)), where
    facts = "from torpor_tools.config.ports import load_port; print(load_port('rp2').loop.poll_ms)"
    assert run("-c", facts) == "1\n"
    torpor = str(wheel / "bin" / "torpor")
    run(torpor, "init", "greenhouse")
    run(torpor, "-C", "greenhouse", "new", "service", "door")
    assert "no mistakes in 2 services" in run(torpor, "-C", "greenhouse", "check")
    assert "build/desk/ holds the image of desk" in run(torpor, "-C", "greenhouse", "build")
    tests = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "greenhouse")
    assert "6 passed" in tests, tests
