"""The documentation as a site: built strictly, complete, and without a network."""

from __future__ import annotations

import ast
import contextlib
import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError, expect, sync_playwright

from scripts.docs_site import list_versions, statements
from torpor_tools.cli import GROUPS
from torpor_tools.pytest_plugin.source import BUILT_IN

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ROOT = Path(__file__).parents[1]
COMMANDS = [name for _, entries in GROUPS for entry in entries for name in entry.commands]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it as ``make docs`` does; a broken link or a page without navigation fails."""
    folder = tmp_path_factory.mktemp("site")
    result = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    (version,) = (page.parent for page in folder.glob("*/index.html"))
    return version


def test_each_command_has_a_page_with_its_options_and_examples(site: Path) -> None:
    for name in COMMANDS:
        page = (site / "reference" / "cli" / f"{name}.html").read_text()
        assert f'<h1 id="torpor-{name}">' in page
        assert "--help" in page


def _names_of_services() -> list[str]:
    """Return the names that services import from ``torpor``."""
    tree = ast.parse((ROOT / "firmware/torpor/__init__.py").read_text())
    [names] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return list(names)


def test_each_public_name_of_the_runtime_is_in_the_reference(site: Path) -> None:
    pages = "".join(page.read_text() for page in (site / "reference/services").glob("*.html"))
    for name in _names_of_services():
        assert re.search(rf"<h[12] id=\"[\w-]+\">{name}<", pages), name


@pytest.mark.parametrize("name", [*BUILT_IN, "cluster"])
def test_each_fixture_is_in_the_reference(site: Path, name: str) -> None:
    pages = "".join(page.read_text() for page in (site / "reference").glob("[st]e*/*.html"))
    assert re.search(rf"[Ff]ixtures? (<code>\w+</code> and )?<code>{name}</code>", pages)


def _public_classes() -> dict[str, str]:
    """Return the classes of what users call by name, with the file of each."""
    folders = ("firmware/torpor", "firmware/torpor_test", "sim/torpor_sim")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    files += (ROOT / "host_tools/torpor_tools/pytest_plugin/placements").glob("*.py")
    return {
        node.name: str(file.relative_to(ROOT))
        for file in files
        for node in statements(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }


# What a method returns for one purpose, which its own text states.
NOT_CALLED = {"Hold": "async with self.awake()", "PlacedService": "part of what Simulator.find has"}


def test_return_types_of_public_methods_are_in_the_reference(site: Path) -> None:
    classes = _public_classes()
    pages = [page for page in (site / "reference").rglob("*.html") if "cli" not in page.parts]
    text = {page.name: html.unescape(re.sub("<[^>]+>", "", page.read_text())) for page in pages}
    headings = set(
        re.findall(r"<h[12] id=\"[\w-]+\">(\w+)<", "".join(p.read_text() for p in pages))
    )
    missing = {
        f"{name} of {page}: {classes[name]}"
        for page, shown in text.items()
        for returned in re.findall(r"\) -> ([^\n]+)", shown)
        for name in re.findall(r"[A-Z]\w+", returned)
        if name in classes and name not in headings and name not in NOT_CALLED
    }
    assert missing == set()
    assert {"Scan", "Info", "Running", "LogLine"} <= headings


def test_a_docstring_with_sections_becomes_lists(site: Path) -> None:
    page = (site / "reference/services/Decorators.html").read_text()
    assert "<strong>Arguments</strong>" in page
    assert "<li><code>first</code>: False omits the run at the start" in page
    assert "``" not in re.sub(r"<(script|pre)\b.*?</\1>", "", page, flags=re.DOTALL)


LOADED = re.compile(r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=\"?([^\"\s>]+)")


def test_nothing_is_loaded_from_the_network(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = LOADED.findall(page.read_text())
        assert loaded
        assert [url for url in loaded if url.startswith(("http:", "https:", "//"))] == [], page


@pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM FOUND: the site's search is not tested")
def test_the_search_works_when_the_site_is_opened_from_a_folder(site: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto((site / "reference/cli/build.html").as_uri())
        result = page.locator("a.md-search-result__link", has_text="everal boards").first
        for _ in range(60):  # what is typed before the page's script runs is lost
            page.locator("input[name=query]").click(force=True)
            page.locator("input[name=query]").fill("")
            page.locator("input[name=query]").press_sequentially("circuit breaker")
            with contextlib.suppress(TimeoutError):
                result.wait_for(state="attached", timeout=2_000)
                break
        expect(result).to_be_attached()
        browser.close()
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM FOUND: the choice of versions")
def test_another_version_is_chosen_in_the_header(site: Path, tmp_path: Path) -> None:
    """From a folder; the reader stays on the page if the other version has it."""
    for version in ("0.9.0", "0.10.0"):
        shutil.copytree(site, tmp_path / version)
    (tmp_path / "0.9.0" / "concepts.html").unlink()
    list_versions(tmp_path)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto((tmp_path / "index.html").as_uri())
        page.wait_for_url("**/0.10.0/index.html")
        for start, found in (
            ("reference/cli/build.html", "reference/cli/build.html"),
            ("concepts.html", "index.html"),
        ):
            page.goto((tmp_path / "0.10.0" / start).as_uri())
            choice = page.get_by_label("Version")
            expect(choice).to_have_value("0.10.0")
            assert choice.locator("option").all_inner_texts() == ["0.10.0", "0.9.0"]
            choice.select_option("0.9.0")
            page.wait_for_url(f"**/0.9.0/{found}")
        browser.close()


def test_a_single_version_is_listed_with_its_pages(site: Path) -> None:
    text = (site.parent / "versions.js").read_text()
    versions = json.loads(text.removeprefix("window.torporVersions = ").rstrip(";\n"))
    assert list(versions) == [site.name]
    assert {"index.html", "reference/cli/build.html"} <= set(versions[site.name])


def test_versions_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for version in ("0.2.0", "0.10.0", "1.0.0rc1", "1.0.0", "assets"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "index.html").touch()
    list_versions(tmp_path)
    listed = re.findall(r'"([^"]+)": \[', (tmp_path / "versions.js").read_text())
    assert listed == ["1.0.0", "1.0.0rc1", "0.10.0", "0.2.0"]
    assert "url=1.0.0/index.html" in (tmp_path / "index.html").read_text()


def test_no_two_pages_differ_in_case_only(site: Path) -> None:
    names = [str(page.relative_to(site)).lower() for page in site.rglob("*.html")]
    assert len(names) == len(set(names))
