"""An application gives the same responses on plain Microdot and mounted in torpor.

Both run on MicroPython. ``differences.toml`` lists every difference with its reason. The tests fail
if a difference is not listed, or if a listed one no longer exists.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import microdot
import pytest

import torpor_sim
from tests.differential.cases import Case, cases, write_static
from tests.differential.exchange import FRAMING, STANDARD_REASONS, Response, exchange
from tests.helpers.held import held_port
from tests.helpers.running import running, write_cluster

HERE = Path(__file__).parent
APPLICATION = HERE / "application"
CASES = {case.name: case for case in cases()}
LISTED = tomllib.loads((HERE / "differences.toml").read_text())
ABSENT = "(absent)"
SERVICE = """
from torpor import Service

from .site import app


class Site(Service):
    app = app
"""


@dataclass
class Pair:
    """The responses of plain Microdot and of the mounted application to one case."""

    plain: Response
    mounted: Response

    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Return each field that differs, with its value on plain Microdot and mounted."""
        plain, mounted = self.plain.fields(), self.mounted.fields()
        return {
            name: (plain.get(name, ABSENT), mounted.get(name, ABSENT))
            for name in sorted(plain | mounted)
            if plain.get(name, ABSENT) != mounted.get(name, ABSENT)
        }


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Pair]]:
    """Yield the responses to all cases, by the name of the case."""
    folder = tmp_path_factory.mktemp("differential")
    root = write_cluster(folder / "cluster", {"site": SERVICE}, "UNIX")
    service = root / "services" / "site"
    (service / "site.py").write_text((APPLICATION / "site.py").read_text())
    write_static(service / "static")
    with plain_microdot(folder / "plain") as plain, running(root, types=False) as run:
        mounted = run.address("site")
        yield {name: _compare(case, plain, mounted) for name, case in CASES.items()}


def _compare(case: Case, plain: tuple[str, int], mounted: tuple[str, int]) -> Pair:
    return Pair(
        exchange(plain, case.request, case.until), exchange(mounted, case.request, case.until)
    )


@contextmanager
def plain_microdot(folder: Path) -> Iterator[tuple[str, int]]:
    """Run the application as Microdot's documentation does, and yield its address."""
    write_static(folder / "static")
    for name in ("site.py", "plain.py"):
        (folder / name).write_text((APPLICATION / name).read_text())
    launch = Path(torpor_sim.__file__).with_name("_launch.py")
    packages = Path(microdot.__file__).parents[1]
    with held_port() as port:
        arguments = [str(launch), str(os.getpid()), "-X", "heapsize=2m", "plain.py", str(port)]
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen(
                [sys.executable, "-P", *arguments],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | {"MICROPYPATH": f".frozen:{packages}"},
            ) as process,
        ):
            try:
                assert process.stdout
                assert process.stdout.readline() == b"ready\n", (folder / "log").read_text()
                yield "127.0.0.1", port
            finally:
                process.kill()


@pytest.mark.parametrize("name", CASES)
def test_the_responses_are_the_same(pairs: dict[str, Pair], name: str) -> None:
    pair = pairs[name]
    for entry in LISTED["status"]:
        if name in entry["cases"]:
            assert (pair.plain.status, pair.mounted.status) == (entry["plain"], entry["torpor"])
            assert pair.differences()
            return
    listed = {
        entry["field"]: (entry["plain"], entry["torpor"])
        for entry in LISTED["difference"]
        if name in entry["cases"]
    }
    assert pair.differences() == listed


def test_the_list_names_cases_that_exist_and_gives_reasons() -> None:
    for entry in LISTED["status"] + LISTED["difference"]:
        assert entry["why"]
        assert not [name for name in entry["cases"] if name not in CASES]


def test_exceptions_of_the_comparison_still_differ(pairs: dict[str, Pair]) -> None:
    """``[always]`` in the list: the framing of a response, and its reason phrase."""
    assert set(LISTED["always"]) == {"version", "reason", *FRAMING}
    for name in ("version", "reason"):
        assert any(getattr(p.plain, name) != getattr(p.mounted, name) for p in pairs.values())
    for name in FRAMING:
        assert any(p.plain.headers.get(name) != p.mounted.headers.get(name) for p in pairs.values())


def test_reasons_and_lengths_of_the_application_arrive(pairs: dict[str, Pair]) -> None:
    for name, pair in pairs.items():
        if pair.plain.reason not in STANDARD_REASONS:
            assert pair.mounted.reason == pair.plain.reason, name
        lengths = [r.headers.get("content-length") for r in (pair.plain, pair.mounted)]
        if None not in lengths and not pair.differences():
            assert lengths[0] == lengths[1], name


def test_there_are_enough_cases() -> None:
    assert len(CASES) == len(cases()) >= 300
