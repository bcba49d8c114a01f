"""For all tests of the repository."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module", autouse=True)
def _one_emulator_at_a_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """An emulated board fills a processor: of those that workers start, one runs at a time."""
    marked = any(item.get_closest_marker("emulated") for item in _items(request))
    if not marked:
        yield
        return
    with (Path(tempfile.gettempdir()) / f"torpor-emulator-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _items(request: pytest.FixtureRequest) -> list[pytest.Item]:
    """The items of the fixture's module that are going to run."""
    return [item for item in request.session.items if item.path == request.path]
