"""The heap that each part of an image takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from torpor_sim import Weights, weigh
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.link import build

SMALL = """
from torpor import Service, get


class Small(Service):
    @get("/")
    async def index(self) -> dict:
        return {}
"""
LARGE = """
from torpor import Service

TABLE = bytes(10_000)


class Large(Service):
    async def start(self) -> None:
        self._kept = bytearray(20_000)
"""
LOST = """
from torpor import Service


class Lost(Service):
    async def start(self) -> None:
        import asyncio

        await asyncio.sleep(1000)
"""


def _weighed(folder: Path, timeout: float = 20, **services: str) -> Weights:
    plan = load_plan(write_cluster(folder, services))
    return weigh(build(plan, "box", folder / "build", types=False), timeout)


def test_modules_objects_and_starts_are_attributed_correctly(tmp_path: Path) -> None:
    found = _weighed(tmp_path, small=SMALL, large=LARGE)
    assert 10_000 <= found.parts["services.large"] < 12_000  # the module with its table
    assert 20_000 <= found.parts["large"] < 22_000  # what start() made
    assert 0 < found.parts["services.small"] + found.parts["small"] < 3_000
    assert found.parts["torpor.http.listener"] > found.parts["torpor.heap"] > 0
    assert sum(found.parts.values()) < found.used
    assert found.free > 0


def test_a_board_that_does_not_become_ready(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="box did not become ready within 1 s") as info:
        _weighed(tmp_path, 1, lost=LOST)
    assert "qstr" not in str(info.value)


def test_a_service_that_starts_on_request_is_counted_apart(tmp_path: Path) -> None:
    write_cluster(tmp_path, {"small": SMALL, "large": LARGE}, on_request=["large"])
    found = weigh(build(load_plan(tmp_path), "box", tmp_path / "build", types=False))
    assert 10_000 <= found.on_request["services.large"] < 12_000
    assert 20_000 <= found.on_request["large"] < 22_000
    assert not [name for name in found.parts if "large" in name]
    assert sum(found.parts.values()) < found.used


def test_a_service_that_cannot_start_on_request_is_reported(tmp_path: Path) -> None:
    write_cluster(tmp_path, {"small": SMALL + "\n\nVALUE = 1 // 0\n"}, on_request=["small"])
    found = weigh(build(load_plan(tmp_path), "box", tmp_path / "build", types=False))
    assert found.failed == {"small": "ZeroDivisionError: divide by zero"}
