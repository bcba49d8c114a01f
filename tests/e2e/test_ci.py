"""The GitHub action and the GitLab job of docs/ci.md, executed step by step as a runner does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml

from torpor_tools.cli.scaffold import write_project, write_service

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
EXAMPLES = re.findall(
    r"```yaml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(encoding="utf-8"), re.DOTALL
)
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")  # GitHub's, for shell: bash
GH = """\
#!/bin/sh
printf '%s\\n' "$@" > "$GH_LOG/$(ls "$GH_LOG" | wc -l)"
[ -z "$GH_REFUSES" ] || exit 1
case "$*" in *--jq*) cat "$GH_COMMENTS" ;; esac
"""
# The programs of this run come first: ``pip install`` is replaced if a test is not about it.
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
    result = subprocess.run(
        ["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a clone with a cluster in a subfolder: one commit on main, and one that adds code."""
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "-q", "-b", "main", "remote")
    project = folder / "remote" / "my cluster"
    write_project(project, "home", "RPI_PICO_W")
    write_service(project, "hello")
    git(folder / "remote", "add", "-A")
    git(folder / "remote", "commit", "-qm", "base")
    git(folder, "clone", "-q", "remote", "clone")
    clone = folder / "clone"
    source = clone / "my cluster" / "services" / "hello" / "__init__.py"
    source.write_text(source.read_text() + "\n\nWORDS = ['good morning', 'good night']\n")
    git(clone, "commit", "-qam", "more")
    return clone


class Runner:
    """The part of a GitHub runner that composite actions use."""

    def __init__(self, clone: Path, folder: Path, event: str, **inputs: str) -> None:
        self.clone, self.folder = clone, folder
        defaults = {name: str(given["default"]) for name, given in ACTION["inputs"].items()}
        defaults |= {"python": "", "token": "secret", "directory": "my cluster"}
        self.values = {f"inputs.{k}": v for k, v in {**defaults, **inputs}.items()}
        self.values |= {
            "github.action_path": str(ROOT),
            "github.event_name": event,
            "github.repository": "me/home",
            "github.event.pull_request.base.sha": git(clone, "rev-parse", "origin/main"),
            "github.event.pull_request.number": "7",
        }
        self.path = [str(folder / "bin")]
        (folder / "bin").mkdir()
        (folder / "bin" / "gh").write_text(GH)
        (folder / "bin" / "gh").chmod(0o755)
        (folder / "gh").mkdir()
        self.comments = folder / "comments"
        self.comments.touch()
        self.output = ""

    def run(self, *names: str, without: tuple[str, ...] = (), **more: str) -> None:
        """Run the steps that apply, or only the named ones."""
        for step in ACTION["runs"]["steps"]:
            if "run" not in step or step["name"] in without or not self._applies(step):
                continue
            if not names or step["name"] in names:
                self._step(step, more)

    def _applies(self, step: Mapping[str, Any]) -> bool:
        """Evaluate ``if``, in the few forms that the action uses."""
        terms = str(step.get("if", "'' == ''")).split(" && ")
        results = []
        for term in terms:
            match = re.fullmatch(r"(\S+) (==|!=) '(\w*)'", term)
            assert match, f"the test cannot evaluate {term}"
            left = self.values[match[1]] if match[1] != "''" else ""
            results.append((left == match[3]) is (match[2] == "=="))
        return all(results)

    def _step(self, step: Mapping[str, Any], more: Mapping[str, str]) -> None:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an expression in a script can inject code: use env"
        env = {
            name: re.sub(r"\$\{\{ (\S+) \}\}", lambda m: self.values[m[1]], value)
            for name, value in step.get("env", {}).items()
        }
        env |= {name: str(self.folder / name.lower()) for name in ("GITHUB_PATH", "GITHUB_OUTPUT")}
        env |= {"GITHUB_STEP_SUMMARY": str(self.folder / "summary.md")}
        env |= {"RUNNER_TEMP": str(self.folder), "GH_LOG": str(self.folder / "gh")}
        env |= {"GH_COMMENTS": str(self.comments), "PATH": os.pathsep.join([*self.path, PATH])}
        result = subprocess.run(
            [*BASH, step["run"]],
            cwd=self.clone,
            env={**os.environ, **env, **more},
            capture_output=True,
            text=True,
            timeout=600,
        )
        self.output += result.stdout + result.stderr
        assert result.returncode == 0, (step["name"], result.stdout, result.stderr)
        added = self.folder / "github_path"
        if added.exists():
            self.path = [*added.read_text().splitlines(), str(self.folder / "bin")]

    @property
    def calls(self) -> list[list[str]]:
        """Return the arguments of each call of gh."""
        files = sorted((self.folder / "gh").iterdir(), key=lambda file: int(file.name))
        return [file.read_text().splitlines() for file in files]


def test_a_pull_request_is_checked_measured_and_tested(repository: Path, tmp_path: Path) -> None:
    runner = Runner(repository, tmp_path, "pull_request")
    runner.run()
    assert "no mistakes in 1 service" in runner.output
    assert "3 passed" in runner.output
    # It ran the programs that it had installed, not those of this test.
    assert shutil.which("torpor", path=os.pathsep.join(runner.path)) == str(
        tmp_path / "torpor" / "venv" / "bin" / "torpor"
    )
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("### torpor: sizes of home")
    assert re.search(r"Compared with the base: \+\d+ bytes in flash", summary)
    outputs = dict(line.split("=") for line in (tmp_path / "github_output").read_text().split())
    assert json.loads(Path(outputs["sizes"]).read_text())["boards"][0]["name"] == "desk"
    assert Path(outputs["summary"]).read_text() == summary
    find, write = runner.calls
    assert "repos/me/home/issues/7/comments" in find
    assert write[:4] == ["api", "--silent", "-X", "POST"]
    assert f"body=@{tmp_path}/torpor/comment.md" in write
    comment = (tmp_path / "torpor" / "comment.md").read_text()
    assert comment == "<!-- torpor sizes of my cluster -->\n" + summary
    assert git(repository, "worktree", "list").count("\n") == 0
    assert git(repository, "status", "--porcelain") == ""


@pytest.fixture
def runner(repository: Path, tmp_path: Path) -> Runner:
    """Make a runner of a pull request that uses this environment's torpor."""
    return Runner(repository, tmp_path, "pull_request")


SIZES = ("Measure the base branch", "Build", "Comment on the pull request")


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> None:
    (tmp_path / "torpor").mkdir(exist_ok=True)


def test_a_second_run_updates_the_comment(runner: Runner) -> None:
    runner.comments.write_text("4711\n")
    runner.run(*SIZES)
    assert runner.calls[1][:5] == [
        *("api", "--silent", "-X", "PATCH"),
        "repos/me/home/issues/comments/4711",
    ]


def test_a_fork_that_may_not_comment_still_passes(runner: Runner) -> None:
    runner.run(*SIZES, GH_REFUSES="1")
    assert "::notice::the comment cannot be written" in runner.output
    assert "Compared with the base" in (runner.folder / "summary.md").read_text()


def test_a_base_that_cannot_be_built_is_not_compared(runner: Runner) -> None:
    first = git(runner.clone, "rev-list", "--max-parents=0", "HEAD")
    runner.values["github.event.pull_request.base.sha"] = first[::-1]
    runner.run(*SIZES)
    assert "::notice::the base branch cannot be built" in runner.output
    assert "Compared with the base" not in (runner.folder / "summary.md").read_text()


def test_a_push_compares_nothing_and_writes_no_comment(repository: Path, tmp_path: Path) -> None:
    runner = Runner(repository, tmp_path, "push", test="false")
    runner.run(without=("Install torpor",))
    assert runner.calls == []
    assert "passed" not in runner.output
    assert "Compared with the base" not in (tmp_path / "summary.md").read_text()


def test_the_emulated_board_is_an_option(runner: Runner) -> None:
    """The test of the run itself is tests/pytest_plugin/test_emulated_target.py."""
    (step,) = (s for s in ACTION["runs"]["steps"] if "emulated" in s.get("if", ""))
    assert not runner._applies(step)
    runner.values["inputs.emulated"] = "true"
    assert runner._applies(step)
    assert step["run"].split("\n")[1] == "python -m pytest --target=emulated services"


def test_mistakes_are_marked_at_their_lines(runner: Runner, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    write_project(broken, "home", "RPI_PICO_W")
    write_service(broken, "hello")
    source = broken / "services" / "hello" / "__init__.py"
    source.write_text(source.read_text() + "\n\nimport nowhere\n")
    runner.values["inputs.directory"] = str(broken)
    with pytest.raises(AssertionError, match="Check"):
        runner.run("Check")
    assert f"::add-matcher::{ROOT}/scripts/problem_matcher.json" in runner.output
    matcher = json.loads((ROOT / "scripts" / "problem_matcher.json").read_text())
    (pattern,) = matcher["problemMatcher"][0]["pattern"]
    (match,) = filter(None, map(re.compile(pattern["regexp"]).search, runner.output.splitlines()))
    assert match[pattern["file"]] == "services/hello/__init__.py"
    assert int(match[pattern["line"]]) == len(source.read_text().splitlines())
    assert "nowhere" in match[pattern["message"]]


def test_the_documented_workflow_uses_inputs_that_the_action_has() -> None:
    workflow = yaml.safe_load(EXAMPLES[0])
    assert workflow["permissions"]["pull-requests"] == "write"
    used = workflow["jobs"]["cluster"]["steps"][1]
    assert set(used.get("with", {})) <= set(ACTION["inputs"])
    documented = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/ci.md").read_text(), re.MULTILINE)
    assert documented == list(ACTION["inputs"])


class _Notes(BaseHTTPRequestHandler):
    """GitLab's API for the notes of a merge request."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        reported: list[tuple[str, str, str]] = self.server.received  # type: ignore[attr-defined]
        reported.append((self.path, self.headers["PRIVATE-TOKEN"], parse_qs(body)["body"][0]))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def gitlab() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    server = HTTPServer(("127.0.0.1", 0), _Notes)
    server.received = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/v4", server.received  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(not shutil.which("curl"), reason="NO curl FOUND: install curl")
@pytest.mark.parametrize("merge_request", [True, False])
def test_the_gitlab_job(
    merge_request: bool,
    repository: Path,
    tmp_path: Path,
    gitlab: tuple[str, list[tuple[str, str, str]]],
) -> None:
    job = yaml.safe_load(EXAMPLES[1])["cluster"]
    clone = tmp_path / "clone"
    # GitLab's clone is the project: here a repository that holds the cluster at its top.
    shutil.copytree(repository / "my cluster", clone, ignore=shutil.ignore_patterns("build"))
    git(clone, "init", "-q", "-b", "main")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "base")
    git(clone, "clone", "-q", "--bare", ".", str(tmp_path / "remote.git"))
    git(clone, "remote", "add", "origin", str(tmp_path / "remote.git"))
    base = git(clone, "rev-parse", "HEAD")
    source = clone / "services" / "hello" / "__init__.py"
    source.write_text(source.read_text() + "\n\nMORE = ['good evening']\n")
    api, notes = gitlab
    env = {**os.environ, "PATH": PATH, "CI_API_V4_URL": api, "CI_PROJECT_ID": "12"}
    env |= {"COMMENT_TOKEN": "secret", "no_proxy": "*", **job["variables"]}
    if merge_request:
        env |= {"CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "CI_MERGE_REQUEST_IID": "3"}
    install, *lines = job["script"]
    assert install == 'pip install --quiet "$TORPOR"'
    # A runner makes one script of the lines, which ends at the first one that fails.
    result = subprocess.run(
        ["bash", "-c", "set -eo pipefail\n" + "\n".join(lines)],
        cwd=clone,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, (result.stdout, result.stderr)
    assert "3 passed" in result.stdout
    summary = (clone / "summary.md").read_text()
    assert ("Compared with the base: +" in summary) is merge_request
    assert all((clone / name).is_file() for name in job["artifacts"]["paths"])
    path = "/api/v4/projects/12/merge_requests/3/notes"
    assert notes == ([(path, "secret", summary)] if merge_request else [])
