"""The call graph: read from sources, placed on boards, drawn."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.running import write_cluster
from torpor_tools.cli import run
from torpor_tools.contracts import load_plan
from torpor_tools.model.plan import Plan
from torpor_tools.topology import compare, text
from torpor_tools.topology.calls import Calls, Point, calls
from torpor_tools.topology.mermaid import mermaid
from torpor_tools.topology.placed import Edge, Graph, Node, graph
from torpor_tools.topology.svg import svg

ROOT = Path(__file__).parents[2]
SERVICES = {
    "a": """
from microdot import Microdot

from services.b import B
from torpor import Service, get

app = Microdot()


@app.get("/")
async def page(request):
    return await request.app.service.shown()


class A(Service):
    b: B
    app = app

    async def start(self) -> None:
        await self.b.ready()

    @get("/shown")
    async def shown(self) -> dict:
        return {"all": await _guarded(self.b.newest()), "some": await self.other()}

    async def other(self) -> int:
        return await self._helper()

    async def _helper(self) -> int:
        if await self.b.ready():
            return await self._helper()
        return 1


async def _guarded(answer):
    return await answer
""",
    "b": """
from services.a import A
from torpor import Service


class B(Service):
    a: A

    async def newest(self) -> int:
        return await self.a.other()

    async def ready(self) -> bool:
        return True
""",
}


def names(points: tuple[Point, ...]) -> list[str]:
    return [str(point) for point in points]


def test_calls_are_read_from_the_sources(tmp_path: Path) -> None:
    found = calls(load_plan(write_cluster(tmp_path, SERVICES))).direct
    assert {str(point): names(peers) for point, peers in found.items()} == {
        "a.start": ["b.ready"],
        "a.shown": ["b.newest", "a.other"],
        "a.other": ["b.ready"],
        "a.app": ["a.shown"],
        "b.newest": ["a.other"],
        "b.ready": [],
    }


@pytest.mark.parametrize(
    ("handler", "called"),
    [
        ("await request.app.service.b.newest()", ["b.newest"]),
        ("service = request.app.service\n    await service.b.ready()", ["b.ready"]),
        (
            "b = request.app.service.b\n    await b.newest()\n    await b.ready()",
            ["b.newest", "b.ready"],
        ),
        ("if (b := request.app.service.b):\n        await b.ready()", ["b.ready"]),
        (
            "await gather(request.app.service.b.ready(), app.service.shown())",
            ["b.ready", "a.shown"],
        ),
        ("await request.app.service._helper()", ["b.ready"]),
        ("return partial(request.app.service.b.newest, 1)", ["b.newest"]),
        ("await helped(request.app.service)", ["b.newest"]),
        ("return request.args.b.nothing, request.b.other()", []),
        ("return request.app.service.b", []),
    ],
)
def test_calls_of_an_application(tmp_path: Path, handler: str, called: list[str]) -> None:
    """Calls directly to a peer, through a local name, and through the service's helpers."""
    page = f"@app.get('/')\nasync def page(request):\n    {handler}\n"
    more = (
        "async def helped(service):\n    await service.b.newest()\n" if "helped" in handler else ""
    )
    web = f"from microdot import Microdot\n\napp = Microdot()\n\n\n{page}\n\n{more}"
    source = SERVICES["a"].split("@app.get")[0] + "class A" + SERVICES["a"].split("class A")[1]
    write_cluster(
        tmp_path, {**SERVICES, "a": source.replace("app = Microdot()", "from .web import app")}
    )
    (tmp_path / "services" / "a" / "web.py").write_text(web)
    plan = load_plan(tmp_path)
    assert names(calls(plan).direct[Point("a", "app")]) == called
    shown = "\n".join(text.touched(graph(plan), plan))
    expected = "a: its app     a" + (" -> b" if any("b." in each for each in called) else "")
    assert expected in shown.replace(" -> b -> a", " -> b")


def test_handlers_that_a_method_defines_and_names_of_peers(tmp_path: Path) -> None:
    source = """
from microdot import Microdot

from services.b import B
from torpor import Service


class A(Service):
    b: B
    app = Microdot()

    async def start(self) -> None:
        @self.app.get("/")
        async def page(request):
            return await self.b.newest()

    async def other(self) -> int:
        b: B = self.b
        return await b.newest()
"""
    found = calls(load_plan(write_cluster(tmp_path, {**SERVICES, "a": source}))).direct
    assert names(found[Point("a", "app")]) == ["b.newest"]
    assert names(found[Point("a", "other")]) == ["b.newest"]


def test_a_tree_ends_in_a_ring(tmp_path: Path) -> None:
    found = Calls(
        {Point("a", "x"): (Point("b", "y"),), Point("b", "y"): (Point("a", "x"),)},
    )
    assert [(d, str(p)) for d, p in found.tree(Point("a", "x"))] == [
        (0, "a.x"),
        (1, "b.y"),
        (2, "a.x"),
    ]


@pytest.fixture(scope="module")
def sample() -> Plan:
    return load_plan(ROOT)


@pytest.fixture(scope="module")
def split(sample: Plan) -> Plan:
    """Return the sample with its dashboard and its alerts on separate boards."""
    board = sample.boards[0]
    homes = {"dashboard": "hall", "alerts": "barn"}
    return replace(
        sample,
        boards=tuple(
            replace(
                board,
                name=name,
                services=tuple(s for s in board.services if homes.get(s.name, "shed") == name),
            )
            for name in ("shed", "barn", "hall")
        ),
    )


def test_calls_on_one_board_stay_in_memory(sample: Plan) -> None:
    found = graph(sample)
    assert found.edges
    assert not any(edge.is_remote for edge in found.edges)
    count = compare.traffic(sample, None).total
    assert list(text.overview(found))[-1] == (
        f"{count} pairs of methods call in memory, 0 over the network"
    )


def test_between_boards_calls_use_the_network(split: Plan) -> None:
    found = graph(split, {("alerts", "readings"): 7})
    assert {(e.caller.service, e.peer.service): (e.is_remote, e.count) for e in found.edges} == {
        ("readings", "sensors"): (False, 0),
        ("alerts", "readings"): (True, 7),
        ("dashboard", "alerts"): (True, 0),
        ("dashboard", "readings"): (True, 0),
        ("dashboard", "device"): (True, 0),
    }
    lines = list(text.tree(found, Point("dashboard", "overview")))
    assert lines[:4] == [
        "dashboard.overview",
        "  alerts.ranges  over the network to barn",
        "    readings.fridges  over the network to shed",
        "      sensors.fridges  in memory",
    ]
    assert "    -> readings on shed, over the network: fridges, newest, 7 recorded" in list(
        text.overview(found)
    )
    touched = [line for line in text.touched(found, split) if "GET /overview" in line]
    assert touched[0].endswith(
        "dashboard -> alerts -> readings -> sensors -> device  (6 over the network)"
    )


def test_replicas_are_called_where_they_are(sample: Plan) -> None:
    board = sample.boards[0]
    only = {s.name: s for s in board.services}
    plan = replace(
        sample,
        boards=(
            replace(board, name="one", services=(only["readings"], only["sensors"])),
            replace(board, name="two", services=(only["readings"], only["alerts"])),
            replace(board, name="three", services=(only["dashboard"],)),
        ),
    )
    found = graph(plan)
    reached = {
        (e.caller.board, e.caller.service, e.peer.board)
        for e in found.edges
        if e.peer.service == "readings"
    }
    assert reached == {
        ("two", "alerts", "two"),
        ("three", "dashboard", "one"),
        ("three", "dashboard", "two"),
    }


def test_mermaid(split: Plan) -> None:
    lines = mermaid(graph(split)).splitlines()
    assert lines[0] == "flowchart TB"
    assert '  subgraph board_barn["barn (RPI_PICO_W)"]' in lines
    assert '  barn_alerts -.->|"fridges<br>newest"| shed_readings' in lines
    node = r'    \w+\["\w+(<br>port \d+)?"\]'
    arrow = r'  \w+ -\.?->\|"[\w<>() ]+"\| \w+'
    for line in lines[1:]:
        assert re.fullmatch(rf'  subgraph \w+\["\w+ \(\w+\)"\]|  end|{node}|{arrow}', line), line


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    boards = [f"board{i}" for i in range(draw(st.integers(1, 4)))]
    nodes = tuple(
        Node(draw(st.sampled_from(boards)), f"s{i}", None) for i in range(draw(st.integers(1, 6)))
    )
    pairs = draw(st.lists(st.tuples(st.sampled_from(nodes), st.sampled_from(nodes)), max_size=9))
    edges = tuple(Edge(a, b, ("m",)) for a, b in dict.fromkeys(pairs) if a != b)
    return Graph("c", dict.fromkeys(boards, "X"), nodes, edges, Calls({}))


# x, y, width and height.
Area = tuple[float, float, float, float]
_SVG = "{http://www.w3.org/2000/svg}"


def _labels(picture: ElementTree.Element) -> list[Area]:
    """Return the areas of the labels. A character is on average at most 7 px wide."""
    areas = []
    for label in picture.iter(f"{_SVG}text"):
        if label.get("class") == "label":
            x, y = float(label.attrib["x"]), float(label.attrib["y"])
            width = 7.0 * len(label.text or "")
            left = x - width if label.get("text-anchor") == "end" else x
            areas.append((left, y - 10, width, 12.0))
    return areas


def _apart(one: Area, other: Area) -> bool:
    return (
        one[0] + one[2] <= other[0]
        or other[0] + other[2] <= one[0]
        or one[1] + one[3] <= other[1]
        or other[1] + other[3] <= one[1]
    )


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_in_the_picture_nothing_runs_through_a_label(drawn: Graph) -> None:
    picture = ElementTree.fromstring(svg(drawn))
    labels = _labels(picture)
    assert len(labels) == len(drawn.edges)
    obstacles: list[Area] = []
    for path in picture.iter(f"{_SVG}path"):
        if "call" in path.get("class", ""):
            x1, y1, lane, y2, x2 = map(float, re.findall(r"-?[\d.]+", path.attrib["d"]))
            obstacles += [
                (min(x1, lane), y1, abs(lane - x1), 0.0),
                (lane, min(y1, y2), 0.0, abs(y2 - y1)),
            ]
            obstacles += [(min(lane, x2), y2, abs(x2 - lane), 0.0)]
    for rect in picture.iter(f"{_SVG}rect"):
        x, y, width, height = (float(rect.get(k, "0")) for k in ("x", "y", "width", "height"))
        if rect.get("class") == "service":
            obstacles.append((x, y, width, height))
        if rect.get("class") == "board":
            obstacles += [(x, y, 0.0, height), (x + width, y, 0.0, height)]
    for n, label in enumerate(labels):
        assert all(_apart(label, obstacle) for obstacle in obstacles), label
        assert all(_apart(label, other) for other in labels[n + 1 :]), label


def test_every_colour_of_the_picture_has_a_dark_variant(sample: Plan) -> None:
    picture = svg(graph(sample))
    light, dark = picture.split("@media (prefers-color-scheme: dark)")
    style = dark.split("</style>")[0]
    assert set(re.findall(r"#[0-9a-f]{6}", light)).isdisjoint(re.findall(r"#[0-9a-f]{6}", style))
    assert "#" not in dark.split("</style>")[1].replace("url(#", "")  # no colour but by class
    classes = set(re.findall(r"\.([\w-]+)[ ,]", light.split("<style>")[1]))
    assert classes == set(re.findall(r"\.([\w-]+)[ ,]", style))


def test_the_picture_in_the_docs_shows_the_sample(sample: Plan) -> None:
    drawn = svg(graph(sample))
    if os.environ.get("TORPOR_PICTURES"):
        (ROOT / "docs" / "graph.svg").write_text(drawn, encoding="utf-8", newline="\n")
    renew = "renew it: TORPOR_PICTURES=1 .venv/bin/pytest tests/host_tools/test_graph.py"
    assert (ROOT / "docs" / "graph.svg").read_text(encoding="utf-8") == drawn, renew


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_in_the_picture_no_line_crosses_a_service(drawn: Graph) -> None:
    root = ElementTree.fromstring(svg(drawn))
    space = "{http://www.w3.org/2000/svg}"
    boxes = [
        tuple(float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        for rect in root.iter(f"{space}rect")
        if rect.get("class") == "service"
    ]
    assert len(boxes) == len(drawn.nodes)
    paths = [p.attrib["d"] for p in root.iter(f"{space}path") if "call" in p.get("class", "")]
    assert len(paths) == len(drawn.edges)
    for path in paths:
        x1, y1, lane, y2, x2 = map(float, re.findall(r"-?[\d.]+", path))
        for ax, ay, bx, by in ((x1, y1, lane, y1), (lane, y1, lane, y2), (lane, y2, x2, y2)):
            for x, y, width, height in boxes:
                assert (
                    max(ax, bx) <= x
                    or min(ax, bx) >= x + width
                    or max(ay, by) <= y
                    or min(ay, by) >= y + height
                ), path


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_cluster(tmp_path, SERVICES)
    assert run(["-C", str(root), "graph", "a.shown"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "a.shown",
        "  b.newest  in memory",
        "    a.other  in memory",
        "      b.ready  in memory",
        "  a.other",
        "    b.ready  in memory",
    ]
    assert run(["-C", str(root), "graph", "--svg", "g.svg", "--mermaid", "g.mmd"]) == 0
    assert (root / "g.svg").read_text().startswith("<svg")
    assert (root / "g.mmd").read_text().startswith("flowchart")
    assert run(["-C", str(root), "graph", "a.show"]) == 1
    assert 'did you mean "a.shown"?' in capsys.readouterr().err
    (root / "bad.json").write_text("{}")
    for file, what in (
        ("bad.json", "is not a recorded run"),
        ("none.json", "there is no none.json"),
    ):
        assert run(["-C", str(root), "graph", "--record", file]) == 1
        assert what in capsys.readouterr().err
