"""``torpor test``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from ..errors import fail
from .base import FILE, Command, Settings

_SUITE = "tests/cluster"
_NO_TESTS = 5  # pytest's exit code
_EXAMPLE = """\
def test_it_greets(cluster):
    answer = cluster.http("hello").get("/greeting")
    assert answer.json() == {"text": "Hello, world!", "greeted": 1}"""


@click.command(
    cls=Command,
    extra="test",
    help="Run the cluster's own tests in the simulator, under many placements of its services. "
    "No test may fail, and no answer may depend on which services share a board.",
    arguments=[("SUITE", f"Files or folders with tests that use `cluster` (default: {_SUITE})")],
    examples=[
        ("torpor test", "as cluster.toml places the services"),
        ("torpor test --placements 20", "all on one board, each on its own, 18 random ones"),
        ("torpor test --placements 20 --seed 7", "the same ones as the run that printed seed 7"),
        ("torpor test --placements 20 --strict", "and refuse values that a network cannot carry"),
    ],
)
@click.argument("suite", type=FILE, nargs=-1)
@click.option("--placements", type=click.IntRange(2), metavar="N", help="How many placements.")
@click.option("--seed", type=int, metavar="SEED", help="Make the same random placements again.")
@click.option("--strict", is_flag=True, help="Pass calls in memory through the wire encoding.")
@click.option("-n", "jobs", type=click.IntRange(1), metavar="JOBS", help="Placements at once.")
@click.option("-k", "expression", metavar="EXPRESSION", help="Only tests whose names match.")
@click.pass_obj
def command(
    settings: Settings,
    suite: tuple[Path, ...],
    placements: int | None,
    seed: int | None,
    strict: bool,
    jobs: int | None,
    expression: str | None,
) -> int:
    root = settings.root
    paths = [str(path) for path in suite] or [_SUITE]
    if not suite and not (root / _SUITE).is_dir():
        raise fail(
            f"there is no folder {_SUITE} with tests of the cluster",
            f"write {_SUITE}/test_greeting.py, for example:\n{_EXAMPLE}",
        )
    options = [f"--placements={placements}"] if placements else []
    options += [f"--placements-seed={seed}"] if seed is not None else []
    options += ["--strict-cluster"] if strict else []
    options += [f"-n{jobs}", "--dist=loadgroup"] if jobs else []
    options += ["-k", expression] if expression else []
    run = subprocess.run([sys.executable, "-m", "pytest", *options, *paths], cwd=root, check=False)
    if run.returncode == _NO_TESTS:
        raise fail("no tests were found", "a test is a function test_... in a file test_*.py")
    return 1 if run.returncode else 0
