"""A million requests of a mixed load: the board responds to all, and its free heap does not shrink.

``REQUESTS`` in the environment sets another number.
"""

from __future__ import annotations

import os

import pytest

from tests.bench.figures.memory import drift
from tests.bench.lab import Lab

pytestmark = pytest.mark.soak


def test_the_free_heap_does_not_shrink(capsys: pytest.CaptureFixture[str]) -> None:
    requests = int(os.environ.get("REQUESTS", "1_000_000"))

    def report(done: int, free: int) -> None:
        with capsys.disabled():
            print(f"{done:,} requests, {free:,} bytes free", flush=True)

    with Lab() as lab:
        assert drift(lab, 1_000, requests, report) <= 0.01
