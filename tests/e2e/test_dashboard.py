"""The dashboard in a real browser: headless Chromium against the sample cluster."""

from __future__ import annotations

import os
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


def test_it_loads_draws_and_follows_the_temperature(cluster: Running, page: Page) -> None:
    errors: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    inputs = cluster.sim.board("shed").inputs
    inputs.probe(ROM, 5.0)
    page.goto(cluster.urls["dashboard"])
    card = page.locator("article[data-fridge=fridge-1]")
    expect(card.locator(".celsius")).to_have_text("5.0 °C", timeout=PATIENCE_MS)
    expect(card.locator("svg path")).to_have_count(1, timeout=PATIENCE_MS)
    inputs.probe(ROM, 12.5)
    expect(card.locator(".celsius")).to_have_text("12.5 °C", timeout=PATIENCE_MS)
    button = page.get_by_role("button", name="Acknowledge").first
    expect(button).to_be_visible(timeout=PATIENCE_MS)
    if shot := os.environ.get("TORPOR_SCREENSHOT"):
        page.screenshot(path=shot, full_page=True)
    button.click()
    expect(
        page.locator("#alerts li", has_text="fridge-1").get_by_text("acknowledged")
    ).to_be_visible(timeout=PATIENCE_MS)
    assert errors == []


def test_it_is_readable_on_a_phone(cluster: Running, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(cluster.urls["dashboard"])
    expect(page.locator("article").first).to_be_visible(timeout=PATIENCE_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
