"""The wheel that a user gets from the package index, away from this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Run = Callable[..., str]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which a wheel of this checkout was installed, in which somebody edits."""
    folder = tmp_path_factory.mktemp("wheel")
    checkout = _checkout(folder / "checkout")
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    # pip makes the wheel itself, with the build backend of this environment.
    install += ["--no-build-isolation", "--target", str(folder / "site"), str(checkout)]
    _python(*install, cwd=folder)
    return folder / "site"


def _checkout(target: Path) -> Path:
    """Copy the tracked files, with what editors leave next to them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    tracked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    for name in tracked.stdout.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
    for place in ("firmware/torpor", "boards", "sim/shims", "sim/torpor_sim"):
        (target / place / ".#edited.py").symlink_to("user@machine.4711:1764000000")
        (target / place / "edited.py~").write_text("an older version")
    return target


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


def test_what_editors_leave_is_not_in_the_wheel(wheel: Path) -> None:
    assert (wheel / "torpor_tools/_data/firmware/torpor/kernel.py").is_file()
    assert not [path for path in wheel.rglob("*") if "edited" in path.name]


def test_a_project_is_started_checked_built_and_tested(wheel: Path, run: Run) -> None:
    where = run("-c", "from torpor_tools import paths; print(paths.__file__)")
    assert where.startswith(str(wheel)), where
    facts = "from torpor_tools.project.ports import load_port; print(load_port('rp2').loop.poll_ms)"
    assert run("-c", facts) == "1\n"
    torpor = str(wheel / "bin" / "torpor")
    run(torpor, "init", "greenhouse")
    run(torpor, "-C", "greenhouse", "new", "service", "door")
    assert "no mistakes in 2 services" in run(torpor, "-C", "greenhouse", "check")
    assert "build/desk/ holds the image of desk" in run(torpor, "-C", "greenhouse", "build")
    tests = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "greenhouse")
    assert "6 passed" in tests, tests
