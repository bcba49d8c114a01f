"""Mistakes in calls from one service to another, planted in a copy of the sample cluster."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from torpor_tools.contracts import check_types, load_plan

ROOT = Path(__file__).parents[2]
CALL = "await self.readings.newest(fridge, 1)"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "services", tmp_path / "services")
    shutil.copyfile(ROOT / "cluster.toml", tmp_path / "cluster.toml")
    return tmp_path


def test_the_sample_has_no_mistakes(copy: Path) -> None:
    assert check_types(load_plan(copy)) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("alerts", CALL, 'await self.readings.newest(fridge, "1")', "incompatible type"),
        ("alerts", CALL, "await self.readings.latest(fridge, 1)", 'no attribute "latest"'),
        ("alerts", CALL, "await self.readings.newest(fridge, 1, 2)", "Too many arguments"),
        ("readings", "return await self.sensors.fridges()", "return 3", "return value"),
    ],
)
def test_a_planted_mistake_is_refused(
    copy: Path, file: str, old: str, new: str, words: str
) -> None:
    path = copy / "services" / file / "__init__.py"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    line = text[: text.index(old)].count("\n") + 1
    problems = check_types(load_plan(copy))
    assert any(
        words in p.what and p.where is not None and p.where.line == line and p.remedy
        for p in problems
    ), problems
    assert all(p.where and p.where.file == f"services/{file}/__init__.py" for p in problems)
