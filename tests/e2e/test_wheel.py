"""The wheel that a user gets from the package index, away from this checkout."""

from __future__ import annotations

import email
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from tests.helpers.free_ports import free_base

ROOT = Path(__file__).parents[2]
Run = Callable[..., str]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy this checkout, with the files of somebody who edits it."""
    return _checkout(tmp_path_factory.mktemp("checkout") / "torpor")


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder into which a wheel of this checkout was installed."""
    folder = tmp_path_factory.mktemp("wheel")
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    # pip makes the wheel itself, with the build backend of this environment.
    install += ["--no-build-isolation", "--target", str(folder / "site"), str(checkout)]
    _python(*install, cwd=folder)
    return folder / "site"


@pytest.fixture(scope="module")
def dist(checkout: Path) -> Path:
    """Return the folder with the wheel and the sdist of this checkout, as in a release."""
    _python("-m", "hatchling", "build", "-d", "dist", cwd=checkout)
    return checkout / "dist"


@pytest.fixture(scope="module")
def core(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of an environment with the wheel and the dependencies of its core."""
    folder = tmp_path_factory.mktemp("core")
    started = time.monotonic()
    venv.create(folder, with_pip=True)
    _install(folder / "bin", _only(dist, "*.whl").as_uri())
    print(f"wheel installed in {time.monotonic() - started:.1f} s")
    return folder / "bin"


def _install(programs: Path, requirement: str) -> None:
    """Install with pip, like a user, in the versions with which this project is tested."""
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
    pip += ["--disable-pip-version-check", "-c", str(ROOT / "requirements.lock"), requirement]
    result = subprocess.run(pip, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr


def _only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


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
    """Run this Python with the wheel first on its path; return its output."""

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


def test_files_of_editors_are_not_in_the_wheel(wheel: Path) -> None:
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


def test_the_same_sources_make_the_same_bytes(
    checkout: Path, dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder, times, access rights and order on the disk do not matter, nor does the sdist."""
    other = tmp_path / "elsewhere"
    files = [path for path in checkout.rglob("*") if "dist" not in path.parts and path.is_file()]
    for path in reversed(files):
        target = other / path.relative_to(checkout)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        target.chmod(0o600)
        os.utime(target, (1_000_000_000, 1_000_000_000))
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    _python("-m", "hatchling", "build", "-d", "dist", cwd=other)
    assert _sums(other / "dist") == _sums(dist)
    # A packager builds from the sdist.
    shutil.unpack_archive(_only(dist, "*.tar.gz"), tmp_path / "unpacked")
    unpacked = _only(tmp_path / "unpacked", "*")
    _python("-m", "hatchling", "build", "-t", "wheel", "-d", "dist", cwd=unpacked)
    assert _sums(unpacked / "dist").items() <= _sums(dist).items()


def _sums(folder: Path) -> dict[str, str]:
    return {p.name: sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_an_index_accepts_the_metadata(dist: Path) -> None:
    """``twine check`` and the index validate it in this way."""
    with zipfile.ZipFile(_only(dist, "*.whl")) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        text = archive.read(name)
    metadata = Metadata.from_email(text, validate=True)
    assert metadata.description_content_type == "text/markdown"
    assert "Framework :: Pytest" in (metadata.classifiers or [])
    assert set(metadata.project_urls or {}) >= {"Homepage", "Documentation", "Source", "Issues"}
    readme = email.message_from_bytes(text).get_payload()
    assert isinstance(readme, str)
    source = (metadata.project_urls or {})["Source"]
    assert f"]({source}/raw/v{metadata.version}/docs/overview.svg)" in readme
    assert f"]({source}/blob/v{metadata.version}/docs/index.md)" in readme
    links = re.findall(r"\]\(([^)\s]+)\)", readme)
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_a_new_user_needs_only_python_and_the_wheel(core: Path, dist: Path, tmp_path: Path) -> None:
    def torpor(words: str, code: int = 0) -> str:
        result = subprocess.run(
            [core / "torpor", *shlex.split(words)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert result.returncode == code, (words, result.stdout, result.stderr)
        return result.stdout + result.stderr

    started = time.monotonic()
    torpor("init greenhouse")
    assert _first_answer(core, tmp_path / "greenhouse")["text"] == "Hello, world!"
    print(f"init to first answer in {time.monotonic() - started:.1f} s")
    assert "no mistakes in 1 service" in torpor("-C greenhouse check")
    assert "build/desk/ holds the image of desk" in torpor("-C greenhouse build")
    wheel = _only(dist, "*.whl")
    assert f"pip install '{wheel}[board]'" in torpor("-C greenhouse flash", 1)
    remedy = torpor("-C greenhouse test services", 1).splitlines()[1].strip()
    assert remedy.endswith(f"pip install '{wheel}[test]'")
    locked = {**os.environ, "PIP_CONSTRAINT": str(ROOT / "requirements.lock")}
    subprocess.run(shlex.split(remedy), env=locked, check=True, timeout=600)
    assert "3 passed" in torpor("-C greenhouse test services")


def _first_answer(programs: Path, project: Path) -> dict[str, str]:
    """Start the simulator as a user does, and run the command that it suggests."""
    command = [
        str(programs / "torpor"),
        "sim",
        "--bind",
        "127.0.0.1",
        "--port-base",
        str(free_base()),
    ]
    process = subprocess.Popen(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout
        printed = []
        for line in process.stdout:
            printed.append(line)
            if "curl " in line:
                url = line.split("curl ")[1].strip()
                direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
                with direct.open(url, timeout=30) as response:
                    answer: dict[str, str] = json.load(response)
                process.send_signal(signal.SIGINT)
                assert "stopped" in process.communicate(timeout=30)[0]
                return answer
        raise AssertionError(printed)
    finally:
        process.kill()
        process.wait()
