"""``make release``: lists everything that is missing, or builds and tags."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
VERSION = "7.8.9"


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
    command = ["git", *identity, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a clone that is ready for release, in which make and twine only record that they ran."""
    clone = tmp_path / "clone"
    for name in git(ROOT, "ls-files").splitlines():
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, clone / name)
    _edit(clone / "pyproject.toml", r'(?m)^version = ".*"', f'version = "{VERSION}"')
    for name in git(ROOT, "grep", "-l", "OWNER/torpor", "--", "*.md", "*.toml", "*.yml").split():
        _edit(clone / name, "OWNER/torpor", "ada/torpor")
    _edit(clone / "docs" / "ci.md", r"torpor@v\S+", f"torpor@v{VERSION}")
    _edit(clone / "CHANGELOG.md", r"## \[Unreleased\]", f"\\g<0>\n\n## [{VERSION}] - 2027-01-31")
    git(clone, "init", "-q", "-b", "main")
    _commit(clone)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("make", "twine"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/ran\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(programs), os.environ["PATH"]]))
    for key in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{key}_NAME", "a")
        monkeypatch.setenv(f"{key}_EMAIL", "a@example.invalid")
    return clone


def _edit(file: Path, pattern: str, text: str) -> None:
    changed, count = re.subn(pattern, text, file.read_text(encoding="utf-8"))
    assert count, (file, pattern)
    file.write_text(changed, encoding="utf-8")


def _commit(clone: Path) -> None:
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "change")


def _release(clone: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", clone / "scripts" / "release.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_release_is_tested_built_checked_and_tagged(checkout: Path) -> None:
    result = subprocess.run(
        [sys.executable, "scripts/release.py", VERSION],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr
    wheel, sdist = sorted((checkout / "dist").iterdir(), reverse=False)
    assert {wheel.name, sdist.name} == {
        f"torpor-{VERSION}-py3-none-any.whl",
        f"torpor-{VERSION}.tar.gz",
    }
    tested, checked = (checkout.parent / "ran").read_text().splitlines()
    assert tested == "make test"
    assert checked.startswith("twine check --strict")
    assert git(checkout, "tag", "--list") == f"v{VERSION}\n"
    assert f"git push origin main v{VERSION}" in result.stdout
    assert "twine upload dist/torpor-" in result.stdout


def _dirty(clone: Path) -> None:
    (clone / "new").touch()


MISSING: dict[str, Callable[[Path], object]] = {
    "pyproject.toml has version 1.0.0: write 7.8.9": lambda clone: _edit(
        clone / "pyproject.toml", r'(?m)^version = ".*"', 'version = "1.0.0"'
    ),
    "OWNER/torpor, a placeholder, is in pyproject.toml": lambda clone: _edit(
        clone / "pyproject.toml", "ada/torpor", "OWNER/torpor"
    ),
    "CHANGELOG.md has no heading": lambda clone: _edit(
        clone / "CHANGELOG.md", r"2027-01-31", "soon"
    ),
    "docs/ci.md uses another version": lambda clone: _edit(
        clone / "docs" / "ci.md", rf"@v{VERSION}", "@v0.0.1"
    ),
    "not committed": _dirty,
    "this is the branch topic": lambda clone: git(clone, "switch", "-qc", "topic"),
    "the tag v7.8.9 exists": lambda clone: git(clone, "tag", f"v{VERSION}"),
    "twine is not installed": lambda clone: (clone.parent / "bin" / "twine").unlink(),
}


def test_everything_that_is_missing_is_reported_together(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = _release(checkout)
    assert list(release.unready(checkout, VERSION)) == []
    for spoil in MISSING.values():
        spoil(checkout)
    monkeypatch.setenv("PATH", os.pathsep.join(["/usr/bin", "/bin"]))
    problems = list(release.unready(checkout, VERSION))
    assert len(problems) == len(MISSING)
    for output in MISSING:
        assert any(output in problem for problem in problems), (output, problems)


def test_the_remedy_for_placeholders_replaces_them(checkout: Path) -> None:
    release = _release(checkout)
    _edit(checkout / "docs" / "parts.md", "ada/torpor", "OWNER/torpor")
    _commit(checkout)
    (problem,) = release.unready(checkout, VERSION)
    assert problem.startswith("OWNER/torpor, a placeholder, is in docs/parts.md: ")
    subprocess.run(problem.split(": ", 1)[1].split(), cwd=checkout, check=True)
    _commit(checkout)
    assert list(release.unready(checkout, VERSION)) == []


@pytest.mark.parametrize("version", ["", "1", "v1.2.3", "1.2", "1.2.3; rm"])
def test_another_text_is_not_a_version(version: str) -> None:
    (problem,) = _release(ROOT).unready(ROOT, version)
    assert "is not a version" in problem
