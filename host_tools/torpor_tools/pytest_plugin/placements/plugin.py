"""The pytest plugin: ``--placements N`` runs every test that uses ``cluster`` under N placements.

A test that uses ``cluster`` talks to a cluster in the simulator (``running.Running``), which is
started again for each module. Without ``--placements`` it is placed as in ``cluster.toml``.
With it, each answer must be the same under all placements, except what a test declares to vary:
``@pytest.mark.varies("time", "uptime")`` names keys in JSON, ``varies()`` leaves bodies out.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from . import Placement
    from .running import Running

# The folder of the answers that others are compared with; the workers of xdist share it.
_REFERENCES = "TORPOR_PLACEMENTS_REFERENCES"
_SEED = "TORPOR_PLACEMENTS_SEED"  # of this run, for the workers too, where none was asked for
_PLACEMENTS = pytest.StashKey[list["Placement"]]()
_OUT = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("torpor")
    group.addoption(
        "--placements",
        type=int,
        default=0,
        metavar="N",
        help="run tests that use the fixture cluster under N placements of the services",
    )
    group.addoption(
        "--placements-seed",
        type=int,
        default=None,
        metavar="SEED",
        help="make the same random placements again",
    )
    group.addoption(
        "--strict-cluster",
        action="store_true",
        help="have calls in memory pass through the wire encoding, in tests that use cluster",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "varies(*keys): JSON keys (none: bodies) that differ from run to run by nature"
    )
    if config.getoption("placements") and config.getoption("placements_seed") is None:
        if _SEED not in os.environ:
            os.environ[_SEED] = str(random.randrange(1_000_000))
            config.add_cleanup(lambda: os.environ.__delitem__(_SEED))
        config.option.placements_seed = int(os.environ[_SEED])
    if _REFERENCES not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="torpor-placements-")
        os.environ[_REFERENCES] = folder.name
        config.add_cleanup(folder.cleanup)
        config.add_cleanup(lambda: os.environ.__delitem__(_REFERENCES))


def pytest_report_header(config: pytest.Config) -> str | None:
    count = config.getoption("placements")
    if not count:
        return None
    return f"placements: {count}, seed {config.getoption('placements_seed')}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "placed_cluster" not in metafunc.fixturenames or not metafunc.config.getoption("placements"):
        return
    placements = _drawn(metafunc.config)
    metafunc.parametrize(
        "placed_cluster", placements, ids=map(str, placements), indirect=True, scope="module"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if (placement := _placement(item)) is not None:
            item.add_marker(pytest.mark.xdist_group(f"{item.path}-{placement}"))


def _placement(item: pytest.Item) -> Placement | None:
    found: Placement | None = None
    if call := getattr(item, "callspec", None):
        found = call.params.get("placed_cluster")
    return found


def _drawn(config: pytest.Config) -> list[Placement]:
    if _PLACEMENTS not in config.stash:
        from ...project import load_cluster
        from . import draw

        count, seed = config.getoption("placements"), config.getoption("placements_seed")
        config.stash[_PLACEMENTS] = draw(load_cluster(_root(config)), count, seed)
    return config.stash[_PLACEMENTS]


def _root(config: pytest.Config) -> Path:
    for folder in (config.invocation_params.dir, *config.invocation_params.dir.parents):
        if (folder / "cluster.toml").is_file():
            return folder
    raise pytest.UsageError("no cluster.toml here or in a folder above")


@pytest.fixture(scope="module")
def placed_cluster(request: pytest.FixtureRequest) -> Iterator[Running]:
    """The cluster, started for this module under one placement."""
    from .running import Running

    config = request.config
    if _OUT not in config.stash:
        folder = tempfile.TemporaryDirectory(prefix="torpor-placements-")
        config.add_cleanup(folder.cleanup)
        config.stash[_OUT] = Path(folder.name)
    placement = getattr(request, "param", None)
    strict = config.getoption("strict_cluster")
    with Running(_root(config), placement, config.stash[_OUT], strict=strict) as running:
        yield running


@pytest.fixture
def cluster(request: pytest.FixtureRequest, placed_cluster: Running) -> Iterator[Running]:
    """The cluster in the simulator; its answers are compared between placements."""
    placed_cluster.answers.clear()
    yield placed_cluster
    placement = _placement(request.node)
    if placement is None:
        return
    answers = [_comparable(a, request.node) for a in placed_cluster.answers]
    name = request.node.nodeid.replace(str(placement), "").partition("@")[0]
    first, expected = _reference(name, str(placement), answers)
    for number, (old, new) in enumerate(zip(expected, answers, strict=False), 1):
        if old != new:
            pytest.fail(_told(number, first, old, str(placement), new), pytrace=False)
    if len(expected) != len(answers):
        from ...suggest import counted

        pytest.fail(
            f"the test made {counted(len(expected), 'request')} under {first} and {len(answers)} "
            f"under {placement}: wait with cluster.until(...) instead of asking in a loop",
            pytrace=False,
        )


def _reference(
    name: str, placement: str, answers: list[dict[str, Any]]
) -> tuple[str, list[dict[str, Any]]]:
    """The first answers of a test, and under which placement they were given; perhaps these."""
    path = Path(os.environ[_REFERENCES]) / hashlib.sha256(name.encode()).hexdigest()
    aside = path.with_suffix(f".{os.getpid()}")
    aside.write_text(json.dumps([placement, answers]), encoding="utf-8", newline="\n")
    with contextlib.suppress(FileExistsError):
        os.link(aside, path)  # as a whole, and only if nobody was faster
    aside.unlink()
    first, expected = json.loads(path.read_text(encoding="utf-8"))
    return first, expected


def _comparable(answer: dict[str, Any], node: pytest.Item) -> dict[str, Any]:
    found = dict(answer)
    for mark in node.iter_markers("varies"):
        if not mark.args:
            found["body"] = "..."
        found["body"] = _without(found["body"], set(mark.args))
    return found


def _without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, dict):
        return {k: "..." if k in keys else _without(v, keys) for k, v in value.items()}
    if isinstance(value, list):
        return [_without(item, keys) for item in value]
    return value


def _told(number: int, first: str, old: dict[str, Any], second: str, new: dict[str, Any]) -> str:
    lines = [f"answer {number} depends on where the services run"]
    for placement, answer in ((first, old), (second, new)):
        lines.append(f"  placed as {placement}: {answer['asked']}")
        lines.append(f"    {answer['status']} {answer['type']} {answer['body']!r}")
    return "\n".join(lines)
