"""Traces through HTTP, memory and the wire, on boards in the simulator."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from tests.helpers.running import Running, running, write_cluster
from torpor_tools.cli import root as torpor
from torpor_tools.client.tools import Tools
from torpor_tools.contracts import load_plan
from torpor_tools.gateway import Gateway, tracing
from torpor_tools.gateway.client import Request
from torpor_tools.gateway.tracing import Tracer
from torpor_tools.link import image_files
from torpor_tools.project.mailbox import from_url

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
SLEPT_US = 19_000  # at least: sleeps last whole milliseconds
KEY = "8f" * 32
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(ThreadingHTTPServer):
    """Accepts OTLP/JSON, and refuses the first request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taker)
        self.spans: list[dict[str, Any]] = []
        self.requests = 0

    def take(self, path: str, body: dict[str, Any]) -> int:
        self.requests += 1
        if path != "/v1/traces" or self.requests == 1:
            return 503
        for resource in body["resourceSpans"]:
            labels = {
                a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]
            }
            for span in resource["scopeSpans"][0]["spans"]:
                service, host = labels["service.name"], labels["host.name"]
                self.spans.append({"service": service, "host": host, **span})
        return 200


class _Taker(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(self.server.take(self.path, body))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *ignored: object) -> None:
        pass


def times_of(span: dict[str, Any]) -> tuple[int, int]:
    """Return start and end of an exported span, in nanoseconds."""
    return int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Path:
    root = write_cluster(tmp_path_factory.mktemp("traces"), {"front": FRONT, "mid": MID})
    (root / "services" / "far").mkdir()
    (root / "services" / "far" / "__init__.py").write_text(FAR)
    far = '\n[boards.shed]\ntype = "RPI_PICO_W"\nservices = ["far"]\n[services.far]\nport = 8003\n'
    traces = f'[traces]\notlp = "http://127.0.0.1:{collector.server_address[1]}"\n'
    (root / "cluster.toml").write_text((root / "cluster.toml").read_text() + far + traces)
    (root / "secrets.toml").write_text(f'[cluster]\nkeys = ["{KEY}"]\n')
    return root


@pytest.fixture(scope="module")
def boards(project: Path) -> Iterator[Running]:
    with running(project, types=False, storage=project / "build" / "sim") as run:
        yield run


def spans(project: Path, board: str, trace: str) -> list[dict[str, Any]]:
    plan = load_plan(project)
    with Tools(project, plan.board(board)) as tools:
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
    assert SLEPT_US <= slow["us"] <= wire["us"] <= twice["us"] <= go["us"]
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
    assert times[0] >= times[1] >= times[3] >= times[4] >= times[5] >= SLEPT_US / 1000
    failed = json.loads(CliRunner().invoke(torpor, [*words, "n=13", "--json"]).stdout)["spans"]
    assert [span["status"] for span in failed] == [418, 418, 200, 418, 418, 418]
    starts = [(span["start_us"], span["start_us"] + span["us"]) for span in failed]
    assert starts[1][0] <= starts[4][0] <= starts[5][0] <= starts[5][1] <= starts[4][1]


def test_an_image_has_it_only_if_the_cluster_asks_for_it(project: Path, tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"far": FAR})
    assert not [name for name in image_files(load_plan(root), "box") if "traces" in name]
    assert [name for name in image_files(load_plan(project), "box") if "traces" in name]


@pytest.mark.anyio
async def test_the_gateway_begins_traces_and_sends_all_spans_to_a_collector(
    boards: Running,
    project: Path,
    collector: Collector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracing, "EVERY_S", 0.1)
    gateway = Gateway(
        load_plan(project),
        from_url("mqtt://localhost:1"),  # no board has a mailbox
        {},
        tmp_path / "gateway",
        bind="127.0.0.1",
        ports={},
        resolve=lambda home, _: boards.address(home.service),
    )
    async with gateway:
        url = f"http://127.0.0.1:{gateway.ports[8001]}/go/5"
        async with httpx.AsyncClient(trust_env=False) as http:
            began = time.time_ns() // 1000 * 1000
            assert (await http.get(url)).json() == 10
        async with asyncio.timeout(30):
            while not collector.spans:
                await asyncio.sleep(0.01)
    found = {(span["host"], span["name"]): span for span in collector.spans}
    first, second = found["gateway", "GET /go/5"], found["box", "GET /go/5"]
    wire, far = found["box", "far.slow"], found["shed", "far.slow"]
    assert "parentSpanId" not in first
    chain = [second, found["box", "mid.twice"], wire, far]
    assert [span["service"] for span in chain] == ["front", "mid", "far", "far"]
    assert [second["parentSpanId"], far["parentSpanId"]] == [first["spanId"], wire["spanId"]]
    assert len({span["traceId"] for span in collector.spans}) == 1
    assert len(collector.spans) == len({span["spanId"] for span in collector.spans}) == 6
    assert collector.requests >= 2  # the first was refused, and is sent again
    times = [times_of(span) for span in (first, *chain)]
    starts = [start for start, _ in times]
    lasted = [end - start for start, end in times]
    # The spans of a board are centred in the span that caused them. A board's span of a request
    # ends once it has written the response, so it may end after the gateway's.
    for outer, inner in ((0, 1), (3, 4)):
        assert abs(sum(times[outer]) - sum(times[inner])) <= 2_000, times  # twice a microsecond
    assert starts[1] <= starts[2] <= starts[3]  # of one board, by its clock
    assert lasted[1] >= lasted[2] >= lasted[3] >= lasted[4] >= 1000 * SLEPT_US
    assert starts[0] >= began


@pytest.mark.parametrize(
    ("header", "passed", "recorded"),
    [
        (f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-", True),
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-", False),
        (f"cc-{TRACE}-{SPAN}-01-more", f"00-{TRACE}-", True),
        (f"00-{TRACE}-{SPAN}-01-more", "00-", True),
        ("nonsense", "00-", True),
    ],
)
def test_headers_that_the_gateway_passes_on(header: str, passed: str, recorded: bool) -> None:
    async def none() -> list[Any]:
        return []

    headers = [(b"host", b"x"), (b"tracestate", b"a=1"), (b"traceparent", header.encode())]
    request, span = Tracer(None, none).begin(Request("GET", b"/a?b", headers, 1), "front")
    parent = (request.header(b"traceparent") or b"").decode()
    assert parent.startswith(passed)
    assert SPAN not in parent
    assert (TRACE in parent) == (len(passed) > 3) == (request.header(b"tracestate") is not None)
    assert parent.endswith("-01" if recorded else "-00")
    assert bool(span) == recorded
    if span:
        assert (span.name, span.id in parent) == ("GET /a", True)
