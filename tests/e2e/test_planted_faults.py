"""Planted faults: the other services keep running, and ``torpor crashes`` shows the fault."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from tests.helpers.running import Running, running, write_cluster
from torpor_tools.cli import root as torpor
from torpor_tools.client.tools import Tools
from torpor_tools.contracts import load_plan
from torpor_tools.crashes.builds import Build, read_build
from torpor_tools.crashes.fetch import Fetched, over_network
from torpor_tools.crashes.records import Incident, Record

KEY = "8f" * 32
PASSWORD = "a password that no record may hold"

VICTIM = """
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import machine

from services.far import Far
from services.helper import Helper
from torpor import Event, Service, deadline, every, get, on, post


class Opened(Event):
    number: int


class Victim(Service):
    helper: Helper
    far: Far

    async def start(self) -> None:
        self._job = ""

    @get("/raise/<what>")
    async def fail(self, what: str) -> None:
        raise ValueError("bad: " + what)

    @get("/deeper")
    async def deeper(self) -> int:
        return self._divide(0)

    def _divide(self, by: int) -> int:
        return 1 // by

    @get("/peer")
    async def peer(self) -> str:
        return await self.helper.broken()

    @get("/return")
    async def wrong_return(self) -> Any:
        return object()

    @get("/memory")
    async def memory(self) -> None:
        self._fill()

    def _fill(self) -> None:
        held = []
        while True:
            held.append(bytearray(2000))

    @get("/recursion")
    async def recursion(self) -> int:
        return self._down(0)

    def _down(self, n: int) -> int:
        return self._down(n + 1)

    @get("/stream")
    async def stream(self) -> AsyncIterator[str]:
        yield "first"
        raise KeyError("in a stream")

    @get("/message")
    async def message(self) -> None:
        raise ValueError("one\\n  File 'forged', line 1\\ntwo \\u202e" + "x" * 3000)

    @get("/secret")
    async def secret(self, token: str) -> None:
        self.log.info("joining with %s", "PASSWORD")
        raise OSError(5)

    @get("/stop")
    async def stop_iteration(self) -> None:
        raise StopIteration

    @post("/job/<what>")
    async def set_job(self, what: str) -> None:
        self._job = what

    @every(seconds=0.05)
    async def job(self) -> None:
        what, self._job = self._job, ""
        if what == "raise":
            raise RuntimeError("in a job")
        if what == "memory":
            self._fill()
        if what == "recursion":
            self._down(0)
        if what == "peer":
            await self.far.read()
        if what == "type":
            len(5)  # type: ignore[arg-type]

    @post("/task")
    async def start_task(self) -> None:
        self.spawn(self._task)

    async def _task(self) -> None:
        if self._job != "done":
            self._job = "done"
            raise IndexError("in a task")

    @post("/orphan")
    async def start_orphan(self) -> None:
        asyncio.create_task(self._orphan())

    async def _orphan(self) -> None:
        raise AttributeError("in a separate task")

    @get("/never", deadline_ms=200)
    async def never(self) -> None:
        await asyncio.Event().wait()

    @post("/publish/<number>")
    async def publish_opened(self, number: int) -> None:
        await self.publish(Opened(number=number))

    @on(Opened)
    async def opened(self, event: Opened) -> None:
        if event.number == 1:
            raise ValueError("in a subscriber")

    @on(Opened)
    async def opened_later(self, event: Opened) -> None:
        await asyncio.sleep_ms(1)
        if event.number == 2:
            raise ValueError("in a subscriber that waits")

    @get("/far")
    async def ask_far(self) -> str:
        return await self.far.read()

    @get("/far/never")
    async def ask_far_for_ever(self) -> str:
        with deadline(300):
            return await self.far.never()

    @post("/fill")
    async def fill(self) -> None:
        with open("/full", "wb") as file:
            while True:
                file.write(bytes(4096))

    @post("/empty")
    async def empty(self) -> None:
        os.remove("/full")

    @get("/hang")
    async def hang(self) -> None:
        machine.WDT(timeout=300)
        while True:
            pass

    @get("/block")
    async def block(self) -> None:
        machine.WDT(timeout=300)
        time.sleep(60)

    @get("/exit")
    async def leave(self) -> None:
        sys.exit()
""".replace("PASSWORD", PASSWORD)
HELPER = """
from torpor import Service, get


class Helper(Service):
    async def broken(self) -> str:
        return {}["no such key"]

    @get("/")
    async def ok(self) -> str:
        return "ok"
"""
FAR = """
import asyncio

from torpor import Service


class Far(Service):
    async def read(self) -> str:
        return "far"

    async def never(self) -> str:
        await asyncio.Event().wait()
        return ""
"""
UNSTARTED = """
from torpor import Service, get


class Unstarted(Service):
    async def start(self) -> None:
        raise OSError(19)

    @get("/")
    async def read(self) -> str:
        return ""
"""
UNLOADED = """
from torpor import Service, get

TABLE = [1, 2, 3][7]


class Unloaded(Service):
    @get("/")
    async def read(self) -> str:
        return ""
"""
MIGRATION = '''
"""Never works."""


def up(db):
    raise ValueError("a migration that fails")
'''
STORED = """
from torpor import Service, get


class Stored(Service):
    @get("/")
    async def read(self) -> str:
        return ""
"""
SITE = """
import asyncio

from microdot import Microdot

from torpor import Service


class Site(Service):
    app = Microdot()


@Site.app.get("/page")
async def page(request):
    raise ValueError("in an application")


@Site.app.get("/never")
async def never(request):
    await asyncio.Event().wait()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    services = {
        "helper": HELPER,
        "victim": VICTIM,
        "unstarted": UNSTARTED,
        "unloaded": UNLOADED,
        "stored": STORED,
        "site": SITE,
    }
    root = write_cluster(tmp_path_factory.mktemp("faults"), services)
    (root / "services" / "far").mkdir()
    (root / "services" / "far" / "__init__.py").write_text(FAR)
    toml = root / "cluster.toml"
    text = toml.read_text().replace("[services.site]", "[services.site]\ndeadline_ms = 1000")
    toml.write_text(text.replace("[cluster]", "[cluster]\ndeadline_ms = 1000"))
    with toml.open("a") as file:
        file.write('\n[boards.shed]\ntype = "RPI_PICO_W"\nservices = ["far"]\n')
        file.write("\n[services.far]\nport = 8099\n")
    folder = root / "services" / "stored" / "migrations"
    folder.mkdir()
    (folder / "0001_first.py").write_text(MIGRATION)
    secrets = f'[wifi]\nssid = "net"\npassword = "{PASSWORD}"\n\n[cluster]\nkeys = ["{KEY}"]\n'
    (root / "secrets.toml").write_text(secrets)
    return root


@pytest.fixture(scope="module")
def board(project: Path) -> Iterator[Running]:
    with running(
        project, types=False, storage=project / "build" / "sim", out=project / "build"
    ) as run:
        yield run


@pytest.fixture(scope="module")
def tools(project: Path, board: Running) -> Iterator[Tools]:
    plan = load_plan(project)
    with Tools(project, plan.board("box")) as tools:
        yield tools


def fetch(tools: Tools) -> Fetched:
    try:
        return over_network(tools)
    except Exception:  # the board was reset in the meantime
        return over_network(tools)


def next_record(board: Running, tools: Tools, seen: set[int]) -> Record:
    """Wait for the record that is not among ``seen``."""
    for _ in range(100):
        for record in fetch(tools).records:
            if record.number not in seen:
                return record
        time.sleep(0.05)
    raise AssertionError("no new record:\n" + board.log_text("box"))


def build_of(project: Path, record: Record) -> Build:
    build = read_build(project, record.build)
    assert build
    return build


def source(project: Path, record: Record) -> str:
    """Return the line of a service that failed, as in its source."""
    assert record.frames, record
    frame = next(f for f in reversed(record.frames) if f.file.startswith("services/"))
    return build_of(project, record).line(frame.file, frame.line)


def answers(board: Running, service: str) -> bool:
    with board.client(service) as client:
        return client.get("/").status_code == 200


def run_torpor(project: Path, *words: str) -> Result:
    return CliRunner().invoke(torpor, ["-C", str(project), *words])


@dataclass(frozen=True)
class Plant:
    """A fault: the request that causes it, and what ``torpor crashes`` must name."""

    verb: str
    path: str
    work: str
    source: str
    kind: str = "exception"
    service: str = "victim"


PLANTS = [
    [
        Plant("GET", "/raise/a", "victim.fail", 'raise ValueError("bad: " + what)'),
        Plant("GET", "/deeper", "victim._divide", "return 1 // by"),
        Plant("GET", "/peer", "helper.broken", 'return {}["no such key"]'),
        Plant("GET", "/return", "victim.wrong_return", ""),
        Plant(
            "GET", "/memory", "victim._fill", "held.append(bytearray(2000))", kind="out of memory"
        ),
        Plant("GET", "/recursion", "victim._down", "return self._down(n + 1)"),
    ],
    [
        Plant("GET", "/stream", "victim.stream", 'raise KeyError("in a stream")'),
        Plant("GET", "/message", "victim.message", "raise ValueError("),
        Plant("GET", "/secret?token=hidden", "victim.secret", "raise OSError(5)"),
        Plant("GET", "/stop", "victim.stop_iteration", ""),
    ],
    [
        Plant("POST", "/job/raise", "victim.job", 'raise RuntimeError("in a job")'),
        Plant(
            "POST",
            "/job/memory",
            "victim._fill",
            "held.append(bytearray(2000))",
            kind="out of memory",
        ),
        Plant("POST", "/job/type", "victim.job", "len(5)  # type: ignore[arg-type]"),
        Plant("POST", "/job/recursion", "victim._down", "return self._down(n + 1)"),
        Plant("POST", "/task", "victim._task", 'raise IndexError("in a task")'),
        Plant("POST", "/orphan", "victim._orphan", "raise AttributeError("),
    ],
    [
        Plant("POST", "/publish/1", "victim.opened", 'raise ValueError("in a subscriber")'),
        Plant("POST", "/publish/2", "victim.opened_later", "raise ValueError("),
        Plant("GET", "/page", "site.page", 'raise ValueError("in an application")', service="site"),
    ],
]


def test_services_that_cannot_start_are_recorded(
    board: Running, project: Path, tools: Tools
) -> None:
    records = {record.service: record for record in fetch(tools).records}
    wanted = {
        "unstarted": ("unstarted.start", "raise OSError(19)"),
        "unloaded": ("unloaded.<module>", "TABLE = [1, 2, 3][7]"),
        "stored": ("stored.0001_first", 'raise ValueError("a migration that fails")'),
    }
    for service, (work, line) in wanted.items():
        record = records[service]
        assert record.kind == "failed start"
        assert record.work(build_of(project, record)) == work, record
        assert source(project, record) == line
    assert answers(board, "helper")


@pytest.mark.parametrize("plants", PLANTS, ids=lambda plants: plants[0].path[1:])
def test_faults_name_service_method_and_line(
    board: Running, project: Path, tools: Tools, plants: list[Plant]
) -> None:
    board.kill("box")  # a start writes eight records at most
    seen = {record.number for record in fetch(tools).records}
    for plant in plants:
        with board.client(plant.service) as client, suppress(httpx.HTTPError):
            client.request(plant.verb, plant.path)
        record = next_record(board, tools, seen)
        seen.add(record.number)
        work = record.work(build_of(project, record))
        assert (work, record.kind) == (plant.work, plant.kind), record
        if plant.source:
            assert source(project, record).startswith(plant.source)
        assert PASSWORD not in record.log
        assert "hidden" not in record.log + record.doing
        assert answers(board, "helper")


def test_a_fault_that_repeats_is_logged_once_and_counted(
    board: Running, project: Path, tools: Tools
) -> None:
    board.kill("box")
    since = len(board.log_text("box"))
    before = len(fetch(tools).records)
    with board.client("victim") as client:
        for n in range(41):
            assert client.get(f"/raise/{n}").status_code == 500
    board.wait_log("box", "32 times since")
    text = board.log_text("box")[since:]
    assert text.count("ValueError: bad") == 1
    assert text.count("times since") == 5
    fetched = fetch(tools)
    assert len(fetched.records) == before  # the same fault of the same image has a record
    key = next(r.key for r in fetched.records if "bad: a" in r.error or "bad: 0" in r.error)
    assert fetched.times[key][0] == 41


def test_a_board_that_crashes_repeatedly_enters_safe_mode(
    board: Running, project: Path, tools: Tools
) -> None:
    sim = board.sim.board("box")
    for path, work, kind in (
        ("/hang", "victim.hang", "watchdog"),
        ("/block", "victim.block", "watchdog"),
        ("/exit", "victim.leave", "kernel died"),
    ):
        start = sim.starts + 1
        with board.client("victim") as client, suppress(httpx.HTTPError):
            client.get(path)
        board.wait_ready("box", start)
        ended = [r for r in fetch(tools).records if r.kind in ("watchdog", "kernel died")]
        record = max(ended, key=lambda r: r.number)
        assert (record.work(build_of(project, record)), record.kind) == (work, kind)
        assert answers(board, "helper")
    board.wait_log("box", "SAFE MODE: the board crashed 3 times in a row")
    with board.client("victim") as client:
        answer = client.get("/raise/x")
    assert answer.status_code == 503
    assert "it crashed the board" in answer.json()["error"]

    shown = run_torpor(project, "crashes", "box")
    assert shown.exit_code == 0, shown.output
    assert "box is in SAFE MODE" in shown.output
    assert "victim does not run: it crashed the board" in shown.output
    assert "victim.hang  watchdog" in shown.output
    assert "            sys.exit()" in shown.output.replace("          sys", "            sys")

    start = sim.starts + 1
    shown = run_torpor(project, "reset", "box", "--normal")
    assert "was in safe mode and starts again" in shown.output
    board.wait_ready("box", start)
    assert not fetch(tools).safe
    with board.client("victim") as client:
        assert client.get("/raise/x").status_code == 500


def test_a_damaged_file_of_the_image_is_named(board: Running, project: Path, tools: Tools) -> None:
    file = project / "build/sim/box/flash/services/site/__init__.mpy"
    whole = file.read_bytes()
    seen = {record.number for record in fetch(tools).records}
    file.write_bytes(b"\xff" * 100)
    try:
        board.kill("box")
        records = [r for r in fetch(tools).records if r.number not in seen]
        assert ("site", "failed start") in [(r.service, r.kind) for r in records], records
        with board.client("site") as client:
            assert client.get("/page").status_code == 503
        assert answers(board, "helper")
    finally:
        file.write_bytes(whole)
        board.kill("box")


def test_a_full_flash_does_not_stop_the_board(board: Running, project: Path, tools: Tools) -> None:
    seen = {record.number for record in fetch(tools).records}
    with board.client("victim") as client:
        assert client.post("/fill").status_code == 500
        assert answers(board, "helper")
        record = next_record(board, tools, seen)
        assert record.work(build_of(project, record)) == "victim.fill"
        assert source(project, record) == "file.write(bytes(4096))"
        assert client.post("/empty").status_code == 204


def incidents(project: Path, tools: Tools) -> dict[tuple[str, str], Incident]:
    return {(each.kind, each.work): each for each in fetch(tools).incidents}


def test_an_endless_wait_is_ended_and_counted_without_a_write(
    board: Running, project: Path, tools: Tools
) -> None:
    board.kill("box")
    since = len(board.log_text("box"))
    written = records(project)
    with board.client("victim") as client:
        for n in range(7):  # more than there are connections
            assert client.get(f"/never?secret={n}").status_code == 504
    with board.client("site") as client:
        assert client.get("/never").status_code == 504
    board.wait_log("box", "site: GET /never: not done within 1000 ms")
    assert answers(board, "helper")
    text = board.log_text("box")[since:]
    assert text.count("WARN victim: GET /never: not done within 200 ms") == 1
    assert text.count("WARN victim: ... GET /never: not done within 200 ms: ") == 2  # at 2 and 4
    found = incidents(project, tools)
    assert found["deadline", "victim.never"].times == 7
    assert found["deadline", "site"].what == "GET /never: not done within 1000 ms"
    assert "secret" not in str(found)
    assert records(project) == written

    shown = run_torpor(project, "crashes", "box")
    assert "victim.never  GET /never: not done within 200 ms\n    7 times since " in shown.output
    document = json.loads(run_torpor(project, "crashes", "box", "--json").output)
    assert "victim.never" in [each["work"] for each in document["incidents"]]


def records(project: Path) -> dict[str, bytes]:
    """Return the files of crash records in the flash of the board."""
    folder = project / "build/sim/box/flash/.crashes"
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_deadline_that_is_inherited_is_counted_where_it_was_set(
    board: Running, project: Path, tools: Tools
) -> None:
    with board.client("victim") as client:
        assert client.get("/far/never").status_code == 504
    assert answers(board, "helper")
    assert ("deadline", "victim.ask_far_for_ever") not in incidents(project, tools)
    plan = load_plan(project)
    with Tools(project, plan.board("shed")) as there:
        while ("deadline", "far.never") not in (found := incidents(project, there)):
            time.sleep(0.05)  # it is cancelled a second later
    assert "called by box" in found["deadline", "far.never"].what


def test_a_dead_peer_is_reported_and_other_services_answer(
    board: Running, project: Path, tools: Tools
) -> None:
    written = records(project)
    with board.client("victim") as client:
        assert client.get("/far").text == "far"
        board.sim.kill("shed")
        assert client.get("/far").status_code in (503, 504)
        assert answers(board, "helper")
        assert client.post("/job/peer").status_code == 204
        while ("lost call", "victim.job") not in (found := incidents(project, tools)):
            time.sleep(0.05)
        revived = asyncio.run_coroutine_threadsafe(board.sim.revive("shed"), board.loop)
        revived.result(60)
        board.wait_ready("shed", 2)
        while client.get("/far").status_code != 200:  # until its connection is tried again
            time.sleep(0.05)
    for work in ("victim.ask_far", "victim.job"):
        assert found["lost call", work].what.startswith("far.read on shed: ")
    new = {name for name in records(project) if records(project)[name] != written.get(name)}
    assert len(new) == 1  # of the job, in which the Fault was not caught


def test_records_of_an_unknown_build_are_marked(
    board: Running, project: Path, tools: Tools
) -> None:
    builds = project / "build" / ".cache" / "builds"
    aside = builds.with_name("aside")
    builds.rename(aside)
    try:
        shown = run_torpor(project, "crashes", "box")
    finally:
        aside.rename(builds)
    assert "its sources are not known here" in shown.output
    document = json.loads(run_torpor(project, "crashes", "box", "--json").output)
    assert document["records"]
