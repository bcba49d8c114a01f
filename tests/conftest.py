"""Fixtures and hooks for all tests."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path, PurePath
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

# A time limit on examples would fail a test because the machine is busy.
hypothesis.settings.register_profile("torpor", deadline=None)
hypothesis.settings.load_profile("torpor")

# Tests start Python hundreds of times. Without bytecode on disk each start compiles our tools.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell starts what it puts in the background with SIGINT ignored, and nohup has SIGHUP ignored.
# What a test starts would inherit that, and nothing would stop at Ctrl-C or at a hang-up.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


# Modules of few tests that take half a minute or more. By their numbers they would come last, when
# the other workers have nothing left to do.
_LONG = (
    "tests/placements/test_placements.py",
    "tests/e2e/test_tutorial.py",
    "tests/e2e/test_wheel.py",
    "tests/e2e/test_ci.py",
    "tests/e2e/test_openapi.py",
    "tests/e2e/test_readme.py",
)
assert all((Path(__file__).parents[1] / name).is_file() for name in _LONG)


class _LongestFirst(LoadScopeScheduling):  # type: ignore[misc]
    """Whole modules to each worker, as ``--dist=loadscope``, but all that boot the emulator to one.

    A computer emulates one board at a time, so in two workers they would wait for each other. They
    take longest, so they begin first: the other workers do the rest meanwhile, long modules first.
    """

    def schedule(self) -> None:
        if self.collection is None:
            collected: list[str] = next(iter(self.registered_collections.values()), [])
            scopes = set(map(self._split_scope, collected))
            for scope in ("emulated", *_LONG):
                if scope in scopes:
                    self.workqueue[scope] = {}  # filled by what follows, which keeps its place
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return "emulated" if _is_emulated(nodeid) else super()._split_scope(nodeid)


def _is_emulated(nodeid: str) -> bool:
    """Whether a test boots the emulator: the name of its module says so, which is all that is known
    where tests are handed out."""
    return PurePath(nodeid.partition("::")[0]).name.startswith("test_emulated")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    return _LongestFirst(config, log) if config.getoption("dist") == "loadscope" else None


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.get_closest_marker("emulated") and not _is_emulated(item.nodeid):
        raise pytest.UsageError(f"{item.nodeid} boots the emulator: name its file test_emulated_*")


_niced = False


def pytest_runtest_setup(item: pytest.Item) -> None:
    # The emulator needs a whole core from the first second to nearly the last, and the run is over
    # when it is: the other workers, which wait for processes most of the time, let it go first.
    global _niced
    if "PYTEST_XDIST_WORKER" in os.environ and not _niced and not _is_emulated(item.nodeid):
        _niced = True
        os.nice(5)
