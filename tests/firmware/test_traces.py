"""Traces through HTTP, memory and the wire, on boards in the simulator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.helpers.running import Running, running, write_cluster
from torpor_tools.cli import root as torpor
from torpor_tools.client.tools import Tools
from torpor_tools.contracts import load_plan
from torpor_tools.link import image_files

FRONT = """
from services.mid import Mid
from torpor import Service, get


class Front(Service):
    mid: Mid

    @get("/go/<n>")
    async def go(self, n: int) -> int:
        self.log.info("front has %d", n)
        await self.mid.twice(0)
        return await self.mid.twice(n)
"""
MID = """
from services.far import Far
from torpor import Service


class Mid(Service):
    far: Far

    async def twice(self, n: int) -> int:
        return await self.far.slow(n) + n if n else 0
"""
FAR = """
import asyncio

from torpor import Fault, Service


class Far(Service):
    async def slow(self, n: int) -> int:
        self.log.info("far has %d", n)
        await asyncio.sleep_ms(20)
        if n == 13:
            raise Fault(418, "unlucky")
        return n
"""
KEY = "8f" * 32
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_cluster(tmp_path_factory.mktemp("traces"), {"front": FRONT, "mid": MID})
    (root / "services" / "far").mkdir()
    (root / "services" / "far" / "__init__.py").write_text(FAR)
    far = '\n[boards.shed]\ntype = "RPI_PICO_W"\nservices = ["far"]\n[services.far]\nport = 8003\n'
    (root / "cluster.toml").write_text((root / "cluster.toml").read_text() + far + "[traces]\n")
    (root / "secrets.toml").write_text(f'[cluster]\nkeys = ["{KEY}"]\n')
    return root


@pytest.fixture(scope="module")
def boards(project: Path) -> Iterator[Running]:
    with running(project, types=False, storage=project / "build" / "sim") as run:
        yield run


def spans(project: Path, board: str, trace: str) -> list[dict[str, Any]]:
    plan = load_plan(project)
    with Tools(plan, project, plan.board(board)) as tools:
        names = ("trace", "id", "parent", "service", "name", "at", "us", "status")
        found = tools.ask("trace", trace=trace)["spans"]
    return [dict(zip(names, span, strict=True)) for span in found]


def test_a_request_is_followed_through_memory_and_over_the_wire(
    boards: Running, project: Path
) -> None:
    mark = boards.sim.board("shed").log.mark()
    with boards.client("front") as client:
        for n, status in ((4, 200), (13, 418)):
            header = {"Traceparent": f"00-{TRACE[:-2]}{n:02}-{SPAN}-01"}
            assert client.get(f"/go/{n}", headers=header).status_code == status
    trace = TRACE[:-2] + "04"
    zero, wire, twice, go = spans(project, "box", trace)
    [slow] = spans(project, "shed", trace)
    assert (go["name"], go["parent"], go["status"]) == ("GET /go/4", SPAN, 200)
    assert [zero["parent"], twice["parent"]] == [go["id"]] * 2
    assert [zero["name"], twice["name"]] == ["mid.twice"] * 2
    assert (wire["name"], wire["parent"]) == ("far.slow", twice["id"])
    assert (slow["name"], slow["parent"], slow["service"]) == ("far.slow", wire["id"], "far")
    assert 20_000 <= slow["us"] <= wire["us"] <= twice["us"] <= go["us"]
    assert {span["status"] for span in spans(project, "box", TRACE[:-2] + "13")} == {200, 418}
    boards.wait_log("shed", "far has 13", since=mark)
    assert f"front: [{TRACE[:8]}] front has 4" in boards.log_text("box")
    assert f"far: [{TRACE[:8]}] far has 4" in boards.log_text("shed")


@pytest.mark.parametrize(
    "header",
    [
        None,
        f"00-{TRACE}-{SPAN}-00",  # not sampled
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-0",
        f"00_{TRACE}-{SPAN}-01",
    ],
)
def test_a_request_without_a_valid_header_is_not_traced(
    boards: Running, project: Path, header: str | None
) -> None:
    before = spans(project, "box", "")
    with boards.client("front") as client:
        assert client.get("/go/1", headers={"Traceparent": header} if header else {}).json() == 2
    assert spans(project, "box", "") == before


def test_the_command_shows_a_tree(boards: Running, project: Path) -> None:
    words = ["-C", str(project), "trace", "front.go"]
    shown = CliRunner().invoke(torpor, [*words, "n=3"]).stdout
    row = r"^(.*?\S) {2,}(this computer|\w+) +([\d.]+) +([\d.]+) +200$"
    rows = re.findall(row, shown, re.MULTILINE)
    assert [row[:2] for row in rows] == [
        ("front.go", "this computer"),
        ("└─ front.go", "box"),
        ("   ├─ mid.twice", "box"),
        ("   └─ mid.twice", "box"),
        ("      └─ far.slow", "box"),
        ("         └─ far.slow", "shed"),
    ]
    times = [float(row[2]) for row in rows]
    assert times[0] >= times[1] >= times[3] >= times[4] >= times[5] >= 20
    failed = json.loads(CliRunner().invoke(torpor, [*words, "n=13", "--json"]).stdout)["spans"]
    assert [span["status"] for span in failed] == [418, 418, 200, 418, 418, 418]
    starts = [(span["start_us"], span["start_us"] + span["us"]) for span in failed]
    assert starts[1][0] <= starts[4][0] <= starts[5][0] <= starts[5][1] <= starts[4][1]


def test_an_image_has_it_only_if_the_cluster_asks_for_it(project: Path, tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"far": FAR})
    assert not [name for name in image_files(load_plan(root), "box") if "traces" in name]
    assert [name for name in image_files(load_plan(project), "box") if "traces" in name]
