"""Five bugs planted in the sample services: for each of them at least one of their tests fails."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .conftest import Project

ROOT = Path(__file__).parents[2]

# service, file, original text, replacement
MUTANTS = {
    "alerts: the margin is forgotten": (
        "alerts",
        "hysteresis.py",
        "celsius > high - margin",
        "celsius > high",
    ),
    "alerts: over means no longer open": (
        "alerts",
        "book.py",
        'alert["until"] is None or alert',
        'alert["until"] is None and alert',
    ),
    "sensors: a fresh probe's 85 degrees count": (
        "sensors",
        "probes.py",
        "None if celsius == _POWER_ON else celsius",
        "celsius",
    ),
    "readings: one reading too few is found": (
        "readings",
        "ring.py",
        "if self.time(middle) < time:",
        "if self.time(middle) <= time:",
    ),
    "dashboard: a failing peer takes all along": (
        "dashboard",
        "__init__.py",
        "except Fault as fault:",
        "except OSError as fault:",
    ),
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    shutil.copy(ROOT / "cluster.toml", root)
    shutil.copytree(ROOT / "services", root / "services")
    return root


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_is_found(sample: Path, name: str) -> None:
    service, file, right, wrong = MUTANTS[name]
    path = sample / "services" / service / file
    text = path.read_text()
    assert text.count(right) == 1
    path.write_text(text.replace(right, wrong))
    try:
        run = Project(sample).pytest(f"services/{service}")
    finally:
        path.write_text(text)
    assert run.counts.get("failed", 0) > 0, run.text


def test_without_them_all_pass(sample: Path) -> None:
    run = Project(sample).pytest("services")
    assert run.status == 0, run.text
