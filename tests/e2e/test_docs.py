"""The examples of the documentation: they are built and run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.running import running, write_cluster
from tests.helpers.shown import blocks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BIN = Path(sys.executable).parent


def shown(page: str) -> str:
    """Return the block of Python of a page that names this file as its test."""
    [body] = [
        block.body
        for block in blocks((DOCS / page).read_text())
        if (block.language, block.value) == ("python", "tests/e2e/test_docs.py")
    ]
    return body


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Copy the sample cluster."""
    for name in ("services", "tests/cluster"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("cluster.toml", "contracts.lock"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / command[0], *command[1:]], cwd=folder, capture_output=True, text=True, timeout=300
    )


def test_the_service_that_the_documentation_shows(tmp_path: Path) -> None:
    toml = write_cluster(tmp_path, {"door": shown("services.md")}) / "cluster.toml"
    toml.write_text(toml.read_text() + "\n[services.door.config]\nmost = 4\n")
    with running(tmp_path, types=True) as run, run.client("door") as client:
        assert client.post("/visits", json={"people": 3}).json() == {"inside": 3}
        refused = client.post("/visits", json={"people": 5})
        assert (refused.status_code, refused.json()["error"]) == (
            400,
            "people: expected 1 to 4, got 5",
        )
        assert client.get("/").text == "4 at the door"
        assert len(client.get("/visits?limit=1").json()) == 1
        assert [line.split(",")[1] for line in client.get("/visits.csv").text.split()] == ["3", "1"]


@pytest.mark.parametrize(("page", "name"), [("power.md", "door"), ("store.md", "readings")])
def test_services_that_other_pages_show_have_no_mistakes(
    page: str, name: str, tmp_path: Path
) -> None:
    write_cluster(tmp_path, {name: shown(page)})
    checked = run(tmp_path, "torpor", "check")
    assert checked.returncode == 0, checked
    assert "error:" not in checked.stderr


def test_the_test_of_a_service_that_the_documentation_shows(sample: Path) -> None:
    file = sample / "services/alerts/tests/test_shown.py"
    file.write_text(shown("testing.md"))
    tests = run(sample, "pytest", "-q", "-p", "no:cacheprovider", str(file))
    assert tests.returncode == 0, tests.stdout
    assert tests.stdout.splitlines()[-1].startswith("3 passed"), tests.stdout


def test_the_test_of_a_cluster_that_the_documentation_shows(sample: Path) -> None:
    for file in (sample / "tests/cluster").glob("test_*.py"):
        file.unlink()
    (sample / "tests/cluster/test_shown.py").write_text(shown("remote.md"))
    tests = run(sample, "pytest", "-q", "-p", "no:cacheprovider", "tests/cluster")
    assert tests.returncode == 0, tests.stdout + tests.stderr
