"""The sample cluster of this repository, through the whole linker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from torpor_sim import Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.link import build
from torpor_tools.model.image import Image

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build(load_plan(ROOT), "shed", tmp_path_factory.mktemp("build"), types=False)


def test_every_service_is_in_it_and_no_tests(image: Image) -> None:
    services = {row.name for row in image.sizes.of("service")}
    assert services == {"sensors", "readings", "alerts", "device", "dashboard"}
    paths = [path.relative_to(image.tree).parts for path in image.tree.rglob("*")]
    assert not any("tests" in path for path in paths)


def test_it_fits_the_goal(image: Image) -> None:
    assert image.sizes.compiled <= 100_000


def test_its_runtime_has_only_the_needed_features(image: Image) -> None:
    runtime = {row.name for row in image.sizes.of("runtime")}
    used = {
        "http.listener",
        "http.microdot_adapter",
        "http.response",
        "http.args",
        "schedule",
        "wifi",
    }
    assert runtime >= {f"torpor.{name}" for name in used}
    assert "torpor.contract" not in runtime
    assert {"microdot.microdot", "microdot.sse"} <= {
        row.name for row in image.sizes.of("dependency")
    }


def test_modules_that_only_the_dashboard_needs_are_removed_with_it(image: Image) -> None:
    bound: dict[str, Any] = {}
    text = (image.folder / "cluster.py").read_text()
    exec(text[text.index("ON_REQUEST") :], bound)
    assert {name: set(modules.split()) for name, modules in bound["ON_REQUEST"].items()} == {
        "dashboard": {
            "wiring_dashboard",
            "services.dashboard",
            "services.dashboard.web",
            "torpor.http.microdot_adapter",
            "microdot",
            "microdot.microdot",
            "microdot.helpers",
            "microdot.sse",
        }
    }
    assert "services.dashboard" not in text.partition("ON_REQUEST")[0]


def test_the_kernel_runs_it(image: Image) -> None:
    async def answers() -> list[int]:
        async with Simulator([image], ports="os") as simulator:
            paths = {
                "sensors": "/probes",
                "readings": "/readings/fridge-1",
                "alerts": "/alerts",
                "dashboard": "/overview",
            }
            return [
                (await simulator.http(name).get(path)).status_code for name, path in paths.items()
            ]

    assert asyncio.run(answers()) == [200] * 4
