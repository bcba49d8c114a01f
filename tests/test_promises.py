"""The tests that docs/promises.md names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "promises.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TEXT)


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_it_is_there(file: str, test: str) -> None:
    source = (ROOT / file).read_text()
    assert f"def {test or 'test_'}" in source


def test_every_promise_has_some() -> None:
    for section in TEXT.split("\n## ")[1:]:
        assert re.search(r"`tests/[\w/]+\.py", section), section
