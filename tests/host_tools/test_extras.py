"""Without an extra the rest of torpor works, and commands that need it name the extra."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.helpers.running import write_cluster
from torpor_tools import extras
from torpor_tools.extras import EXTRAS, error_for, need, remedy

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDS = {
    "board": [
        "flash",
        "deploy",
        "deploy --via ampy",
        "logs",
        "logs --port nowhere",
        "repl",
        "reset",
        "doctor --type RPI_PICO_W",
        "data export readings --port nowhere",
        "data check readings --port nowhere",
    ],
    "emulator": ["sim --emulate", "doctor --type RPI_PICO_W --emulate"],
    "gateway": ["gateway"],
    "plots": ["power shed --plot power.svg"],
    "update": ["secrets signing-key"],
    "test": ["test", "test --placements 2", "test -n 2"],
}
# In a separate process, which has not loaded the packages that shall be missing.
_RUN = """
import contextlib, io, json, sys
wanted, rounds = json.loads(sys.argv[1])
from torpor_tools.cli import run
results = []
for missing, words in rounds:
    hidden = {name: sys.modules.get(name, sys) for name in missing}
    sys.modules.update(dict.fromkeys(missing))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["-C", wanted, *words])
    for name, module in hidden.items():
        sys.modules.pop(name) if module is sys else sys.modules.update({name: module})
    results.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(results))
"""


def run_without(
    rounds: list[tuple[list[str], list[str]]], folder: Path = ROOT
) -> list[tuple[int, str, str]]:
    """Run commands, each without some packages; return exit codes, output and errors."""
    command = [sys.executable, "-c", _RUN, json.dumps([str(folder), rounds])]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr
    return [tuple(each) for each in json.loads(result.stdout.splitlines()[-1])]


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_command_names_the_extra_that_is_missing(extra: str) -> None:
    packages = EXTRAS[extra][1]
    rounds = [([name], words.split()) for name in packages for words in NEEDS[extra]]
    for (missing, words), (code, _, err) in zip(rounds, run_without(rounds), strict=True):
        case = (missing, words, code, err)
        assert code == 1, case
        assert f"the package {packages[missing[0]]}, which is not installed here" in err, case
        assert f"[{extra}]'" in err, case


def test_the_core_does_the_rest() -> None:
    """Every help page, and the commands that a beginner needs."""
    everything = [name for _, packages in EXTRAS.values() for name in packages]
    words = [w for lines in NEEDS.values() for line in lines for w in [line.split()[0], "--help"]]
    pages = [[name, "--help"] for name in words if name != "--help"]
    rounds = [
        *pages,
        ["check", "--no-types"],
        ["boards"],
        ["version"],
        ["graph"],
        ["power", "shed"],
    ]
    for line, (code, out, err) in zip(
        rounds, run_without([(everything, line) for line in rounds]), strict=True
    ):
        assert (code, bool(out)) == (0, True), (line, out, err)


def test_network_commands_do_not_need_the_extra_for_usb(tmp_path: Path) -> None:
    write_cluster(tmp_path, {})
    commands = (["crashes"], ["crashes", "box"], ["reset", "--normal"], ["top"])
    for words, (code, _, err) in zip(
        commands, run_without([(["serial"], words) for words in commands], tmp_path), strict=True
    ):
        assert (code, "torpor secrets init" in err) == (1, True), (words, err)
        assert "pyserial" not in err


@pytest.mark.parametrize(
    ("missing", "option", "extra"),
    [
        ("coverage", "--service-coverage", "test"),
        ("serial", "--target=/dev/ttyNONE", "board"),
        ("rp2040py", "--target=emulated", "emulator"),
    ],
)
def test_the_plugin_names_the_extra(missing: str, option: str, extra: str, tmp_path: Path) -> None:
    program = (
        f"import sys, pytest; sys.modules[{missing!r}] = None;"
        f" sys.exit(pytest.main([{option!r}, '-p', 'no:cacheprovider']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == pytest.ExitCode.USAGE_ERROR, result
    assert f"[{extra}]'" in result.stderr
    assert f" the package {EXTRAS[extra][1][missing]}, which is not" in result.stderr


def test_an_undeclared_import_also_names_the_extra() -> None:
    error = error_for("serial.tools")
    assert error
    assert "USB boards need the package pyserial, which is not installed here" in str(error)
    assert "[board]'" in str(error)
    assert error_for("antigravity") is None


WHEEL = {"url": "file:///home/ada/my%20wheels/torpor-0.1.0-py3-none-any.whl", "archive_info": {}}
CLONE = {"url": "file:///home/ada/torpor", "dir_info": {}}
EDITED = {"url": "file:///home/ada/torpor", "dir_info": {"editable": True}}
COMMIT = "1f0b3a4c"
REPOSITORY = {
    "url": "https://host/torpor",
    "vcs_info": {"vcs": "git", "requested_revision": "v0.1.0", "commit_id": COMMIT},
}
NEWEST = {"url": "https://host/torpor", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
DOWNLOAD = {"url": "https://host/torpor.whl", "archive_info": {}}
WAYS = [
    (None, None, "pip install 'torpor[gateway]'"),
    (None, WHEEL, "pip install '/home/ada/my wheels/torpor-0.1.0-py3-none-any.whl[gateway]'"),
    (None, CLONE, "pip install '/home/ada/torpor[gateway]'"),
    (None, EDITED, "pip install -e '/home/ada/torpor[gateway]'"),
    (None, REPOSITORY, "pip install 'torpor[gateway] @ git+https://host/torpor@v0.1.0'"),
    (None, NEWEST, "pip install 'torpor[gateway] @ git+https://host/torpor'"),
    (None, DOWNLOAD, "pip install 'torpor[gateway] @ https://host/torpor.whl'"),
    ("pipx_metadata.json", None, "pipx install --force 'torpor[gateway,plots]'"),
    ("pipx_metadata.json", CLONE, "pipx install --force '/home/ada/torpor[gateway,plots]'"),
    (
        "pipx_metadata.json",
        EDITED,
        "pipx install --force --editable '/home/ada/torpor[gateway,plots]'",
    ),
    ("uv-receipt.toml", None, "uv tool install --force 'torpor[gateway,plots]'"),
    ("uv-receipt.toml", CLONE, "uv tool install --force '/home/ada/torpor[gateway,plots]'"),
]


class _Installed:
    """An installed package, as ``importlib.metadata`` returns it."""

    def __init__(self, direct: object) -> None:
        self._direct = direct

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return json.dumps(self._direct) if self._direct else None


@pytest.mark.parametrize(("file", "direct", "command"), WAYS)
def test_the_remedy_is_for_the_way_it_was_installed(
    file: str | None,
    direct: object,
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if file:
        (tmp_path / file).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(extras, "distribution", lambda name: _Installed(direct))
    monkeypatch.setattr(shutil, "which", lambda name: Path(sys.executable).with_name(name))
    there = {*EXTRAS["plots"][1]}
    monkeypatch.setattr(extras, "find_spec", lambda name: name if name in there else None)
    expected = "the gateway needs the packages aiomqtt, httptools, which are not installed here"
    with pytest.raises(Exception, match=expected) as caught:
        need("gateway")
    assert str(caught.value).splitlines()[1].strip() == command


def test_the_remedy_names_the_python_when_another_pip_is_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool that is started by its path, without activating its environment."""
    monkeypatch.setattr(extras, "distribution", lambda name: _Installed(None))
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/pip")
    monkeypatch.setattr(sys, "executable", "/home/ada/my tools/bin/python")
    assert remedy("plots") == "'/home/ada/my tools/bin/python' -m pip install 'torpor[plots]'"


def test_on_windows_the_remedy_has_the_quotes_of_its_shells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extras, "distribution", lambda name: _Installed(None))
    monkeypatch.setattr(extras, "_IS_WINDOWS", True)
    monkeypatch.setattr(extras, "_pip", lambda: "pip")
    assert remedy("plots") == 'pip install "torpor[plots]"'


def test_the_extras_of_the_project_bring_these_packages() -> None:
    declared = PROJECT["optional-dependencies"]
    assert set(declared) == {*EXTRAS, "dev"}
    distributions = packages_distributions()
    core = {_name(line) for line in PROJECT["dependencies"]}
    for extra, (_, packages) in EXTRAS.items():
        brings = {_name(line) for line in declared[extra]}
        for package in packages:
            assert brings & {canonicalize_name(name) for name in distributions[package]}, package
        assert not brings & core
    (everything,) = (r for r in map(Requirement, declared["dev"]) if r.name == "torpor")
    assert everything.extras == set(EXTRAS)


def test_the_lock_pins_all_requirements_and_names_no_address() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pinned = [Requirement(line) for line in lines]
    assert all(str(p.specifier).startswith("==") and not p.url for p in pinned)
    versions = {canonicalize_name(p.name): str(p.specifier)[2:] for p in pinned}
    declared = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for requirement in (Requirement(line) for lines in declared for line in lines):
        if requirement.name not in ("torpor", "pip"):  # pip itself installs the lock
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])


def _name(line: str) -> str:
    return canonicalize_name(Requirement(line).name)
