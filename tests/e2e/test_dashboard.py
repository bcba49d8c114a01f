"""The dashboard in a real browser: headless Chromium against the sample cluster."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.helpers.running import Running, running

ROOT = Path(__file__).parents[2]
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ROM = "28ff641e8216c3a1"  # of fridge-1, see cluster.toml
PATIENCE_MS = 60_000
SCREENSHOT = os.environ.get("TORPOR_SCREENSHOT")  # docs/dashboard.png: retakes the README's
CHART_MS = 240_000  # so that the README's chart has something to show

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="NO CHROMIUM FOUND: the dashboard is not tested (install chromium)"
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Running]:
    with running(ROOT, types=False) as run:
        yield run


@pytest.fixture
def page(cluster: Running) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        yield page
        browser.close()


@pytest.fixture
def errors(page: Page) -> list[str]:
    """Return the errors of the page in the browser's console."""
    found: list[str] = []
    page.on("console", lambda m: found.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def test_it_loads_draws_and_follows_the_temperature(
    cluster: Running, page: Page, errors: list[str], tmp_path: Path
) -> None:
    inputs = cluster.sim.board("shed").inputs
    page.goto(cluster.urls["dashboard"])
    if SCREENSHOT:
        page.wait_for_timeout(CHART_MS)
    inputs.probe(ROM, 5.0)
    fridge = page.locator("[data-fridge=fridge-1]")
    value = fridge.locator(".value")
    expect(value).to_have_text(re.compile("^5.0"), timeout=PATIENCE_MS)
    expect(fridge.get_by_text("In range")).to_be_visible()
    expect(page.locator("#chart path.line")).not_to_have_count(0, timeout=PATIENCE_MS)
    inputs.probe(ROM, 12.5)
    expect(value).to_have_text(re.compile("^12.5"), timeout=PATIENCE_MS)
    alert = page.locator(".alert", has_text="fridge-1 too warm")
    button = alert.get_by_role("button", name="Acknowledge")
    expect(button).to_be_visible(timeout=PATIENCE_MS)
    page.screenshot(path=SCREENSHOT or tmp_path / "dashboard.png", full_page=True)
    page.get_by_label("Acknowledge as").fill("Ada")
    button.click()
    expect(alert.get_by_text("Seen by Ada")).to_be_visible(timeout=PATIENCE_MS)
    expect(button).to_have_count(0)
    assert errors == []


def test_the_chart_shows_the_fridge_and_the_time_under_the_finger(
    cluster: Running, page: Page, errors: list[str]
) -> None:
    page.goto(cluster.urls["dashboard"])
    page.locator("[data-fridge=fridge-2]").click()
    expect(page.locator("#title")).to_have_text(re.compile("^fridge-2"))
    expect(page.locator("#chart path.line")).not_to_have_count(0, timeout=PATIENCE_MS)
    page.locator("#chart svg").hover()
    expect(page.locator("#tip")).to_have_text(re.compile(r"\d\d:\d\d:\d\d +-?\d+\.\d °C"))
    assert errors == []


def test_it_is_readable_on_a_phone(cluster: Running, page: Page, errors: list[str]) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(cluster.urls["dashboard"])
    fridges = page.locator(".fridge")
    expect(fridges).to_have_count(3, timeout=PATIENCE_MS)
    for fridge in fridges.all():
        expect(fridge.locator(".value")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert errors == []
