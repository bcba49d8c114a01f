"""The second sample, ``examples/greenhouse``: its tests, its image, its page and its errors."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.e2e.test_dashboard import CHROMIUM, PATIENCE_MS
from tests.helpers.running import Running, running
from torpor_tools.contracts import load_plan
from torpor_tools.libraries.add import restore
from torpor_tools.link import build, check

SAMPLE = Path(__file__).parents[2] / "examples" / "greenhouse"


@pytest.fixture(scope="module")
def greenhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the sample from git, and add its library from this environment."""
    root = tmp_path_factory.mktemp("sample") / "greenhouse"
    shutil.copytree(SAMPLE, root, ignore=shutil.ignore_patterns("vendor", "build", ".torpor"))
    assert [package.name for package in restore(root)] == ["micropython-ssd1306-driver"]
    return root


@pytest.fixture(scope="module")
def house(greenhouse: Path) -> Iterator[Running]:
    with running(greenhouse, types=False) as run:
        yield run


def test_its_own_tests_pass(greenhouse: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--color=no", "-p", "no:cacheprovider"]
    run = subprocess.run(command, cwd=greenhouse, capture_output=True, text=True)
    assert "9 passed" in run.stdout, run.stdout + run.stderr


def test_two_services_share_one_driver(greenhouse: Path) -> None:
    assert check(greenhouse)[1] == []
    image = build(load_plan(greenhouse), "house", greenhouse / "build", types=False)
    libraries = {row.name for row in image.sizes.of("library")}
    assert libraries == {"ads1115", "bme280", "micropython-ssd1306-driver"}
    drivers = [path.relative_to(image.tree).as_posix() for path in image.tree.rglob("ads1115*")]
    assert drivers == ["ads1115.mpy"]


@pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM FOUND: the page is not tested")
def test_the_page_shows_the_values_of_the_sensors(house: Running) -> None:
    inputs = house.sim.board("house").inputs
    inputs.device("air", temperature=31.5)
    inputs.device("sensors", a0=2.0, a1=2.4)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(house.urls["panel"])
        expect(page.locator("#air")).to_contain_text("31.5", timeout=PATIENCE_MS)
        expect(page.locator("#soil")).to_have_text("50 % moist", timeout=PATIENCE_MS)
        expect(page.locator("#valve")).to_have_text("closed, tank 100 %", timeout=PATIENCE_MS)
        browser.close()


def test_an_unplugged_sensor_is_answered_503(house: Running) -> None:
    inputs = house.sim.board("house").inputs
    with house.client("climate") as client:
        assert client.get("/climate").status_code == 200
        inputs.fault("air", "nack")
        answer = client.get("/climate")
        assert answer.status_code == 503
        assert "a sensor does not answer" in answer.text
        inputs.fault("air", None)
        assert client.get("/climate").status_code == 200
