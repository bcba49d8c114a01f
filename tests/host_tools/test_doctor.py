"""``torpor doctor``: boards that differ, boards that do not answer, and the report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.repl_board import ReplBoard
from tests.helpers.running import write_cluster
from torpor_tools.board.deploy.repl import BoardError
from torpor_tools.board.doctor import report
from torpor_tools.board.doctor.examine import Bench, Result, Verdict, examine
from torpor_tools.board.doctor.fact import AtLeast, Subject
from torpor_tools.board.doctor.facts import FACTS
from torpor_tools.cli import run
from torpor_tools.errors import fail
from torpor_tools.paths import firmware_dir
from torpor_tools.project.boards import known_boards, load_board
from torpor_tools.project.ports import load_port

Answer = Callable[[str], str]


class Played:
    """A link whose programs print the test's values; the others print the stated ones."""

    def __init__(self, subject: Subject, prints: dict[str, dict[str, Any]]) -> None:
        self.prints = {**_as_stated(subject), **prints}
        self.started: list[str] = []
        self.closed = self.was_reset = False

    def run(self, code: str) -> str:
        if code.startswith("print('keep'"):
            return "False\n"
        if code.startswith("report("):
            return json.dumps(self.prints[self.started[-1].split("\n")[1].split("(")[0]])
        program = next(p for p in _programs() if code.endswith(_source(p)))
        if program == "resets":
            return ""
        printed = dict(self.prints[program])
        if "raises" in printed:
            raise BoardError(f"Traceback\n  File\n{printed['raises']}\n")
        before = printed.pop("printed", "")
        return f"{before}\n{json.dumps(printed)}\n".lstrip("\n")

    def start(self, code: str) -> None:
        self.started.append(code)

    def restart(self) -> None:
        pass

    def reset(self) -> None:
        self.was_reset = True

    def wait_longer(self, silence_s: float) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def _programs() -> list[str]:
    return [path.stem for path in (firmware_dir() / "doctor").glob("*.py")]


def _source(program: str) -> str:
    return (firmware_dir() / "doctor" / f"{program}.py").read_text()


def _as_stated(subject: Subject) -> dict[str, dict[str, Any]]:
    """Return the programs' output on a board that matches the files."""
    board, port = subject.board, subject.port
    assert port.wifi
    assert port.hostname
    assert port.resets
    assert board.firmware
    first = port.heap.first_bytes.get(board.chip, 200_000)
    unborn = ", max new split: 90000" if port.heap.split else ""
    pool = board.sockets if port.sockets.shared else 0
    full = port.errno[port.sockets.full]
    pm = port.wifi.config_while_joining
    kept = {"kept": True}
    return {
        "identity": {
            "platform": port.name,
            "machine": f"Some board with {board.machine}",
            "version": board.firmware.version,
            "bytecode": 6,
            "maxsize": 2**31 - 1,
            "single_precision": True,
            "epoch_year": port.time.epoch_year,
            "ticks_period": 2**30,
            "whole_seconds": True,
        },
        "errnos": dict(port.errno),
        "timing": {"poll_us": port.loop.poll_ms * 1000 + 40},
        "modules": {"missing": []},
        "memory": {
            "free": board.heap_bytes + 1000,
            "image": False,
            "printed": f"stack: 600 out of 7936\nGC: total: {first}, used: 7000, "
            f"free: {board.heap_bytes + (1000 if not unborn else -90000)}{unborn}",
        },
        "filesystem": {
            "kind": "VfsLfs2",
            "block_size": board.filesystem.block_size,
            "blocks": board.filesystem.block_count,
            "partition": [
                board.filesystem.offset,
                board.filesystem.block_size * board.filesystem.block_count,
            ],
        },
        "sockets": {
            "listeners": pool or board.listeners,
            "listen_errno": full,
            "accept_errno": port.errno["EAGAIN"],
            "tcp_beside_listeners": 0 if pool else board.connections,
            "tcp_errno": full,
            "udp": pool or 4,
            "udp_errno": full,
        },
        "radio": {
            "image": False,
            "hostname": port.hostname.default[board.chip],
            "hostname_set": "torpor-doctor",
            "powers": [port.wifi.pm_none, port.wifi.pm_performance, port.wifi.pm_powersave],
            "joined": False,
            "pm_while_joining": f"OSError: {pm}" if pm else "",
            "connect_channel": "" if port.wifi.connect_channel else "TypeError: extra keyword",
        },
        "join": {
            "joined": True,
            "pm_once_joined": "",
            "connect_errno": port.errno["EINPROGRESS"],
        },
        "names": {"errno": port.names.not_found, "ms": port.names.local_ms + 20},
        "watchdog_limit": {"longest_ms": port.resets.watchdog_ms},
        "reset": {"cause": port.resets.reset, **kept},
        "watchdog": {"cause": port.resets.watchdog, **kept},
        "deepsleep": {"cause": port.resets.deepsleep, **kept},
    }


def _subject(name: str) -> Subject:
    board = load_board(name)
    return Subject(board, load_port(board.port))


def _bench(name: str, prints: dict[str, dict[str, Any]] | None = None, **more: Any) -> Bench:
    subject = _subject(name)
    link: Any = Played(subject, prints or {})
    wifi = {"ssid": "home-of-the-reader", "password": "a-secret-of-theirs"}
    return Bench(subject, lambda silence_s: link, **{"wifi": wifi, **more})


def _differing(results: list[Result]) -> list[str]:
    return [r.fact.name for r in results if r.verdict == Verdict.DIFFERS]


CHIPS = [name for name in known_boards() if load_board(name).port != "unix"]


@pytest.mark.parametrize("name", CHIPS)
def test_a_board_as_stated_agrees(name: str) -> None:
    results = examine(_bench(name))
    # The simulated link returns at once from the deep sleep.
    assert _differing(results) == ["ms of a deep sleep of 2000"]
    assert len(results) >= 40


def test_every_program_has_a_fact_and_every_fact_a_program() -> None:
    programs = {fact.program for fact in FACTS} - {"reset", "watchdog", "deepsleep"} | {"resets"}
    assert programs == set(_programs())


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_the_source_of_a_fact_exists(fact: Any) -> None:
    bench = _bench("ESP32_GENERIC")
    place = report.place(bench, Result(fact, Verdict.AGREES))
    if place.startswith("boards/"):
        file, _, key = place.partition(": ")
        assert (firmware_dir().parent / file).is_file()
        assert re.search(
            rf"^\[?{key.split('.')[0]}\b", (firmware_dir().parent / file).read_text(), re.M
        )


@pytest.mark.parametrize(
    ("program", "change", "facts"),
    [
        ("errnos", {"EINPROGRESS": 115}, ["error numbers"]),
        ("radio", {"hostname": "esp32-blue"}, ["host name of the firmware"]),
        ("radio", {"pm_while_joining": ""}, ["config(pm=...) while joining"]),
        ("radio", {"connect_channel": ""}, ["connect() takes a channel"]),
        ("sockets", {"listeners": 9}, ["listening sockets"]),
        ("sockets", {"tcp_errno": 12}, ["error of one more TCP socket"]),
        ("timing", {"poll_us": 1002}, ["ms until poll() looks again"]),
        ("memory", {"free": 50_000}, ["free heap at the start"]),
        ("filesystem", {"partition": [0x300000, 0x100000]}, ["offset and size of its partition"]),
        ("modules", {"missing": ["ssl:SSLContext"]}, ["missing modules"]),
        ("names", {"ms": 3}, ["ms until its look-up fails"]),
        ("join", {"joined": False}, ["joins the Wi-Fi"]),
        ("watchdog", {"cause": "HARD_RESET"}, ["reset_cause() after the watchdog"]),
        ("deepsleep", {"kept": False}, ["memory is kept over machine.deepsleep()"]),
    ],
)
def test_a_board_that_differs_is_noticed(
    program: str, change: dict[str, Any], facts: list[str]
) -> None:
    stated = _as_stated(_subject("ESP32_GENERIC"))[program]
    results = examine(_bench("ESP32_GENERIC", {program: {**stated, **change}}))
    assert set(facts) <= set(_differing(results))
    assert len(_differing(results)) <= len(facts) + 2  # a smaller heap is reported twice


def test_a_failing_program_reports_why_and_the_others_run() -> None:
    results = examine(_bench("RPI_PICO_W", {"filesystem": {"raises": "ImportError: no vfs"}}))
    failed = [r for r in results if r.why == "ImportError: no vfs"]
    assert {r.fact.program for r in failed} == {"filesystem"}
    assert all(r.verdict == Verdict.DIFFERS for r in failed)
    assert any(r.fact.program == "radio" and r.verdict == Verdict.AGREES for r in results)


def test_messages_of_the_radio_in_between_are_ignored() -> None:
    bench = _bench("ESP32_GENERIC")
    link: Any = bench.connect(1)
    run_program = link.run
    message = "E (4711) wifi:sta is connecting, cannot set config\n"
    link.run = lambda code: f"{message}{run_program(code).rstrip()}\n{message}"
    assert _differing(examine(bench)) == ["ms of a deep sleep of 2000"]
    link.run = lambda code: message if _source("radio") in code else run_program(code)
    radio = [r for r in examine(bench) if r.fact.program == "radio"]
    assert all("sta is connecting" in r.why for r in radio)


def test_the_bare_firmware_is_not_judged_below_an_image() -> None:
    stated = _as_stated(_subject("RPI_PICO_W"))["radio"]
    changed = {**stated, "image": True, "hostname": "shed"}
    results = examine(_bench("RPI_PICO_W", {"radio": changed}))
    hostname = next(r for r in results if r.fact.name == "host name of the firmware")
    assert hostname.verdict == Verdict.NOT_SHOWN
    assert "boot.py" in hostname.why


def test_without_wifi_and_without_resets_those_are_not_shown() -> None:
    bench = _bench("ESP32_GENERIC", wifi={}, resets=False)
    hidden = {r.fact.program for r in examine(bench) if r.verdict == Verdict.NOT_SHOWN}
    assert hidden == {"join", "names", "reset", "watchdog", "deepsleep"}


def test_a_board_that_does_not_come_back_is_named() -> None:
    bench = _bench("ESP32_GENERIC")
    first: Any = bench.connect(1)
    links = [first]

    def connect(silence_s: float) -> Any:
        if links:
            return links.pop()
        raise fail("the board on /dev/ttyUSB0 does not answer")

    lost = Bench(bench.subject, connect, {}, patience_s=0.0)
    _is_lost_in_the_first_reset(examine(lost), "does not answer")
    assert first.closed


def test_a_board_that_ignores_a_reset_is_named() -> None:
    bench = _bench("ESP32_GENERIC")
    link: Any = bench.connect(1)
    run_program = link.run
    link.run = lambda code: "True" if "globals()" in code else run_program(code)
    results = examine(Bench(bench.subject, lambda silence_s: link, {}, patience_s=0.0))
    _is_lost_in_the_first_reset(results, "it has not restarted")


def _is_lost_in_the_first_reset(results: list[Result], why: str) -> None:
    """Facts seen before it are kept, and later ones are not judged."""
    of = {r.fact.program: r for r in results}
    assert of["errnos"].verdict == Verdict.AGREES
    assert of["reset"].verdict == Verdict.DIFFERS
    assert "did not come back within 0 s" in of["reset"].why
    assert why in of["reset"].why
    assert of["watchdog"].verdict == of["deepsleep"].verdict == Verdict.NOT_SHOWN
    assert of["deepsleep"].why == "the board was lost in reset"


def test_results_survive_a_lost_line() -> None:
    bench = _bench("RPI_PICO_W")
    link: Any = bench.connect(1)
    run_program = link.run

    def broken(code: str) -> Any:
        if _source("sockets") in code:
            raise fail("the line to the board broke")
        return run_program(code)

    link.run = broken
    of = {r.fact.program: r for r in examine(bench)}
    assert of["memory"].verdict == Verdict.AGREES
    assert of["sockets"].why == "the line to the board broke"
    assert of["radio"].why == "the board was lost in sockets"


def test_afterwards_the_board_starts_its_program_again() -> None:
    bench = _bench("RPI_PICO_W")
    examine(bench)
    link: Any = bench.connect(1)
    assert link.was_reset
    assert link.closed


def test_the_report_is_complete_and_has_no_secret() -> None:
    bench = _bench("ESP32_GENERIC", {"errnos": {"EINPROGRESS": 115, "EIO": 5}})
    results = examine(bench)
    text = report.document(bench, results)
    assert bench.wifi["ssid"] not in text
    assert bench.wifi["password"] not in text
    entries = {entry["fact"]: entry for entry in json.loads(text)["results"]}
    assert entries["error numbers"]["stated_in"] == "boards/ports/esp32.toml: errno"
    assert entries["free heap at the start"]["expected"].startswith(str(AtLeast(1))[:8])
    row = next(row for row in report.rows(results) if row[0] == "error numbers")
    assert row[1:] == ("{'EINPROGRESS': 119}", "{'EINPROGRESS': 115}", "differs")


def test_a_real_repl_of_another_board(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    with ReplBoard() as board:
        words = ["--type", "RPI_PICO_W", "--port", board.device, "--no-resets"]
        code = run(["-C", str(tmp_path), "doctor", *words, "--report", str(file)])
    printed = capsys.readouterr()
    assert code == 1
    assert "boards/RPI_PICO_W.toml: port: port of MicroPython: rp2 is stated" in printed.err
    assert "this board shows 'linux'" in printed.err
    assert f"attach {file} to an issue" in printed.err
    entries = {entry["fact"]: entry for entry in json.loads(file.read_text())["results"]}
    assert entries["error numbers"]["verdict"] == "agrees"  # rp2 has Linux's numbers
    assert entries["chip"]["verdict"] == "differs"


def test_without_a_project_the_type_must_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(tmp_path), "doctor", "--port", "/dev/null"]) == 1
    assert "--type" in capsys.readouterr().err


def test_only_the_pico_w_is_emulated(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--type", "ESP32_GENERIC", "--emulate"]) == 1
    assert "ESP32_GENERIC cannot be emulated\n    only RPI_PICO_W can" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (["--type", "UNIX"], "UNIX is a Linux process"),
        (["--type", "RPI_PICO_W", "desk"], "both a board of the cluster (desk) and a type"),
        (["--type", "RPI_PICO_W", "--emulate", "--port", "/dev/null"], "uses no serial port"),
        (["--type", "RPI_PICO_W", "--report", "none/r.json"], "there is no folder"),
        (["--type", "RPI_PICO_W", "--report", "."], "it is a folder"),
    ],
)
def test_wrong_options_are_refused_before_a_board_is_touched(
    words: list[str], output: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(tmp_path), "doctor", *words]) == 1
    assert output in capsys.readouterr().err


@pytest.mark.parametrize("command", ["doctor", "logs", "reset", "repl"])
def test_a_board_that_the_cluster_does_not_have_is_named(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cluster(tmp_path, {"a": "from torpor import Service\n\n\nclass A(Service):\n    pass\n"})
    assert run(["-C", str(tmp_path), command, "nope"]) == 1
    err = capsys.readouterr().err
    assert "the cluster has no board nope\n    its boards: box" in err
