"""``[boards.<name>.power]``: valid settings, refused ones, and policies that fall back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from tests.helpers.several import write_boards
from torpor_tools import cli
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.link import build, image_files
from torpor_tools.model.plan import Plan

HEAD = "from torpor import Service, daily, every, get, on_wake\n\n\nclass A(Service):\n"
ROUTE = '    @get("/a")\n    async def read(self) -> dict:\n        return {}\n'
JOB = "    @every(seconds=60)\n    async def look(self) -> None: ...\n"


def wake(name: str, pin: int, level: int) -> str:
    return f"    @on_wake(pin={pin}, level={level})\n    async def {name}(self) -> None: ...\n"


def plan(
    root: Path, power: str, body: str = ROUTE, kind: str = "ESP32_GENERIC", port: str = "8001"
) -> Plan:
    write_cluster(root, {"a": HEAD + body}, kind)
    toml = root / "cluster.toml"
    text = toml.read_text().replace("port = 8001", f"port = {port}")
    toml.write_text(text + f"\n[boards.box.power]\n{power}\n")
    return load_plan(root)


def refused(root: Path, power: str, body: str = ROUTE, **options: str) -> str:
    with pytest.raises(UserError) as error:
        plan(root, power, body, **options)
    (problem,) = error.value.problems
    assert problem.where
    assert problem.remedy
    return problem.what


def test_all_settings(tmp_path: Path) -> None:
    text = 'policy = "deep"\nlinger_ms = 500\nwake_every = "5m"\nwifi_deadline_ms = 8000'
    power = plan(tmp_path, text).boards[0].power
    assert power
    assert (power.policy, power.linger_ms, power.wake_every_ms) == ("deep", 500, 300_000)
    assert power.wifi_deadline_ms == 8000


@pytest.mark.parametrize(
    ("power", "what"),
    [
        ('policy = "dooze"', 'there is no policy "dooze"'),
        ('policy = "idle"\nwake_every = "5m"', "wake_every has no effect with the policy idle"),
        ('policy = "deep"\nwake_every = "5 min"', 'wake_every: "5 min" is not a time'),
        ('policy = "deep"\nwake_every = "1s"', 'wake_every: "1s" is not a time'),
        ('policy = "deep"\nlinger_ms = -1\nwake_every = "1m"', "linger_ms: -1 is not between"),
        ('policy = "deep"', "box would never wake"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, power: str, what: str) -> None:
    if "linger_ms = -1" in power:
        with pytest.raises(UserError) as error:
            plan(tmp_path, power)
        assert what in error.value.problems[0].what
    else:
        assert what in refused(tmp_path, power)


def test_a_board_without_a_port_cannot_doze(tmp_path: Path) -> None:
    power = 'policy = "doze"'
    output = refused(tmp_path, power, JOB, kind="RPI_PICO_W", port="false")
    assert "none of its services has a port" in output


def test_an_unsupported_policy_falls_back_and_the_build_reports_it(tmp_path: Path) -> None:
    made = plan(tmp_path, 'policy = "doze"')
    assert made.boards[0].power
    assert made.boards[0].power.policy == "idle"
    assert any("gets the policy idle" in note and "cluster.toml:" in note for note in made.notes)
    pico = plan(tmp_path / "pico", 'policy = "doze"', kind="RPI_PICO_W")
    assert pico.boards[0].power
    assert pico.boards[0].power.policy == "doze"


@pytest.mark.parametrize(
    ("kind", "body", "what"),
    [
        ("ESP32_GENERIC", wake("a", 4, 0) + wake("b", 13, 0), "can wait for one pin that goes low"),
        ("ESP32_GENERIC_C3", wake("a", 4, 0) + wake("b", 3, 1), "wakes by pins of one level"),
        ("ESP32_GENERIC", wake("a", 5, 0), "pin 5 cannot wake box, a ESP32_GENERIC"),
    ],
)
def test_pins_that_the_chip_cannot_wait_for(
    tmp_path: Path, kind: str, body: str, what: str
) -> None:
    assert what in refused(tmp_path, 'policy = "deep"\nwake_every = "5m"', body, kind=kind)


def modules(made: Plan, out: Path) -> dict[str, bytes]:
    image = build(made, "box", out, types=False)
    files = image.tree.rglob("*.mpy")
    return {str(f.relative_to(image.tree).with_suffix("")): f.read_bytes() for f in files}


def test_an_image_has_the_code_of_its_own_policy_only(tmp_path: Path) -> None:
    sleep = {"sleep", "governor", "chip", "pins"}
    found = {}
    rejoins = {}
    for name, power, body, kind in (
        ("idle", 'policy = "idle"', ROUTE, "ESP32_GENERIC"),
        ("doze", 'policy = "doze"', ROUTE, "RPI_PICO_W"),
        ("deep", 'policy = "deep"', ROUTE + JOB, "ESP32_GENERIC"),
        ("pin", 'policy = "on"', ROUTE + wake("opened", 4, 0), "ESP32_GENERIC"),
    ):
        folder = tmp_path / name
        all_of_it = modules(plan(folder, power, body, kind), folder / "build")
        found[name] = {m.rpartition("/")[2] for m in all_of_it if "torpor/power/" in m} & sleep
        rejoins[name] = b"_join_known" in all_of_it["torpor/wifi__cold"]
    assert found == {
        "idle": set(),
        "doze": {"sleep", "governor", "chip"},
        "deep": {"sleep", "governor", "chip"},
        "pin": {"chip", "pins"},
    }
    assert rejoins == {"idle": False, "doze": False, "deep": True, "pin": False}


def test_a_time_zone_that_does_not_exist(tmp_path: Path) -> None:
    write_cluster(tmp_path, {"a": HEAD + ROUTE})
    toml = tmp_path / "cluster.toml"
    toml.write_text(
        toml.read_text().replace("[cluster]\n", '[cluster]\ntimezone = "Europe/Berln"\n')
    )
    with pytest.raises(UserError) as error:
        load_plan(tmp_path)
    (problem,) = error.value.problems
    assert str(problem.where) == "cluster.toml:2"
    assert problem.remedy == 'did you mean "Europe/Berlin"?'


def test_a_linux_process_has_no_mailbox(tmp_path: Path) -> None:
    mailbox = '\n\n[mailbox]\ngateway = "127.0.0.1"'
    for power, where, todo in (
        (f'policy = "deep"\nwake_every = "5m"{mailbox}', "11", "remove [boards.box.power]"),
        (f'policy = "idle"{mailbox}\n', "4", "remove `mailbox = true`"),
    ):
        root = write_cluster(tmp_path / where, {"a": HEAD + ROUTE}, "UNIX")
        toml = root / "cluster.toml"
        text = toml.read_text() + f"\n[boards.box.power]\n{power}\n"
        if "idle" in power:
            text = text.replace("services =", "mailbox = true\nservices =")
        toml.write_text(text)
        with pytest.raises(UserError) as error:
            load_plan(root)
        [problem] = error.value.problems
        assert "is a Linux process, which does not sleep" in problem.what
        assert problem.remedy == todo
        assert problem.where
        assert problem.where.line == int(where)


def test_requests_to_a_board_that_sleeps_deep_need_a_mailbox(tmp_path: Path) -> None:
    deep = 'policy = "deep"\nwake_every = "5m"'
    [note] = plan(tmp_path / "without", deep).notes
    assert note.startswith("cluster.toml:4: box sleeps deep and has no mailbox")
    mailbox = f'{deep}\n\n[mailbox]\ngateway = "127.0.0.1"'
    assert plan(tmp_path / "with", mailbox).notes == ()
    assert plan(tmp_path / "idle", 'policy = "idle"').notes == ()


CALLED = (
    "from torpor import Service\n\n\nclass B(Service):\n    async def read(self) -> None: ...\n"
)
CALLER = """from services.b import B
from torpor import Service, deadline


class A(Service):
    b: B

    async def soon(self) -> None:
        with deadline(2000):
            await self.b.read()

    async def late(self) -> None:
        with deadline(600_000):
            await self.b.read()
"""


def test_callers_of_a_board_that_sleeps_are_shown_what_to_expect(tmp_path: Path) -> None:
    write_boards(tmp_path, {"a": CALLER, "b": CALLED}, {"house": ["a"], "shed": ["b"]})
    toml = tmp_path / "cluster.toml"
    toml.write_text(
        toml.read_text() + '[mailbox]\ngateway = "127.0.0.1"\n\n'
        '[boards.shed.power]\npolicy = "deep"\nwake_every = "5m"\n'
    )
    found = load_plan(tmp_path)
    assert found.notes[-1] == (
        "services/a/__init__.py:6: a call of b from house waits until shed wakes: 2.5 min in the "
        "median, 5 min at most; [cluster] deadline_ms = 5000 is shorter than that; deadline(2000) "
        "is shorter than that"
    )
    house, shed = found.boards
    assert (house.mails, house.mailed, shed.mails, shed.mailed) == (True, False, False, True)
    names = ("torpor/mqtt/caller.mpy", "torpor/mqtt/serve.mpy", "torpor/mqtt/client.mpy")
    assert [n in image_files(found, "house") for n in names] == [True, False, True]
    assert [n in image_files(found, "shed") for n in names] == [False, True, True]
    # An image that does not need the code does not contain it.
    toml.write_text(toml.read_text().replace('"deep"\nwake_every = "5m"', '"idle"'))
    for board in ("house", "shed"):
        assert not {*names} & {*image_files(load_plan(tmp_path), board)}


BLINKS = """from machine import Pin
from torpor import Service, every


class A(Service):
    async def start(self) -> None:
        self._led = Pin(4, Pin.OUT)
        self.spawn(self._blink())

    async def _blink(self) -> None:{awake}
        self._led.on()

    @every(minutes=1)
    async def measure(self) -> None: ...
"""


@pytest.mark.parametrize(
    ("policy", "awake", "noted"),
    [("deep", "", True), ("idle", "", False), ("deep", "\n      async with self.awake():", False)],
)
def test_a_task_that_a_deep_sleep_would_cut_off_is_noted(
    tmp_path: Path, policy: str, awake: str, noted: bool
) -> None:
    source = BLINKS.format(awake=awake)
    if awake:
        source = source.replace("        self._led.on()", "          self._led.on()")
    write_cluster(tmp_path, {"a": source}, "ESP32_GENERIC")
    toml = tmp_path / "cluster.toml"
    toml.write_text(toml.read_text() + f'\n[boards.box.power]\npolicy = "{policy}"\n')
    text = "services/a/__init__.py:8: box sleeps deep, which ends the task that a starts here"
    found = [note for note in load_plan(tmp_path).notes if "which ends the task" in note]
    assert [note[: len(text)] for note in found] == [text] * noted
    assert all("async with self.awake():" in note for note in found)


def test_the_estimate_states_the_interval_of_wakes_that_it_assumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_cluster(tmp_path, {"a": HEAD + ROUTE})
    assert cli.run(["-C", str(root), "power", "box"]) == 0
    assumed = "deep wakes every 60 s (assumed, because cluster.toml has no wake_every), 2500 mAh"
    assert assumed in capsys.readouterr().out
    with (root / "cluster.toml").open("a") as file:
        file.write('\n[boards.box.power]\npolicy = "deep"\nwake_every = "5m"\n')
    assert cli.run(["-C", str(root), "power", "box"]) == 0
    assert "deep wakes every 300 s, 2500 mAh" in capsys.readouterr().out
