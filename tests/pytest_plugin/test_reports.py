"""The report of a failing test: file, line, values, cause."""

from __future__ import annotations

import re

import pytest

from . import demo
from .conftest import Project, Run

# test -> what its report must contain, in this order; "{line:text}" is the location of that line.
WANTED = {
    "test_wrong_value": [
        '>       assert await room.mean("hall") == {"name": "hall", "mean": 21.5}',
        "E   assert {",
        "{'mean': 20.5} != {'mean': 21.5}",
        'services/room/tests/test_demo.py:{line:"mean": 21.5}: AssertionError',
    ],
    "test_wrong_member": [
        '>       assert "cellar" in names',
        "E   assert 'cellar' in ['hall', 'attic']",
        'test_demo.py:{line:assert "cellar"}: AssertionError',
    ],
    "test_wrong_order": [
        "E   AssertionError: the ends of the range",
        "E   assert 8.0 < 2.0",
        "Captured stdout call",
        "low is 8.0",
    ],
    "test_call_in_an_assertion": [
        "E   assert 2 == 3",
        "E    +  where 2 = len(['hall', 'attic'])",
    ],
    "test_chain_of_calls": [
        "E   assert 'BALL' == 'WALL'",
        "where 'HALL' = ",
        "where 'BALL' = ",
    ],
    "test_exception_in_a_peer": [
        '>       await room.mean("attic")',
        'test_demo.py:{line:await room.mean("attic")}:',
        ">           values = await self.sensor.values(name, limit)",
        "E   Fault: 500 internal error",
        "E   caused by a bug of the peer: OSError: [Errno 5] EIO",
        "E     services/room/tests/test_demo.py:{line:raise OSError} in values",
        "services/room/__init__.py:11: Fault",
        "Captured log call",
        "ERROR sensor: room -> sensor.values",
    ],
    "test_bug_in_the_service": [
        "E   StrictError: test -> room.mean(limit=None): expected int, got None",
        "WARN room: about to ask",
    ],
    "test_timeout": [
        ">       await asyncio.sleep(60)",
        "E   the test did not end within 1 s",
        "test_demo.py:{line:asyncio.sleep(60)}: late",
    ],
    "test_busy": [
        ">           pass",
        "E   the test did not end within 1 s",
    ],
    "test_hang": [
        "E   MicroPython hung, and did not react to an interrupt",
        "E   the tests after this one run in a new interpreter",
        "test_demo.py:{line:@pytest.mark.device_timeout(1)\ndef test_hang}: hung",
    ],
    "test_nobody_will_ever_set_it": [
        ">       await asyncio.Event().wait()",
        "E   the test waits for something that can no longer happen",
    ],
    "test_hard_crash": [
        "E   MicroPython crashed: killed by SIGSEGV",
        "test_demo.py:{line:def test_hard_crash}: lost",
        "reading address 8",
    ],
    "test_stand_in_lacks_a_method": [
        ">       await start(sensor=Half())",
        "E   AssertionError: Half cannot stand in for sensor, its contract also has: names()",
    ],
    "test_stand_in_breaks_the_contract": [
        ">           values = await self.sensor.values(name, limit)",
        "E   StrictError: room -> sensor.values() returned ['warm']: [0]: expected float, got str",
        "services/room/__init__.py:11: StrictError",
    ],
    "test_strict_violation": [
        "E   StrictError: room -> sensor.values() returned (20.0, 21.0): it is a tuple, "
        "which arrives as a list",
    ],
    "test_strict_violation_that_the_service_swallows": [
        "E   StrictError: room -> sensor.values() returned [inf]: [0] is inf, "
        "which JSON cannot hold",
    ],
    "test_task_dies_in_the_background": [
        '>           raise KeyError("lost")',
        "E   a background task died: KeyError: lost",
    ],
    "test_did_not_raise": [
        '>           int("7")',
        "E   AssertionError: DID NOT RAISE <class 'ValueError'>",
    ],
    "test_each[2]": ["E   assert 2 != 2"],
    "test_unknown_fixture": [
        "fixture 'thermometer' not found",
        "fixtures on the device: board, client, clock, events, socket_client, start, store",
    ],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    project = Project(tmp_path_factory.mktemp("demo"))
    services = {"room": demo.ROOM, "sensor": demo.SENSOR}
    return project.write(services, {"room/tests/test_demo.py": demo.TESTS}).pytest()


def test_each_failure_costs_one_test(run: Run) -> None:
    """Three interpreters were lost on the way, and what came after them still ran."""
    assert run.status == 1
    assert run.counts == {"failed": len(WANTED), "passed": 4}


@pytest.mark.parametrize("test", WANTED)
def test_a_report_shows_location_values_and_cause(run: Run, test: str) -> None:
    report = run.report(test)
    at = 0
    for wanted in WANTED[test]:
        text = _placed(wanted)
        found = report.find(text, at)
        assert found >= 0, f"{text!r} is not, or not in this order, in:\n{report}"
        at = found + len(text)


def test_no_report_shows_internal_frames(run: Run) -> None:
    ours = re.findall(r"^\S*(?:torpor_test|torpor/strict|pytest_plugin)/?\S*:\d+", run.text, re.M)
    assert ours == []


def test_the_summary_names_test_and_cause(project: Project) -> None:
    services = {"room": demo.ROOM, "sensor": demo.SENSOR}
    project.write(services, {"room/tests/test_demo.py": demo.TESTS})
    short = project.pytest("-q", "-k", "wrong_member").text
    wanted = "FAILED services/room/tests/test_demo.py::test_wrong_member - assert 'cellar' in"
    assert wanted in short


def _placed(wanted: str) -> str:
    """``wanted`` with the number of the line that is named in it."""
    match = re.search(r"\{line:(.*)\}(?=:| |$)", wanted, re.S)
    if not match:
        return wanted
    number = demo.TESTS[: demo.TESTS.index(match[1])].count("\n") + 1
    return wanted.replace(match[0], str(number))


def test_a_file_that_is_not_python_is_reported_with_its_line(project: Project) -> None:
    text = "def test_x():\n  return ((\n"
    project.write({"sensor": demo.SENSOR}, {"sensor/tests/test_bad.py": text})
    run = project.pytest()
    assert re.search(r"test_bad\.py:2: '\('", run.text), run.text


def test_code_that_micropython_rejects_is_reported_with_its_line(project: Project) -> None:
    text = "def test_x():\n    match 1:\n        case 1:\n            pass\n"
    project.write({"sensor": demo.SENSOR}, {"sensor/tests/test_match.py": text})
    run = project.pytest()
    assert "services/sensor/tests/test_match.py:2: MicroPython has no match statement" in run.text


def test_a_mark_that_needs_the_device_is_reported(project: Project) -> None:
    text = "import pytest\n\n@pytest.mark.parametrize('n', [X])\ndef test_x(n): pass\n"
    project.write({"sensor": demo.SENSOR}, {"sensor/tests/test_mark.py": text})
    assert "marks are evaluated on the host: use plain values" in project.pytest().text


def test_mistakes_in_a_project_are_reported(project: Project) -> None:
    project.write({"sensor": demo.SENSOR}, {"sensor/tests/test_x.py": "def test_x(): pass\n"})
    cluster = project.root / "cluster.toml"
    cluster.write_text(cluster.read_text().replace("RPI_PICO_W", "RPI_PICO_X"))
    run = project.pytest()
    assert "RPI_PICO_X" in run.text
    assert "Traceback" not in run.text
