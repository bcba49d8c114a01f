"""``torpor call`` and the generated client, against the running sample."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.helpers.running import Running, running
from torpor_tools.cli.scaffold import write_project, write_service
from torpor_tools.client import Fault
from torpor_tools.client.call import call
from torpor_tools.client.fields import convert
from torpor_tools.client.generate import client
from torpor_tools.contracts import load_plan
from torpor_tools.contracts.shapes import from_text
from torpor_tools.errors import UserError
from torpor_tools.model.plan import Plan

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(ROOT)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def sample(project: Path) -> Iterator[Running]:
    """Run the sample in a simulator, with the cluster's key, which ``project`` also has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORPOR_CLUSTER_KEYS", "5a" * 32)
        with running(ROOT, storage=project / "build" / "sim") as run:
            yield run


def ask(plan: Plan, project: Path, name: str, *given: str, at: str | None = None) -> Any:
    """Return the only value that a call returns."""
    (value,) = call(plan, project, name, given, at=at, timeout=10)
    return value


def test_a_call_finds_the_simulator(sample: Running, plan: Plan, project: Path) -> None:
    assert ask(plan, project, "alerts.open_alerts") == []
    state = ask(plan, project, "alerts.set_thresholds", "fridge=fridge-1", "low=1", "high=9.5")
    assert (state["low"], state["high"]) == (1, 9.5)
    assert ask(plan, project, "alerts.thresholds", "fridge=fridge-1") == state


def test_a_call_goes_to_the_given_address(sample: Running, plan: Plan, tmp_path: Path) -> None:
    url = sample.urls["device"]
    assert ask(plan, tmp_path, "device.status", at=url)["board"] == "shed"
    assert ask(plan, tmp_path, "device.status", at=url.removeprefix("http://"))["board"] == "shed"


def test_a_streamed_answer_arrives_in_pieces(sample: Running, plan: Plan, project: Path) -> None:
    pieces = call(plan, project, "readings.history", ["fridge=fridge-1"], at=None, timeout=10)
    assert "".join(pieces).startswith("time,celsius")


def test_a_method_without_a_route_is_called_as_peers_do(
    sample: Running, plan: Plan, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(plan, project, "readings.fridges") == ["fridge-1", "fridge-2", "fridge-3"]
    rows = ["fridge=fridge-1", "since=0", "until=1"]
    assert ask(plan, project, "readings.window", *rows) == []
    assert ask(plan, project, "readings.window", *rows, "points=3") == []
    at = sample.urls["device"].removeprefix("http://")
    assert ask(plan, project, "alerts.revision", at=at) >= 0
    with pytest.raises(UserError, match=r"answered 404: no fridge is called x"):
        ask(plan, project, "sensors.temperature", "fridge=x")
    monkeypatch.setenv("TORPOR_CLUSTER_KEYS", "5b" * 32)
    with pytest.raises(UserError, match=r"knows none of the keys"):
        ask(plan, project, "readings.fridges")
    monkeypatch.delenv("TORPOR_CLUSTER_KEYS")
    with pytest.raises(UserError, match=r"there is no cluster key here"):
        ask(plan, project, "readings.fridges")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["alerts.thresholds", "fridge=x/y z"], "answered 404: no fridge is called x/y z"),
        (["alerts.thresholds"], "fridge is missing"),
        (["alerts.threshold"], 'did you mean "thresholds"?'),
        (["alert.thresholds"], 'did you mean "alerts"?'),
        (["alerts.thresholds", "fridg=x"], 'did you mean "fridge"?'),
        (["alerts.thresholds", "fridge"], "write name=value"),
        (["alerts.thresholds", "fridge=a", "fridge=b"], "fridge is given twice"),
        (["readings.newest", "fridge=a", "limit=1.5"], "limit: expected a whole number, got '1.5'"),
        (["readings.newest", "fridge=a", "limit=true"], "limit: expected a whole number"),
    ],
)
def test_a_wrong_call_is_reported_with_a_correction(
    sample: Running, plan: Plan, project: Path, arguments: list[str], expected: str
) -> None:
    with pytest.raises(UserError) as caught:
        ask(plan, project, *arguments)
    assert expected in str(caught.value)


def test_an_unreachable_board(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"device\.status on shed cannot be reached"):
        ask(plan, tmp_path, "device.status", at="127.0.0.1:1")
    with pytest.raises(UserError, match="not the address of a service"):
        ask(plan, tmp_path, "device.status", at="ftp://x")


DEEP = 'policy = "deep"\nwake_every = "5m"\n'
MAILBOX = '[mailbox]\ngateway = "192.168.1.5"\n'
BROKER = '[mailbox]\nurl = "mqtt://nas.local"\n'
AWAKE = "start torpor sim, or give the address: --at HOST"


@pytest.mark.parametrize(
    ("settings", "at", "remedy"),
    [
        ("", None, AWAKE),
        ('policy = "doze"', None, AWAKE),
        (DEEP, None, "desk sleeps deep and has no mailbox: call it while it is awake"),
        (DEEP + MAILBOX, None, "torpor gateway there, and add --at 192.168.1.5 "),
        (DEEP + MAILBOX, "127.0.0.1:1", "and add --at 192.168.1.5 --timeout 300"),
        (DEEP + MAILBOX, "192.168.1.5.invalid", AWAKE),
        (DEEP + BROKER, None, "torpor gateway there, and add --at GATEWAY "),
    ],
)
def test_a_call_to_a_board_that_sleeps_names_the_gateway(
    settings: str, at: str | None, remedy: str, tmp_path: Path
) -> None:
    write_project(tmp_path, "desk", "RPI_PICO_W")
    write_service(tmp_path, "hello")
    toml = tmp_path / "cluster.toml"
    power = f"\n[boards.desk.power]\n{settings}\n" if settings else ""
    toml.write_text(toml.read_text() + power)
    with pytest.raises(UserError, match=r"hello\.greet on desk cannot be reached") as caught:
        ask(load_plan(tmp_path), tmp_path, "hello.greet", at=at)
    assert remedy in str(caught.value)


def test_a_call_without_an_answer_also_names_the_gateway(tmp_path: Path) -> None:
    """The board accepts the connection and falls asleep."""
    write_project(tmp_path, "desk", "RPI_PICO_W")
    write_service(tmp_path, "hello")
    toml = tmp_path / "cluster.toml"
    toml.write_text(toml.read_text() + "[boards.desk.power]\n" + DEEP + MAILBOX)
    with socket.create_server(("127.0.0.1", 0)) as server:
        at = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(UserError, match="did not answer in time") as caught:
            list(call(load_plan(tmp_path), tmp_path, "hello.greet", [], at=at, timeout=0.2))
    assert "the gateway keeps requests until it wakes" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("str", "null", "null"),
        ("int | None", "null", None),
        ("float", "3", 3.0),
        ("bool", "true", True),
        ("list[str]", '["a"]', ["a"]),
        ("dict", '{"a": 1}', {"a": 1}),
        ("int | str", "12a", "12a"),
        ("Any", "[1", "[1"),
        ("Any", "[1]", [1]),
    ],
)
def test_a_text_becomes_the_value_of_its_type(kind: str, text: str, value: object) -> None:
    found = convert(from_text(kind), text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"), [("int", "1.0"), ("bool", "yes"), ("float", "NaN"), ("list", "{}")]
)
def test_a_text_that_is_not_a_valid_value(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"number|true or false|a list"):
        convert(from_text(kind), text)


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_client(sample: Running, plan: Plan, tmp_path: Path) -> None:
    file = tmp_path / "fridges.py"
    file.write_text(client(plan, ["alerts", "readings", "sensors"]))
    module = load(file)
    with module.Alerts(sample.urls["alerts"]) as alerts:
        assert alerts.open_alerts() == []
        assert alerts.set_thresholds("fridge-2", 1, high=9)["high"] == 9
        with pytest.raises(Fault) as caught:
            alerts.thresholds("no such/fridge")
        assert (caught.value.status, caught.value.message) == (
            404,
            "no fridge is called no such/fridge",
        )
    with module.Readings(sample.urls["readings"]) as readings:
        assert all(row["celsius"] < 9 for row in readings.newest("fridge-1", limit=3))
        assert "".join(readings.history("fridge-1")).startswith("time,celsius")
    with module.Sensors(sample.urls["sensors"]) as sensors:
        assert sorted(sensors.temperatures()) == ["fridge-1", "fridge-2", "fridge-3"]
    assert not hasattr(module, "Device")
    assert not hasattr(module.Readings, "revision"), "it has no route"


def test_the_generated_client_is_typed(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "fridges.py").write_text(client(plan, ["alerts", "readings", "sensors"]))
    (tmp_path / "use.py").write_text(
        'from fridges import Readings\n\nrows: list[int] = Readings("http://x").newest(3)\n'
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--output", "json", "fridges.py", "use.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    found = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert [(f["file"], f["code"]) for f in found] == [
        ("use.py", "assignment"),
        ("use.py", "arg-type"),
    ], result.stdout
