"""The sample cluster of this repository, through the whole linker."""

from __future__ import annotations

import asyncio
from pathlib import Path

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
    assert image.sizes.compiled <= 80_000


def test_its_runtime_is_what_its_features_need(image: Image) -> None:
    runtime = {row.name for row in image.sizes.of("runtime")}
    used = {"http.listener", "http.app", "http.stream", "http.args", "schedule", "net"}
    assert runtime >= {f"torpor.{name}" for name in used}
    assert "torpor.decorators" not in runtime
    assert {"microdot.microdot", "microdot.sse"} <= {
        row.name for row in image.sizes.of("dependency")
    }


def test_the_kernel_runs_it(image: Image) -> None:
    async def answers() -> list[int]:
        async with Simulator([image], ports="os") as simulator:
            paths = {"sensors": "/probes", "readings": "/readings/fridge-1", "alerts": "/alerts"}
            return [
                (await simulator.http(name).get(path)).status_code for name, path in paths.items()
            ]

    assert asyncio.run(answers()) == [200, 200, 200]
