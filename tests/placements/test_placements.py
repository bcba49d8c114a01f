"""``torpor test --placements``: the sample passes, and what depends on its placement does not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from tests.helpers.several import write_boards
from torpor_tools.project import load_cluster
from torpor_tools.pytest_plugin.placements import Placement, draw, placed

ROOT = Path(__file__).parents[2]
TORPOR = Path(sys.executable).with_name("torpor")

COUNTER = """
from services.visits import Visited
from torpor import Service, get, on

_seen: dict[str, int] = {}
_heard: list[str] = []


class Counter(Service):
    async def counts(self) -> dict[str, int]:
        return SHARED

    @get("/counts")
    async def count(self) -> dict[str, int]:
        return _seen

    @on(Visited)
    async def note(self, event: Visited) -> None:
        _heard.append(event.name)

    @get("/heard")
    async def heard(self) -> list[str]:
        return _heard
"""
VISITS = """
from services.counter import Counter
from torpor import Event, Service, get


class Visited(Event):
    name: str


class Visits(Service):
    counter: Counter

    @get("/visit/<name>")
    async def visit(self, name: str) -> dict[str, int]:
        counts = await self.counter.counts()
        counts[name] = 1
        await self.publish(Visited(name=name), wait=True)
        return counts
"""
SUITE = """
def test_a_visit_is_counted_once(cluster):
    assert cluster.http("visits").get("/visit/Ada").json() == {"Ada": 1}
    assert cluster.http("counter").get("/heard").json() == ["Ada"]
    assert cluster.http("counter").get("/counts").status_code == 200
"""


def torpor_test(root: Path, *options: str) -> tuple[int, str]:
    # Not the options of the run that we are part of.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "TORPOR_"))}
    command = [str(TORPOR), "-C", str(root), "test", *options]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return run.returncode, run.stdout + run.stderr


def visits(root: Path, shared: str) -> Path:
    write_cluster(root, {"counter": COUNTER.replace("SHARED", shared), "visits": VISITS})
    (root / "tests" / "cluster").mkdir(parents=True)
    (root / "tests" / "cluster" / "test_visits.py").write_text(SUITE)
    return root


@pytest.mark.parametrize("count", [8, pytest.param(20, marks=pytest.mark.soak)])
def test_the_sample_gives_the_same_answers_wherever_its_services_run(count: int) -> None:
    code, text = torpor_test(ROOT, "--placements", str(count), "--seed", "20261124", "-n", "2")
    assert code == 0, text
    assert f"placements: {count}, seed 20261124" in text
    assert f" {12 * count} passed" in text


def test_the_sample_does_so_in_strict_mode_too() -> None:
    """Forty placements of it are in tests/soak. Both workers draw those of the seed it prints."""
    code, text = torpor_test(ROOT, "--placements", "4", "--strict", "-n", "2")
    assert code == 0, text
    assert " 48 passed" in text


def test_a_variable_that_is_shared_with_a_peer_is_caught(tmp_path: Path) -> None:
    code, text = torpor_test(visits(tmp_path, "_seen"), "--placements", "2", "--seed", "1")
    assert code == 1
    assert "answer 3 depends on where the services run" in text
    assert re.search(r"placed as counter\+visits: GET counter /counts\n +200 .*'Ada': 1", text)
    assert re.search(r"placed as counter\|visits: GET counter /counts\n +200 .*\{\}", text)


def test_a_copy_for_the_peer_is_right(tmp_path: Path) -> None:
    code, text = torpor_test(visits(tmp_path, "dict(_seen)"), "--placements", "2", "--seed", "1")
    assert code == 0, text


def test_a_cluster_without_tests_shows_how_to_write_one(tmp_path: Path) -> None:
    write_cluster(tmp_path, {"counter": COUNTER.replace("SHARED", "_seen")})
    code, text = torpor_test(tmp_path, "--placements", "2")
    assert code == 1
    assert "there is no folder tests/cluster" in text
    assert "def test_it_greets(cluster):" in text


KEEPER = """
from torpor import Fault, Service, get, post, safe


class Keeper(Service):
    async def start(self) -> None:
        self._table = self.store.table("rows")
        self._seen = []

    async def add(self, n: int) -> int:
        if n in self._seen:
            raise Fault(409, "%d is there already" % n)
        self._seen.append(n)
        return await self._table.append({"n": n})

    @safe
    @get("/rows")
    async def rows(self) -> list[int]:
        found = []
        async for _, row in self._table.scan():
            found.append(row["n"])
        return found

    @post("/rows")
    async def post(self, n: int) -> int:
        return await self.add(n)
"""
FRONT = """
from services.keeper import Keeper
from torpor import Service, get, post


class Front(Service):
    keeper: Keeper

    @post("/add")
    async def add(self, n: int) -> int:
        return await self.keeper.add(n)

    @get("/all")
    async def all(self) -> list[int]:
        return await self.keeper.rows()
"""
SLEEPS = """
[boards.box.power]
policy = "deep"
wake_every = "1h"

[mailbox]
url = "mqtts://nas.local"
"""
ASKED = """
def test_rows_are_kept(cluster):
    front, keeper = cluster.http("front"), cluster.http("keeper")
    assert front.post("/add", json={"n": 1}).json() == 1
    cluster.wait_asleep("keeper")
    assert keeper.post("/rows", json={"n": 2}).json() == 2
    cluster.wait_asleep("keeper")
    assert cluster.call("keeper.add", 3) == 3
    assert front.get("/all").json() == [1, 2, 3]
    AGAIN
"""
AGAIN = """cluster.wait_asleep("keeper")
    front.post("/add", json={"n": 1})"""


def sleepers(root: Path, again: str = "") -> Path:
    write_boards(root, {"keeper": KEEPER, "front": FRONT}, {"box": ["keeper"], "barn": ["front"]})
    toml = root / "cluster.toml"
    toml.write_text(toml.read_text() + SLEEPS)
    (root / "tests" / "cluster").mkdir(parents=True)
    (root / "tests" / "cluster" / "test_rows.py").write_text(ASKED.replace("AGAIN", again))
    return root


def test_a_board_that_sleeps_gives_the_same_answers(tmp_path: Path) -> None:
    code, text = torpor_test(sleepers(tmp_path), "--placements", "2", "-n", "2")
    assert code == 0, text
    assert " 2 passed" in text


@pytest.mark.soak
def test_what_a_sleep_forgets_is_caught(tmp_path: Path) -> None:
    code, text = torpor_test(sleepers(tmp_path, AGAIN), "--placements", "2")
    assert code == 1
    assert re.search(r"placed as keeper\+front: POST front /add\n +409", text)
    assert re.search(r"placed as keeper \(sleeps\)\|front: POST front /add\n +200", text)


def test_boards_sleep_in_some_placements(tmp_path: Path) -> None:
    root = sleepers(tmp_path)
    found = {str(p) for p in draw(load_cluster(root), 9, 1)}
    assert found == {"keeper+front", "keeper (sleeps)|front", "keeper|front"}


def test_placements_begin_with_the_extremes_and_can_be_drawn_again() -> None:
    cluster = load_cluster(ROOT)
    names = tuple(service.name for service in cluster.services)
    drawn = draw(cluster, 20, 7)
    assert drawn[0] == Placement((names,))
    assert drawn[1] == Placement(tuple((name,) for name in names))
    assert len(set(drawn)) == 20
    assert draw(cluster, 20, 7) == drawn
    assert draw(cluster, 20, 8) != drawn
    for placement in drawn:
        assert sorted(name for group in placement.groups for name in group) == sorted(names)
    assert {len(placement.groups) for placement in drawn} == {1, 2, 3, 4, 5}


def test_there_are_no_more_placements_than_there_are(tmp_path: Path) -> None:
    root = visits(tmp_path, "_seen")
    assert [str(p) for p in draw(load_cluster(root), 9, 1)] == ["counter+visits", "counter|visits"]


def test_a_board_that_cannot_listen_so_often_is_not_drawn(tmp_path: Path) -> None:
    source = "from torpor import Service\n\n\nclass X(Service):\n    pass\n"
    root = write_cluster(tmp_path, {f"s{n}": source for n in range(9)})
    drawn = draw(load_cluster(root), 5, 1)
    assert all(max(map(len, placement.groups)) <= 8 for placement in drawn)


def test_a_board_keeps_the_type_of_its_first_service(tmp_path: Path) -> None:
    root = visits(tmp_path, "_seen")
    text = (root / "cluster.toml").read_text()
    text = text.replace('services = ["counter", "visits"]', 'services = ["counter"]')
    text += '\n[boards.two]\ntype = "ESP32_GENERIC"\nservices = ["visits"]\n'
    (root / "cluster.toml").write_text(text)
    cluster = load_cluster(root)
    one = placed(cluster, Placement((("counter", "visits"),)))
    assert [(b.name, b.type) for b in one.boards] == [("board1", "RPI_PICO_W")]
    two = placed(cluster, Placement((("counter",), ("visits",))))
    assert [b.type for b in two.boards] == ["RPI_PICO_W", "ESP32_GENERIC"]
    assert [b.host for b in two.boards] == ["board1.local", "board2.local"]


SHOP = """
from torpor import Service


class Shop(Service):
    async def order(self, item: str, count: int = 1, note: str | None = None) -> list[Any]:
        return [item, count, note]
"""
CALLS = """
import pytest
from torpor_tools.errors import UserError


@pytest.mark.parametrize(
    ("arguments", "named", "answer"),
    [
        (("tea",), {}, ["tea", 1, None]),
        ((), {"item": "tea"}, ["tea", 1, None]),
        (("tea", 2), {"note": "hot"}, ["tea", 2, "hot"]),
        (("tea",), {"note": "hot"}, ["tea", 1, "hot"]),
        ((), {"note": "hot", "count": 3, "item": "tea"}, ["tea", 3, "hot"]),
    ],
)
def test_arguments(cluster, arguments, named, answer):
    assert cluster.call("shop.order", *arguments, **named) == answer


@pytest.mark.parametrize(
    ("target", "arguments", "named", "problem"),
    [
        ("shop.order", ("tea",), {"cuont": 2}, "order has no argument cuont\\n    did you mean"),
        ("shop.order", ("tea",), {"price": 2}, "no argument price\\n    it is order(item"),
        ("shop.order", ("tea",), {"item": "milk"}, "item is given twice"),
        ("shop.order", (), {"count": 2}, "item is missing"),
        ("shop.order", (), {}, "item is missing"),
        ("shop.order", ("tea", 1, None, 4), {}, "order takes at most 3 arguments, not 4"),
        ("shop.odrer", (), {}, 'shop has no method odrer\\n    did you mean "order"?'),
        ("shop", (), {}, "shop has no method"),
        ("shp.order", (), {}, 'no board runs a service shp\\n    did you mean "shop"?'),
    ],
)
def test_wrong_calls_are_refused(cluster, target, arguments, named, problem):
    with pytest.raises(UserError) as caught:
        cluster.call(target, *arguments, **named)
    assert problem in str(caught.value)
"""


def test_calls_take_arguments_in_their_order_or_by_name(tmp_path: Path) -> None:
    shop = SHOP.replace("from torpor", "from typing import Any\n\nfrom torpor")
    write_cluster(tmp_path, {"shop": shop})
    (tmp_path / "tests" / "cluster").mkdir(parents=True)
    (tmp_path / "tests" / "cluster" / "test_calls.py").write_text(CALLS)
    status, output = torpor_test(tmp_path)
    assert status == 0, output
    assert "14 passed" in output, output
