"""The sample under many more requests than in ``make test``, with a new seed each time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.helpers.running import running
from tests.helpers.schemathesis import ROOT, fuzz

ROUNDS = 3
EXAMPLES = 200
SLOW = {"sensors": 20}  # a measurement takes three quarters of a second

pytestmark = pytest.mark.soak


def test_the_sample_matches_its_documents(tmp_path: Path) -> None:
    with running(ROOT) as run:
        for _ in range(ROUNDS):
            for service, url in run.urls.items():
                seed = random.randrange(1 << 32)
                print(service, seed)
                fuzz(url, tmp_path, SLOW.get(service, EXAMPLES), seed)
        assert "Traceback" not in run.log_text("shed")
