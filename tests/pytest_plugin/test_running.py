"""The plugin keeps to what any test does in pytest: selection, order, workers, output, marks."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from .conftest import Project

HELLO = """
from torpor import Service, get


class Hello(Service):
    async def start(self) -> None:
        self.count = 0

    @get("/hello")
    async def greet(self, name: str = "you") -> dict:
        self.count += 1
        return {"hello": name, "count": self.count}
"""

TESTS = """\
import pytest

CASES = [("a", 1), ("b", 2)]


@pytest.mark.parametrize(("letter", "number"), CASES, ids=["first", "second"])
@pytest.mark.parametrize("flag", [True, None])
def test_parameters(letter, number, flag):
    assert (letter, number) in [("a", 1), ("b", 2)]
    assert flag is not False


@pytest.mark.skip(reason="on the host")
def test_skipped():
    assert False


def test_skips_itself():
    pytest.skip("on the device")


@pytest.mark.xfail(reason="known", strict=True)
def test_known():
    assert 1 == 2


class TestGroup:
    @pytest.mark.parametrize("n", [b"\\\\x00", 1.5, {"k": [1, (2,)]}])
    async def test_values(self, start, n):
        assert n == n
        assert (await (await start()).greet())["count"] == 1


def test_fails():
    print("\\x1e" + '{"outcome": "passed"}')  # looks like an answer to the host, without its token
    print("\\x1e" + '{"event": "radio"}')
    assert [1] == [2]


def test_last(start):
    pass
"""

FIXTURES = """\
import asyncio

import pytest

from .helpers import two

log = []


@pytest.fixture
def one():
    log.append("one")
    yield 1
    log.append("one is over")


@pytest.fixture(name="three")
async def make_three(one, two):
    await asyncio.sleep_ms(1)
    log.append("three")
    yield one + two
    await asyncio.sleep_ms(1)
    log.append("three is over")


@pytest.fixture(autouse=True)
def always():
    log.append("always")


async def test_values(three, one):
    assert (one, three) == (1, 3)
    assert log == ["always", "one", "three"]


def test_undone_newest_first():
    assert log == ["always", "one", "three", "three is over", "one is over", "always"]
"""

HELPERS = """\
import pytest


@pytest.fixture
def two():
    return 2
"""


@pytest.fixture
def hello(project: Project) -> Project:
    return project.write({"hello": HELLO}, {"hello/tests/test_hello.py": TESTS})


def test_outcomes(hello: Project) -> None:
    run = hello.pytest("-rs")
    assert run.counts == {"failed": 1, "passed": 8, "skipped": 2, "xfailed": 1}
    assert "test_hello.py:18: on the device" in run.text
    assert "on the host" in run.text
    printed = run.report("test_fails").partition("Captured stdout")[2]
    assert '\\x1e{"outcome": "passed"}' in printed  # the test still fails
    assert "radio" not in printed  # the trace of a shim


def test_names_of_parameters(hello: Project) -> None:
    text = hello.pytest("--collect-only", "-q").text
    assert "services/hello/tests/test_hello.py::test_parameters[None-second]" in text
    assert "services/hello/tests/test_hello.py::TestGroup::test_values[1.5]" in text


def test_selection(hello: Project) -> None:
    assert hello.pytest("-k", "parameters and first").counts == {"passed": 2, "deselected": 10}


def test_x_stops_at_the_first_failure(hello: Project) -> None:
    run = hello.pytest("-x", "-k", "fails or last")
    assert (run.counts["failed"], "passed" in run.counts) == (1, False)


def test_lf_runs_failed_tests(hello: Project) -> None:
    hello.pytest()
    run = hello.pytest("--lf")
    assert run.counts["failed"] == 1
    assert "passed" not in run.counts


def test_workers(hello: Project) -> None:
    counts = hello.pytest("-n", "2").counts
    assert counts == {"failed": 1, "passed": 8, "skipped": 2, "xfailed": 1}


def test_junit(hello: Project) -> None:
    hello.pytest("--junitxml=report.xml", "-o", "junit_logging=all")
    cases = ElementTree.parse(hello.root / "report.xml").getroot().findall(".//testcase")
    assert len(cases) == 12
    (failure,) = [case.find("failure") for case in cases if case.find("failure") is not None]
    assert failure is not None
    assert "assert [1] == [2]" in failure.attrib["message"]
    assert "test_hello.py" in (failure.text or "")


def test_fixtures(project: Project) -> None:
    tests = {"hello/tests/test_fixtures.py": FIXTURES, "hello/tests/helpers.py": HELPERS}
    run = project.write({"hello": HELLO}, tests).pytest()
    assert run.counts == {"passed": 2}, run.text


def test_host_tests_next_to_device_tests(project: Project) -> None:
    text = "import sys\n\ndef test_here():\n    assert sys.implementation.name == 'cpython'\n"
    on_device = (
        "import sys\n\ndef test_there():\n    assert sys.implementation.name == 'micropython'\n"
    )
    tests = {"hello/tests/host/test_host.py": text, "hello/tests/test_device.py": on_device}
    assert project.write({"hello": HELLO}, tests).pytest().counts == {"passed": 2}


def test_a_parameter_that_is_not_a_plain_value_is_reported(project: Project) -> None:
    text = "import pytest\n\n@pytest.mark.parametrize('x', [object])\ndef test_x(x):\n    pass\n"
    run = project.write({"hello": HELLO}, {"hello/tests/test_x.py": text}).pytest()
    assert "the parameter x is <class 'object'>, which cannot be sent to the device" in run.text


def test_service_coverage_is_a_file_of_coverage_py(project: Project) -> None:
    from coverage import Coverage

    text = "async def test_it(start, client):\n    await start()\n"
    text += "    assert (await client.get('/hello')).status_code == 200\n"
    source = HELLO + (
        "\n    async def part(self, n: int) -> str:\n"
        "        if n > 3:\n"
        "            return 'many'\n"
        "        try:\n"
        "            n = n + 1\n"
        "        except ValueError:\n"
        "            n = 0\n"
        "        for i in range(n):\n"
        "            self.count += i\n"
        "        return (\n"
        "            'few'\n"
        "        )\n"
    )
    text += "\n\nasync def test_part(start):\n    assert await (await start()).part(1) == 'few'\n"
    run = project.write({"hello": source}, {"hello/tests/test_it.py": text}).pytest(
        "--service-coverage"
    )
    assert run.counts == {"passed": 2}, run.text
    file = project.root / "services" / "hello" / "__init__.py"
    report = Coverage(data_file=str(project.root / ".coverage"))
    report.load()
    _, statements, _, missing, _ = report.analysis2(str(file))
    lines = file.read_text().splitlines()
    assert len(statements) == 18
    assert [lines[n - 1].strip() for n in missing] == [
        "return 'many'",
        "except ValueError:",
        "n = 0",
    ]


DEVICE = """\
import asyncio

import machine
import pytest

from torpor import clock as torpor_clock
from torpor_test import Ended


async def test_an_hour_takes_no_time(clock):
    before = clock.now()
    await asyncio.sleep(3600)
    assert clock.now() - before == 3600
    assert torpor_clock.now() == clock.now()
    assert torpor_clock.uptime_ms() == 3_600_000


async def test_tasks_wake_in_their_order(clock):
    woken = []

    async def sleeper(ms):
        await asyncio.sleep_ms(ms)
        woken.append((ms, clock.ticks() - begin))

    begin = clock.ticks()
    await asyncio.gather(sleeper(300), sleeper(100), sleeper(200))
    assert woken == [(100, 100), (200, 200), (300, 300)]


async def test_a_deadline_passes_at_once(clock):
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 10)


async def test_the_clock_is_set_while_timers_run(clock):
    clock.set(1_900_000_000)
    await clock.advance(seconds=1, ms=500)
    assert clock.now() == 1_900_000_001


def test_the_real_clock_is_back():
    assert torpor_clock.uptime_ms() < 60_000


def test_pins(board):
    board.pin(4, 1)
    board.adc(26, 30000)
    machine.Pin(5, machine.Pin.OUT).on()
    assert machine.Pin(4, machine.Pin.IN).value() == 1
    assert machine.ADC(26).read_u16() == 30000
    assert (board.output(5), board.output(6)) == (1, None)


def test_each_test_has_a_world_of_its_own(board):
    assert machine.Pin(4, machine.Pin.IN).value() == 0
    assert board.events == []


def test_a_reset_ends_the_program(board):
    with pytest.raises(Ended) as caught:
        machine.reset()
    assert caught.value.event == "reset"


def test_the_store_is_empty(store):
    import os

    assert os.listdir(store) == []
    with open(store + "/left", "w") as file:
        file.write("for the next test?")


def test_it_is_empty_again(store):
    import os

    assert os.listdir(store) == []


def test_near():
    assert {"a": 0.1 + 0.2, "b": [1.0]} == pytest.approx({"a": 0.3, "b": [1]})
    assert 1.1 != pytest.approx(1.0)
    assert 1.1 == pytest.approx(1.0, abs=0.2)


async def test_a_body_and_headers(start, client, socket_client):
    await start()
    for way in (client, socket_client):
        answer = await way.get("/hello?name=Ada", headers={"X-One": "1"})
        assert (answer.status_code, answer.json()["hello"]) == (200, "Ada")
        assert answer.headers["content-type"] == "application/json"
"""


def test_clock_world_store_and_clients(project: Project) -> None:
    run = project.write({"hello": HELLO}, {"hello/tests/test_fixtures.py": DEVICE}).pytest()
    assert run.counts == {"passed": 12}, run.text


def test_without_strict_mode_values_pass_unchanged(project: Project) -> None:
    text = "async def test_it(start):\n    service = await start()\n"
    text += "    assert (await service.greet((1, 2)))['hello'] == (1, 2)\n"
    project.write({"hello": HELLO}, {"hello/tests/test_it.py": text})
    assert project.pytest("--no-strict").counts == {"passed": 1}
    assert "StrictError: test -> hello.greet(name=(1, 2))" in project.pytest().text


PROMISE = """
from torpor import Service, get


class Count(Service):
    @get("/count")
    async def count(self, right: bool) -> int:
        return 7 if right else "seven"  # type: ignore
"""


def test_a_route_with_a_wrong_result_type_fails_its_test(project: Project) -> None:
    text = "async def test_right(start, client):\n    await start()\n"
    text += "    assert (await client.get('/count?right=1')).json() == 7\n"
    text += "async def test_wrong(start, client):\n    await start()\n"
    text += "    await client.get('/count?right=0')\n"
    project.write({"count": PROMISE}, {"count/tests/test_it.py": text})
    run = project.pytest()
    assert run.counts == {"passed": 1, "failed": 1}, run.text
    output = "StrictError: GET /count: count() returned 'seven': expected int, got str"
    assert output in run.text
    assert project.pytest("--no-strict").counts == {"passed": 2}


UPLOAD = """
from microdot import Microdot, Request
from torpor import Service

Request.max_content_length = 100_000


class Upload(Service):
    app = Microdot()


@Upload.app.post("/upload")
async def upload(request):
    length = 0
    while length < request.content_length:
        length += len(await request.stream.read(1000))
    return {"length": length}
"""


def test_an_application_reads_a_body_that_is_streamed(project: Project) -> None:
    text = """
async def test_it(start, client, socket_client):
    await start()
    for each in (client, socket_client):
        answer = await each.post("/upload", json="y" * 20000)
        assert answer.json() == {"length": 20002}
"""
    run = project.write({"upload": UPLOAD}, {"upload/tests/test_upload.py": text}).pytest()
    assert run.counts == {"passed": 1}, run.text


FILES = """
from microdot import Microdot, send_file
from torpor import Service


class Files(Service):
    app = Microdot()


@Files.app.get("/")
async def index(request):
    return send_file("static/index.html")


@Files.app.get("/bug")
async def bug(request):
    raise ValueError("what is wrong")
"""


def test_an_application_sends_files_of_its_folder(project: Project) -> None:
    text = """
async def test_it(start, client, socket_client):
    await start()
    for each in (client, socket_client):
        assert (await each.get("/")).text == "<p>page</p>"


async def test_bug(start, client):
    await start()
    assert (await client.get("/bug")).status_code == 200
"""
    project.write({"files": FILES}, {"files/tests/test_files.py": text})
    static = project.root / "services" / "files" / "static"
    static.mkdir()
    (static / "index.html").write_text("<p>page</p>")
    run = project.pytest()
    assert run.counts == {"passed": 1, "failed": 1}, run.text
    assert "ERROR files: GET /bug" in run.text


JOBS = """
from torpor import Service, every


class Jobs(Service):
    async def start(self) -> None:
        self.ran = []

    async def runs(self) -> list[str]:
        return self.ran

    @every(minutes=1)
    async def at_once(self) -> None:
        self.ran.append("at once")

    @every(minutes=1, first=False)
    async def later(self) -> None:
        self.ran.append("later")
"""
JOBS_TESTS = """
import pytest


async def test_the_first_run(start, clock):
    jobs = await start(jobs=True)
    await clock.advance(1)
    assert await jobs.runs() == ["at once"]
    await clock.advance(seconds=58, ms=900)
    assert await jobs.runs() == ["at once"]
    await clock.advance(ms=200)
    assert sorted(await jobs.runs()) == ["at once", "at once", "later"]
    await clock.advance(minutes=3)
    assert (await jobs.runs()).count("later") == 4


@pytest.mark.parametrize(("units", "seconds"), [
    ({"seconds": 90}, 90),
    ({"minutes": 1.5}, 90),
    ({"hours": 2, "minutes": 1}, 7260),
    ({"days": 20, "ms": 1000}, 1_728_001),
])
async def test_units(clock, units, seconds):
    before = clock.now()
    await clock.advance(**units)
    assert clock.now() - before == seconds


@pytest.mark.parametrize("unit", ["weeks", "minute", "s"])
async def test_no_unit(clock, unit):
    with pytest.raises(TypeError, match="it takes seconds, .*minutes") as caught:
        await clock.advance(**{unit: 1})
    assert unit in str(caught.value)


async def test_other_arguments_that_there_are_not(start, board):
    with pytest.raises(AssertionError, match="no argument job; it takes config, jobs"):
        await start(job=True)
    board.wifi(up=False, rssi=-80)
    with pytest.raises(TypeError, match="no argument upp; it takes up, rssi"):
        board.wifi(upp=False)
"""


def test_jobs_go_by_the_clock_and_the_clock_by_units(project: Project) -> None:
    run = project.write({"jobs": JOBS}, {"jobs/tests/test_jobs.py": JOBS_TESTS}).pytest()
    assert run.counts == {"passed": 9}, run.text


STOCK = """
from torpor import Service


class Stock(Service):
    async def start(self) -> None:
        self.most = self.config["most"]
        self.least = self.config.get("least", 0)

    async def count(self) -> int:
        return 5
"""
SHOP = """
from services.stock import Stock
from torpor import Service


class Shop(Service):
    stock: Stock

    async def start(self) -> None:
        self.unread = [self.config[key] for key in sorted(self.config)]

    async def count(self) -> int:
        return await self.stock.count()
"""
STOCK_TESTS = """
import pytest


@pytest.mark.parametrize(("config", "wrong"), [
    ({"mots": 1}, "the key 'mots', which stock does not read; its settings: least, most"),
    ({1: 1}, "config has the key 1"),
    ([("most", 1)], "config is [('most', 1)], expected a dict of settings"),
    (5, "config is 5"),
    ({"most": None}, "config['most'] is None, expected text, a number"),
    ({"most": [1, (2,)]}, "config['most'][1] is (2,)"),
    ({"most": {"a": b"x"}}, "config['most']['a'] is b'x'"),
    ({"most": {1: "x"}}, "a key of config['most'] is 1, expected text"),
])
async def test_config(start, config, wrong):
    with pytest.raises(TypeError) as caught:
        await start(config=config)
    assert wrong in str(caught.value)


@pytest.mark.parametrize("config", [None, {}, {"most": 1}, {"least": 2.5, "most": ["a", True]}])
async def test_config_that_it_has(start, config):
    assert await (await start(config=config)).count() == 5


async def test_jobs(start):
    with pytest.raises(TypeError, match="jobs is 1, expected True or False"):
        await start(jobs=1)


@pytest.mark.parametrize("options", [
    {"seconds": -5}, {"seconds": "5"}, {"seconds": None}, {"minutes": -1}, {"ms": True},
    {"seconds": 5, "days": -1}, {"hours": 1e12},
])
async def test_time_that_cannot_pass(clock, options):
    before = clock.now()
    with pytest.raises(TypeError, match="expected a number of 0 or more"):
        await clock.advance(seconds=float("nan"))
    with pytest.raises(TypeError, match="clock.advance.*expected a number of 0 or more"):
        await clock.advance(**options)
    assert clock.now() == before


def test_times_that_there_are_not(clock):
    for value in (-1, "7", 1.5, None, True):
        with pytest.raises(TypeError, match="clock.set.*: unix is .*expected whole seconds"):
            clock.set(value)
        with pytest.raises(TypeError, match="clock.jump.*: ms is .*expected whole milliseconds"):
            clock.jump(value)
    with pytest.raises(TypeError, match="clock.advance.* goes further"):
        clock.jump(1 << 29)


def test_the_world(board):
    rom = "28ff641e8216c3a1"
    for celsius in (9.5, -3, "crc", None, {"base": 5, "amplitude": 1, "period_s": 600}):
        board.probe(rom.upper(), celsius)
    for celsius in ("9.5", True, [1], {"base": 5}, 1e9, float("nan")):
        with pytest.raises(TypeError, match="celsius is .*expected degrees Celsius"):
            board.probe(rom, celsius)
    with pytest.raises(TypeError, match="period_s is 0, expected a number"):
        board.probe(rom, {"base": 5, "amplitude": 1, "period_s": 0})
    for wrong in ("28ff", 5, b"(\\xff", rom[:-1] + "g"):
        with pytest.raises(TypeError, match="rom is .*expected 16 hexadecimal digits"):
            board.probe(wrong, 5)
    for level in (2, -1, "1", None, 0.5):
        with pytest.raises(TypeError, match="board.pin.*: level is .*expected 0 or 1"):
            board.pin(4, level)
    for value in (-1, 65536, "1", None, 0.5, True):
        with pytest.raises(TypeError, match="board.adc.*: value is .*from 0 to 65535"):
            board.adc(26, value)
    for pin in (None, True, 1.5, "", [4]):
        uses = (lambda: board.pin(pin, 1), lambda: board.adc(pin, 1), lambda: board.output(pin))
        for use in uses:
            with pytest.raises(TypeError, match="pin is .*expected a number, or a name"):
                use()


@pytest.mark.parametrize("state", [
    {"up": 0}, {"ntp": "yes"}, {"answers": None}, {"rssi": 5}, {"rssi": "-60"}, {"join_ms": -1},
    {"bssid": "02"}, {"bssid": "g" * 12}, {"dns": 5},
])
def test_wifi(board, state):
    with pytest.raises(TypeError) as caught:
        board.wifi(**state)
    assert "board.wifi(): %s is " % list(state)[0] in str(caught.value)


def test_what_pytest_has():
    for kind in ("ValueError", ValueError("x"), int, (ValueError, 5)):
        with pytest.raises(TypeError, match="expected an exception class"):
            pytest.raises(kind)
    with pytest.raises(TypeError, match="match is 5"):
        pytest.raises(ValueError, match=5)
    for wrong in ({"rel": -1}, {"abs": "1"}):
        with pytest.raises(TypeError, match="expected a number of 0 or more"):
            pytest.approx(1, **wrong)
    with pytest.raises(TypeError, match="reason is 5"):
        pytest.skip(5)
"""
SHOP_TESTS = """
import pytest


class Stock:
    async def count(self):
        return 4


class Plain:
    def count(self):
        return 4


async def six():
    return 6


async def test_stand_ins(start):
    for stand_in, count in ((Stock(), 4), ({"count": 5}, 5), ({"count": six}, 6)):
        assert await (await start(stock=stand_in)).count() == count


async def test_a_service_that_reads_any_setting(start):
    await start(stock=Stock(), config={"any": 1})


async def test_no_stand_ins(start):
    for stand_in, wrong in [
        (Stock, "Stock is a class: give an object of it, Stock()"),
        ({"count": ValueError}, "stock to count() is a class: give an object, ValueError(...)"),
        (None, "NoneType cannot stand in for stock"),
        (5, "int cannot stand in for stock"),
    ]:
        with pytest.raises(AssertionError) as caught:
            await start(stock=stand_in)
        assert wrong in str(caught.value)


async def test_an_object_that_is_not_async(start):
    await (await start(stock=Plain())).count()


async def test_an_answer_that_is_not_async(start):
    await (await start(stock={"count": lambda: 4})).count()
"""


def test_arguments_of_fixtures_that_are_not_valid(project: Project) -> None:
    services = {"stock": STOCK, "shop": SHOP}
    tests = {"stock/tests/test_stock.py": STOCK_TESTS, "shop/tests/test_shop.py": SHOP_TESTS}
    project.write(services, tests)
    toml = project.root / "cluster.toml"
    toml.write_text(toml.read_text() + "\n[services.stock.config]\nmost = 3\n")
    run = project.pytest()
    assert run.counts == {"passed": 35, "failed": 2}, run.text
    assert run.text.count("stand-in for stock is not async: write async def") >= 2, run.text


def test_files_of_editors_are_not_tests(project: Project) -> None:
    text = "async def test_it(start, client):\n    await start()\n"
    broken = {
        f"hello/tests/{name}": "no Python (" for name in ("x.py~", "#x.py#", ".x.py", ".y.orig")
    }
    project.write({"hello": HELLO}, {"hello/tests/test_it.py": text, **broken})
    for place in ("hello", "hello/tests"):
        folder = project.root / "services" / place
        for name in (".#test_it.py", "test_gone.py", "__init__.py~"):
            (folder / name).symlink_to("user@machine.4711:1764000000")
    run = project.pytest()
    assert run.counts == {"passed": 1}, run.text


def test_linked_folders_are_not_collected_again(project: Project) -> None:
    text = "async def test_it(start, client):\n    await start()\n"
    project.write({"hello": HELLO}, {"hello/tests/test_it.py": text})
    service = project.root / "services" / "hello"
    (service / "static").mkdir()
    (service / "static" / "up").symlink_to("..")
    (service / "static" / "all").symlink_to(project.root)
    (service / "tests" / "again").symlink_to(".")
    (service / "inner").symlink_to("tests")
    (project.root / "tools").mkdir()
    (project.root / "tools" / "project").symlink_to("..")
    for paths in ((), ("services",), ("services/hello",), ("services/hello/tests",)):
        assert project.pytest(*paths).counts == {"passed": 1}, paths


def test_a_linked_folder_of_tests_is_collected(project: Project) -> None:
    text = "async def test_it(start, client):\n    await start()\n"
    project.write({"hello": HELLO}, {"hello/tests/test_it.py": text})
    (project.root / "services" / "hello" / "tests").rename(project.root / "shared")
    (project.root / "services" / "hello" / "tests").symlink_to("../../shared")
    assert project.pytest("services").counts == {"passed": 1}


def test_coverage_without_coverage_py_is_refused_before_any_test(project: Project) -> None:
    text = "async def test_it(start, client):\n    await start()\n"
    project.write({"hello": HELLO}, {"hello/tests/test_it.py": text})
    hidden = "import sys\n\nsys.modules['coverage'] = None\n"
    (project.root / "sitecustomize.py").write_text(hidden)
    for more in ((), ("-n", "2")):
        run = project.fresh_pytest("--service-coverage", *more, PYTHONPATH=str(project.root))
        assert run.status == 4
        first, remedy = run.text.strip().splitlines()
        assert first == (
            "ERROR: --service-coverage needs the package coverage, which is not installed here"
        )
        assert remedy.endswith("[test]'")
    assert project.fresh_pytest(PYTHONPATH=str(project.root)).counts == {"passed": 1}


SITE = """
from microdot import Microdot, Request
from microdot.multipart import with_form_data
from microdot.websocket import with_websocket
from torpor import Service, get

Request.max_content_length = 100_000
Request.max_body_length = 100_000


class Site(Service):
    app = Microdot()

    @get("/plain")
    async def plain(self, name: str = "") -> str:
        return name


@Site.app.post("/form")
async def form(request):
    return {
        "type": request.content_type,
        "fields": {name: request.form.getlist(name) for name in request.form},
    }


@Site.app.post("/upload")
@with_form_data
async def upload(request):
    file = request.files["photo"]
    content = await file.read()
    return {
        "name": file.filename,
        "type": file.content_type,
        "length": len(content),
        "title": request.form.get("title"),
    }


@Site.app.route("/echo", methods=["PATCH", "PUT", "POST"])
async def echo(request):
    headers = {"X-Type": request.content_type or "", "X-Args": str(request.args.get("q"))}
    return request.body, 200, headers


@Site.app.get("/talk")
@with_websocket
async def talk(request, ws):
    await ws.send("hello " + request.args.get("name", "you"))
    while True:
        message = await ws.receive()
        if message == "close":
            return
        if message == "fail":
            raise ValueError("as asked")
        await ws.send(message)


@Site.app.get("/boom")
async def boom(request):
    raise ValueError("boom")
"""
SITE_TESTS = """
import asyncio

import pytest

from torpor import log
from torpor_test.websocket import Refused


@pytest.fixture
async def each(start, client, socket_client):
    await start()
    return client, socket_client


async def test_a_form(each):
    fields = {"name": "Ada & Bob", "sum": "1+1=2", "list": ["a", "é"]}
    fields.update({"n": 3, "yes": True, "no": None})
    for client in each:
        answer = (await client.post("/form", data=fields)).json()
        assert answer["type"] == "application/x-www-form-urlencoded"
        assert answer["fields"] == {
            "name": ["Ada & Bob"], "sum": ["1+1=2"], "list": ["a", "é"],
            "n": ["3"], "yes": ["true"], "no": [""],
        }


async def test_files(each):
    content = bytes(range(256)) * 20
    for client in each:
        files = {"photo": ("a b.png", content, "image/png")}
        answer = (await client.post("/upload", data={"title": "Ä"}, files=files)).json()
        assert answer == {"name": "a b.png", "type": "image/png", "length": 5120, "title": "Ä"}
        answer = (await client.post("/upload", files={"photo": b"\\r\\n--x"})).json()
        assert (answer["name"], answer["length"]) == ("photo", 5)


async def test_other_bodies_and_the_query(each):
    for client in each:
        for data in ("text é", "text é".encode()):
            answer = await client.patch("/echo", data=data, params={"q": "a&b"})
            assert (answer.text, answer.headers["x-args"]) == ("text é", "a&b")
        assert (await client.put("/echo", json=[1])).headers["x-type"] == "application/json"
        assert (await client.get("/plain?x=1", params={"name": "a b"})).status_code in (200, 400)
        assert (await client.get("/plain", params={"name": "a b"})).text == "a b"
        assert (await client.head("/plain")).status_code == 200
        assert (await client.options("/plain")).status_code == 204


@pytest.mark.parametrize(("options", "wrong"), [
    ({"jsn": 1}, "jsn; it takes params, headers, within, json, data, files, body"),
    ({"content": b""}, "client.post() has no argument content"),
    ({"json": 1, "data": "x"}, "give one of json, data"),
    ({"body": b"x", "files": {"a": b""}}, "give one of files, body"),
    ({"json": [], "data": ""}, "give one of json, data"),
    ({"data": 5}, "client.post(): data is 5, expected a dict, or a list of (name, value)"),
    ({"data": [1, 2]}, "client.post(): data is [1, 2]"),
    ({"data": {"a": {"b": 1}}}, "client.post(): data['a'] is {'b': 1}, expected text"),
    ({"data": {1: "x"}}, "client.post(): data is {1: 'x'}"),
    ({"files": {"a": 5}}, "client.post(): files['a'] is 5, expected text or bytes"),
    ({"files": {"a": ("x",)}}, "client.post(): files['a'] is ('x',)"),
    ({"files": {"a": ("x", None)}}, "client.post(): files['a'] is None"),
    ({"files": {"a": ("x", b"", 5)}}, "client.post(): files['a'] is ('x', b'', 5)"),
    ({"files": "a.png"}, "client.post(): files is 'a.png'"),
    ({"body": 5}, "client.post(): body is 5, expected bytes or text"),
    ({"body": {"a": 1}}, "client.post(): body is {'a': 1}"),
    ({"json": {"a": [1, {2}]}}, "client.post(): json.a[1]: JSON has no set"),
    ({"params": "a=1"}, "client.post(): params is 'a=1', expected a dict"),
    ({"params": {"a": [[1]]}}, "client.post(): params['a'] is [1]"),
    ({"headers": [("a", "b")]}, "client.post(): headers is [('a', 'b')], expected a dict"),
    ({"headers": {"a": b"b"}}, "client.post(): headers['a'] is b'b', expected text"),
    ({"headers": {"a": "b\\r\\nc: d"}}, "client.post(): headers['a'] is "),
    ({"headers": {"a b": "c"}}, "client.post(): headers['a b'] is 'c'"),
    ({"within": -5}, "client.post(): within is -5, expected a whole number of milliseconds"),
    ({"within": "5"}, "client.post(): within is '5'"),
])
async def test_arguments_that_there_are_not(each, options, wrong):
    for client in each:
        with pytest.raises(TypeError) as caught:
            await client.post("/echo", **options)
        assert wrong in str(caught.value)


@pytest.mark.parametrize("path", ["echo", "", "/a b", "/a\\r\\nX: y", None, 5, b"/echo"])
async def test_paths_that_cannot_be_sent(each, path):
    for client in each:
        for ask in (client.get, client.websocket):
            with pytest.raises(TypeError, match="path is .*, expected text that begins"):
                waiting = ask(path)
                if ask == client.get:
                    await waiting


async def test_a_host_of_ones_own_and_a_limit(each):
    for client in each:
        answer = await client.get("/plain?name=x", headers={"Host": "shed"}, within=500)
        assert answer.text == "x"


async def test_messages_that_cannot_be_sent(each):
    for client in each:
        async with client.websocket("/talk") as ws:
            for message in (None, 5, {"a": 1}, ["a"]):
                with pytest.raises(TypeError, match="message is .*, expected text or bytes"):
                    await ws.send(message)


async def test_a_conversation(each):
    for client in each:
        async with client.websocket("/talk", params={"name": "Ada"}) as ws:
            assert await ws.receive() == "hello Ada"
            for message in ("x", "é" * 90, b"\\x00\\xff" * 200, "y" * 8000):
                await ws.send(message)
                assert await ws.receive() == message
            await ws.send("close")
            assert await ws.receive() is None
            assert ws.close_code == 1005


async def test_clients_that_leave(each):
    for client in each:
        async with client.websocket("/talk") as ws:
            assert await ws.receive() == "hello you"
        assert ws.close_code is None


async def test_no_conversation(each):
    for client in each:
        for path, status in (("/nothing", 404), ("/plain", 200), ("/boom", 500)):
            with pytest.raises(Refused) as caught:
                async with client.websocket(path):
                    pass
            assert caught.value.answer.status_code == status
            assert path in str(caught.value)


async def test_a_handler_that_fails_is_named_with_its_request(each):
    for client in each:
        assert (await client.get("/boom?x=1")).status_code == 500
        assert "ERROR site: GET /boom" in "\\n".join(log.tail(12))
        assert "an application failed" not in "\\n".join(log.tail(12))
        async with client.websocket("/talk") as ws:
            await ws.send("fail")
            assert await ws.receive() == "hello you"
            assert await ws.receive() is None
        assert "ERROR site: GET /talk" in "\\n".join(log.tail(12))


async def test_two_at_once(each):
    client = each[0]
    async with client.websocket("/talk") as a, client.websocket("/talk") as b:
        answers = await asyncio.gather(a.receive(), b.receive(), client.get("/boom"))
        assert answers[:2] == ["hello you", "hello you"]
        await a.send("a")
        await b.send("b")
        assert (await b.receive(), await a.receive()) == ("b", "a")
        assert "ERROR site: GET /boom" in "\\n".join(log.tail(12))


async def test_with_a_clock_that_stands_still(start, client, clock):
    await start()
    before = clock.now()
    async with client.websocket("/talk") as ws:
        assert await ws.receive() == "hello you"
    assert clock.now() - before <= 1
"""


def test_forms_files_and_websockets_of_an_application(project: Project) -> None:
    project.write({"site": SITE}, {"site/tests/test_site.py": SITE_TESTS})
    run = project.pytest()
    assert run.counts == {"passed": 43}, run.text
