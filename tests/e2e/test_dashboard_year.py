"""The chart over a day, a week, a month and a year, on a board that has run for a year."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.crash.compiled import MICROPYTHON, compiled
from tests.e2e.test_dashboard import PATIENCE_MS, ROOT, errors, page, pytestmark  # noqa: F401
from tests.helpers.running import Running, running

SCREENSHOTS = os.environ.get("TORPOR_SCREENSHOTS")  # a folder that gets a picture of each


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("year")
    migrations = folder / "modules" / "services" / "readings" / "migrations"
    shutil.copytree(ROOT / "services" / "readings" / "migrations", migrations)
    data = folder / "storage" / "shed" / "flash" / "data"
    data.parent.mkdir(parents=True)
    program = ROOT / "tests" / "crash" / "device" / "year.py"
    words = [program, compiled(folder / "firmware"), folder / "modules", data]
    subprocess.run([MICROPYTHON, "-X", "heapsize=4m", *map(str, words)], check=True)
    with running(ROOT, types=False, storage=folder / "storage", fresh=False) as run:
        yield run


def test_the_chart_zooms_from_a_day_to_a_year(
    cluster: Running,
    page: Page,  # noqa: F811
    errors: list[str],  # noqa: F811
) -> None:
    page.goto(cluster.urls["dashboard"])
    expect(page.locator("#chart path.line")).not_to_have_count(0, timeout=PATIENCE_MS)
    with cluster.client("dashboard") as client:
        for label, minutes in (("Day", 1440), ("Week", 10080), ("Month", 43200), ("Year", 525600)):
            rows = client.get("/history/fridge-1", params={"minutes": minutes}).json()
            assert 80 < len(rows) <= 120, (label, len(rows))
            assert rows[-1][0] - rows[0][0] > 0.9 * minutes * 60, label
            with page.expect_response(lambda r, m=minutes: f"minutes={m}" in r.url):  # type: ignore[misc]
                page.get_by_role("button", name=label, exact=True).click()
            line = page.locator("#chart path.line").first
            expect(line).to_have_attribute("d", re.compile("^M([^L]*L){80,}"), timeout=PATIENCE_MS)
            if SCREENSHOTS:
                page.screenshot(path=f"{SCREENSHOTS}/{label.lower()}.png", full_page=True)
        warm = [row for row in rows if row[3] > 8]
        assert 1 <= len(warm) <= 4  # the days in May; the other 361 do not matter
        assert client.get("/history/fridge-1", params={"minutes": 600000}).status_code == 400
    assert errors == []
