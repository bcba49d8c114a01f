"""``/metrics`` of boards in the simulator: valid for Prometheus, and correct."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from tests.helpers.running import Running, running, write_cluster
from torpor_tools.board.live import figures
from torpor_tools.board.live.top import Top
from torpor_tools.cli import root as torpor
from torpor_tools.client.tools import Tools
from torpor_tools.contracts import load_plan
from torpor_tools.image.tree import read_tree
from torpor_tools.link import image_files
from torpor_tools.update.manifest import build_id

WORK = """
import asyncio
import time
from collections.abc import AsyncIterator

import machine

from services.far import Far
from torpor import Fault, Service, get, post


class Work(Service):
    far: Far

    async def start(self) -> None:
        self._rows = self.store.table("rows")

    @get("/items/<name>")
    async def item(self, name: str, limit: int = 1) -> dict:
        return {"name": name, "limit": limit}

    @post("/items")
    async def add(self, text: str) -> tuple[int, int]:
        return await self._rows.append({"text": text}), 201

    @get("/slow")
    async def slow(self) -> None:
        await asyncio.sleep_ms(20)

    @get("/block")
    async def block(self) -> None:
        time.sleep_ms(300)

    @get("/hang")
    async def hang(self) -> None:
        machine.WDT(timeout=300)
        while True:
            pass

    @get("/page", content_type="text/html")
    async def page(self) -> str:
        return "<p>"

    @get("/lines")
    async def lines(self) -> AsyncIterator[str]:
        yield "a"
        yield "b"

    @get("/fail/<how>")
    async def crash(self, how: str) -> str:
        if how == "fault":
            raise Fault(409, "no")
        if how == "far":
            return await self.far.half(3)
        return await self.far.half(int(how))
"""
FAR = """
from torpor import Fault, Service


class Far(Service):
    async def half(self, n: int) -> str:
        if n % 2:
            raise Fault(418, "odd")
        return str(n // 2)
"""
KEY = "8f" * 32
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_cluster(tmp_path_factory.mktemp("metrics"), {"work": WORK})
    (root / "services" / "far").mkdir()
    (root / "services" / "far" / "__init__.py").write_text(FAR)
    far = '\n[boards.shed]\ntype = "RPI_PICO_W"\nservices = ["far"]\n[services.far]\nport = 8002\n'
    text = (root / "cluster.toml").read_text() + far + "[metrics]\nport = 9100\n"
    (root / "cluster.toml").write_text(text)
    (root / "secrets.toml").write_text(f'[cluster]\nkeys = ["{KEY}"]\n')
    return root


@pytest.fixture(scope="module")
def boards(project: Path) -> Iterator[Running]:
    with running(project, types=False, storage=project / "build" / "sim") as run:
        yield run


def scrape(boards: Running, board: str) -> Samples:
    """Return the samples as Prometheus reads them, without the label ``board``."""
    answer = httpx.get(boards.sim.board(board).place.url(9100) + "/metrics", trust_env=False)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found: Samples = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.type != "unknown", family.name
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("board") == board
            key = (sample.name, tuple(sorted(labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def by(samples: Samples, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(dict(key)[label] for label in labels): value
        for (own, key), value in samples.items()
        if own == name
    }


def test_every_kind_of_response_is_counted_once(boards: Running) -> None:
    with boards.client("work") as client:
        for path, status in (
            ("/items/a", 200),
            ("/items/b?limit=2", 200),
            ("/items/b?limit=x", 400),
            ("/slow", 204),
            ("/page", 200),
            ("/lines", 200),
            ("/fail/fault", 409),
            ("/fail/far", 418),
            ("/fail/4", 200),
            ("/fail/x", 500),
            ("/nothing", 404),
        ):
            assert client.get(path).status_code == status, path
        assert client.post("/items", json={"text": "x"}).status_code == 201
        assert client.put("/items", json={"text": "x"}).status_code == 405
        assert client.head("/items/a").status_code == 200
    samples = scrape(boards, "box")
    responses = by(samples, "torpor_http_responses_total", "service", "method", "route", "status")
    assert responses == {
        ("work", "GET", "/items/*", "2xx"): 3,
        ("work", "GET", "/items/*", "4xx"): 1,
        ("work", "GET", "/slow", "2xx"): 1,
        ("work", "GET", "/page", "2xx"): 1,
        ("work", "GET", "/lines", "2xx"): 1,
        ("work", "GET", "/fail/*", "4xx"): 2,
        ("work", "GET", "/fail/*", "2xx"): 1,
        ("work", "GET", "/fail/*", "5xx"): 1,
        ("work", "POST", "/items", "2xx"): 1,
        ("work", "*", "*", "4xx"): 2,
    }
    counts = by(samples, "torpor_http_duration_seconds_count", "method", "route")
    # A response in pieces takes as long as its client wants, so it has no duration.
    assert counts == {
        ("GET", "/items/*"): 4,
        ("GET", "/slow"): 1,
        ("GET", "/page"): 1,
        ("GET", "/lines"): 0,
        ("GET", "/fail/*"): 4,
        ("POST", "/items"): 1,
        ("*", "*"): 2,
    }
    buckets = by(samples, "torpor_http_duration_seconds_bucket", "method", "route", "le")
    assert [buckets["GET", "/items/*", le] for le in ("1", "+Inf")] == [4, 4]
    assert buckets["GET", "/slow", "0.01"] == 0
    assert by(samples, "torpor_http_duration_seconds_sum", "route")["/slow",] >= 0.02
    peers = by(samples, "torpor_peer_calls_total", "method", "outcome")
    assert peers == {
        ("far.half", "value"): 1,
        ("far.half", "fault"): 1,
        ("far.half", "error"): 0,
    }


def test_figures_of_the_board(boards: Running, project: Path) -> None:
    tree = boards.sim.board("box").image.tree
    before = scrape(boards, "box")["torpor_loop_stalls_total", ()]
    with boards.client("work") as client:
        assert client.get("/block").status_code == 204
    samples = scrape(boards, "box")
    assert samples["torpor_loop_stalls_total", ()] > before
    [(cluster, build, version)] = by(
        samples, "torpor_build_info", "cluster", "build", "micropython"
    )
    assert cluster == "test"
    assert build == build_id(read_tree(tree))
    assert version.startswith("1.")
    assert by(samples, "torpor_start", "cause") == {("power-on",): 1}
    assert by(samples, "torpor_resets_total", "cause") == {("power-on",): 1}
    assert (
        0 < samples["torpor_heap_largest_block_bytes", ()] < samples["torpor_heap_free_bytes", ()]
    )
    assert samples["torpor_gc_collections_total", ()] > 0
    assert 0 < samples["torpor_gc_longest_pause_seconds", ()] < 1
    assert samples["torpor_wifi_rssi_dbm", ()] < 0
    assert samples["torpor_connections", ()] >= 1
    assert samples["torpor_connection_slots", ()] == 5
    assert by(samples, "torpor_store_commits_total", "service")["work",] >= 1
    assert by(samples, "torpor_store_erases_total", "service")["work",] >= 1
    # The other board serves no routes: the figures of its caller count the calls.
    assert by(scrape(boards, "shed"), "torpor_http_responses_total", "route") == {}


def test_the_host_writes_the_same_text_from_a_snapshot(boards: Running, project: Path) -> None:
    plan = load_plan(project)
    with Tools(project, plan.board("box")) as tools:
        snapshot = tools.ask("status")
    assert snapshot["power"] == "on"
    url = boards.sim.board("box").place.url(9100) + "/metrics"
    texts = [figures.text(figures.families(snapshot)), httpx.get(url, trust_env=False).text]
    assert texts[0].count("\n") > 50
    # Values that change from one request to the next.
    masked = [re.sub(r"((?:heap|gc|uptime).*}) .*", r"\1", text) for text in texts]
    first, second = (sorted(text.splitlines()) for text in masked)
    assert first == second


def test_top_shows_the_boards_and_the_changes_since_its_last_look(
    boards: Running, project: Path
) -> None:
    plan = load_plan(project)
    with Top(project, plan.boards, iter([10.0, 10.0, 12.0, 12.0]).__next__) as top:
        assert {row.services[0].requests_per_s for row in top.rows()} == {None}
        with boards.client("work") as client:
            for path in ("/items/a", "/slow", "/fail/x", "/fail/fault"):
                client.get(path)
        rows = {row.name: row for row in top.rows()}
    [work] = rows["box"].services
    assert (work.requests_per_s, work.errors_per_s) == (2.0, 0.5)
    assert work.latency_ms
    assert work.latency_ms >= 5  # the mean of one request of 20 ms and three of 0 ms or more
    assert rows["shed"].services[0].requests_per_s == 0
    assert rows["shed"].services[0].latency_ms is None
    assert 0 < (rows["box"].heap_largest or 0) < (rows["box"].heap_free or 0)
    assert (rows["box"].power, rows["box"].started_by) == ("on", "power-on")


def test_top_prints_a_table_or_json(boards: Running, project: Path) -> None:
    words = ["-C", str(project), "top", "--once", "--interval", "0.1"]
    shown = CliRunner().invoke(torpor, [*words, "box"]).stdout
    assert re.search(r"^box +work +0\.0 +- +0\.0 +\d", shown, re.MULTILINE), shown
    [box, shed] = json.loads(CliRunner().invoke(torpor, [*words, "--json"]).stdout)["boards"]
    assert (box["name"], box["reached"], box["slots"]) == ("box", True, 5)
    assert [service["name"] for service in shed["services"]] == ["far"]


def test_resets_are_counted_by_cause_over_restarts(boards: Running) -> None:
    boards.kill("shed")
    box = boards.sim.board("box")
    start = box.starts + 1
    with boards.client("work") as client, suppress(httpx.HTTPError):
        client.get("/hang")
    boards.wait_ready("box", start)
    counted = {
        name: by(scrape(boards, name), "torpor_resets_total", "cause") for name in ("box", "shed")
    }
    assert counted["box"] == {("power-on",): 1, ("watchdog",): 1}
    assert counted["shed"] == {("power-on",): 2}


def test_an_image_has_it_only_if_the_cluster_asks_for_it(project: Path, tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"work": FAR.replace("Far", "Work")})
    assert not [name for name in image_files(load_plan(root), "box") if "metrics" in name]
    assert [name for name in image_files(load_plan(project), "box") if "metrics" in name]
