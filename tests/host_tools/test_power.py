"""``torpor power``: the meter, traces, stated loads, a profiler's files."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.helpers.running import write_cluster
from torpor_sim.flash import lock
from torpor_tools import cli
from torpor_tools.cli.base import Settings
from torpor_tools.cli.power import command
from torpor_tools.errors import UserError
from torpor_tools.power import plots
from torpor_tools.power.meter import Span, measure
from torpor_tools.power.profiler_csv import currents_in, read_profile
from torpor_tools.power.simulated_load import Load, play, policies
from torpor_tools.power.trace import read_trace, spans
from torpor_tools.project import load_board

ROOT = Path(__file__).parents[2]
BOARD = replace(
    load_board("ESP32_GENERIC"),
    currents_ma={"active": 100.0, "receive": 90.0, "idle": 30.0, "light": 1.0, "deep": 0.01},
    timings_ms={"boot": 200.0, "start": 500.0, "rejoin": 800.0, "join": 3000.0},
)
PICO = replace(load_board("RPI_PICO_W"), timings_ms={})


def event(start: int, at: float, name: str, **fields: object) -> dict[str, object]:
    return {"event": name, "start": start, "at": at / 1000, **fields}


def radio(start: int, at: float, state: str, power: str = "performance") -> dict[str, object]:
    return event(start, at, "radio", state=state, power=power)


def test_the_average_is_charge_over_time() -> None:
    energy = measure([Span("idle", 0, 900), Span("active", 900, 1000)], BOARD.currents_ma)
    assert energy.average_ma == pytest.approx((900 * 30 + 100 * 100) / 1000)
    assert energy.mah_per_day == pytest.approx(24 * 37)
    assert energy.battery_days(888) == pytest.approx(1)


def test_a_state_without_a_current_is_named() -> None:
    with pytest.raises(UserError, match='state "doze" is not known'):
        measure([Span("doze", 0, 1)], BOARD.currents_ma)


def test_a_wake_lasts_as_long_as_on_the_chip_and_not_as_in_the_simulator() -> None:
    trace = [
        event(1, 0, "boot", cause="power-on", t=0),
        radio(1, 5, "joining"),
        event(1, 30, "ready"),
        radio(1, 40, "up", "powersave"),
        event(1, 1040, "deepsleep", ms=60_000),
        event(2, 61_040, "boot", cause="deepsleep", t=0),
        event(2, 61_050, "rejoin", address=True),
        event(2, 61_070, "ready"),
        radio(2, 61_080, "up", "none"),
        event(2, 62_080, "deepsleep", ms=60_000),
    ]
    found = spans(trace, BOARD)
    assert [(s.state, round(s.end - s.start)) for s in found] == [
        ("idle", 200),  # boot, the radio still off
        ("active", 3000),  # the join takes longer than the start
        ("idle", 1000),
        ("deep", 60_000),
        ("idle", 200),
        ("active", 800),
        ("receive", 1000),
    ]
    assert all(a.end == b.start for a, b in pairwise(found))


def test_the_quiet_tail_counts_until_the_trace_ends() -> None:
    awake = [event(1, 0, "boot", cause="power-on", t=0), event(1, 50, "ready")]
    awake += [radio(1, 60, "up", "powersave")]
    found = spans([*awake, event(1, 60_060, "end")], PICO)
    assert [(s.state, round(s.end - s.start)) for s in found] == [("idle", 10), ("idle", 60_000)]
    asleep = [*awake, event(1, 1060, "deepsleep", ms=None), event(1, 60_060, "end")]
    assert [(s.state, round(s.end - s.start)) for s in spans(asleep, PICO)] == [
        ("idle", 10),
        ("idle", 1000),
        ("deep", 59_000),
    ]


def test_the_quiet_tail_counts_until_now_while_the_simulator_runs(tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"a": SERVICE + JOB})
    storage = root / "build" / "sim"
    (storage / "box" / "run").mkdir(parents=True)
    trace = [event(1, 0, "boot", cause="power-on", t=0), event(1, 50, "ready")]
    (storage / "box" / "trace.jsonl").write_text("\n".join(map(json.dumps, trace)) + "\n")
    began = {"epoch_ns": time.time_ns() - 3600 * 10**9, "speed": 10.0}
    (storage / "box" / "run" / "facts.json").write_text(json.dumps(began))

    def idle_s() -> int:
        (line,) = [x for x in run(root, "box", "--trace").splitlines() if x.startswith("idle")]
        return int(line.split()[1])

    assert idle_s() < 36_000
    with lock(storage):
        assert idle_s() >= 36_000  # and as long as this took, ten times as fast


def test_light_sleep_is_doze_only_while_the_radio_listens() -> None:
    trace = [
        event(1, 0, "boot", cause="power-on", t=0),
        event(1, 10, "ready"),
        radio(1, 20, "up", "powersave"),
        event(1, 20, "sleep", mode="light", ms=None, t=20),
        event(1, 120, "wake", reason="packet", t=120),
        radio(1, 130, "off"),
        event(1, 130, "sleep", mode="light", ms=100, t=130),
        event(1, 999, "wake", reason="timer", t=230),  # reported late, with its own time
        event(1, 999, "reset", cause="reset", t=230),
    ]
    states = {s.state: round(s.end - s.start) for s in spans(trace, PICO)}
    assert states == {"idle": 10, "doze": 100, "deep": 100}


def test_an_invalid_trace_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"event": "boot", "start": 1, "at": 0}\nno\n{"event": "x"}\n')
    with pytest.raises(UserError, match=r"trace.jsonl:2: this is not an event"):
        read_trace(path)
    with pytest.raises(UserError, match="run the board first"):
        read_trace(tmp_path / "missing.jsonl")
    path.write_text('{"event": "boot", "start": 1, "at": 0}\n{"event": "rea')
    assert len(read_trace(path)) == 1  # its board still runs


def test_the_policies_are_in_the_expected_order() -> None:
    load = Load(requests_per_minute=1, every_ms=None, linger_ms=500, hours=6)
    board = load_board("RPI_PICO_W")
    outcomes = [play(board, policy, load) for policy in policies(board)]
    averages = [o.energy.average_ma for o in outcomes]
    medians = [o.latency(0.5) for o in outcomes]
    assert [o.policy for o in outcomes] == ["on", "idle", "doze", "deep"]
    assert averages[0] > averages[1] > averages[3] > averages[2] > 0  # a Pico's start costs much
    assert medians == sorted(medians)
    assert len({len(o.latencies_ms) for o in outcomes}) == 1  # no request is lost
    assert play(board, "deep", load).latencies_ms == outcomes[3].latencies_ms


def test_all_time_is_accounted_for() -> None:
    load = Load(requests_per_minute=2, every_ms=30_000, hours=2)
    for policy in policies(BOARD):
        energy = play(BOARD, policy, load).energy
        assert 7_200_000 <= energy.total_ms < 7_200_000 + 130_000


def csv(path: Path, rows: list[tuple[float, float]], head: str = "") -> Path:
    lines = [head or "Timestamp(ms),Current(uA),D0-D7"]
    path.write_text("\n".join([*lines, *(f"{t},{c},00000000" for t, c in rows)]) + "\n")
    return path


def test_a_profilers_file_is_added_up_by_time(tmp_path: Path) -> None:
    rows = [(0.0, 1000.0), (1.0, 1000.0), (3.0, 7000.0), (4.0, 0.0)]
    profile = read_profile(csv(tmp_path / "ppk.csv", rows))
    assert profile.total_ms == 4
    assert profile.average_ma == pytest.approx((1 + 2 + 7) / 4)


def test_a_long_file_keeps_its_average_in_a_short_curve(tmp_path: Path) -> None:
    rows = [(i * 0.01, 100_000.0 if i % 1000 < 100 else 10.0) for i in range(50_001)]
    profile = read_profile(csv(tmp_path / "ppk.csv", rows))
    assert profile.average_ma == pytest.approx(10.009, rel=1e-3)
    assert len(profile.curve) <= 4001


HEAD = "Timestamp(ms),Current(uA)\n"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("time,current\n0,1\n", "ppk.csv:1: the first line does not name"),
        ("Timestamp(ms),Current(uA)\n0,1\n1,x\n", "ppk.csv:3:3: 'x' is not a number"),
        ("Timestamp(ms),Current(uA)\n1,1\n0,1\n", "ppk.csv:3: the time 0 ms does not come after"),
        ("Timestamp(ms),Current(uA)\n0,1\n", "holds 1 sample, and at least two are needed"),
        (HEAD, "holds 0 samples, and at least two are needed"),
        (HEAD + "0,-1000\n1,-1000\n2,-1000\n", "is negative (-1 mA)"),
        (HEAD + "0,1\n1,-5\n2,1\n3,-5\n", "is negative (-0.00"),
        ("", "ppk.csv:1: the first line does not name"),
        (HEAD + "0,1\n1,NaN\n2,1\n", "ppk.csv:3:3: 'NaN' is not a number"),
        (HEAD + "0,1\n1,inf\n2,1\n", "ppk.csv:3:3: 'inf' is not a number"),
        (HEAD + "0,1\n-Infinity,1\n", "ppk.csv:3:1: '-Infinity' is not a number"),
        (HEAD + "0,1\n1,1e999\n2,1\n", "ppk.csv:3:3: '1e999' is not a number"),
        (HEAD + "0,1\n1,1_0\n2,1\n", "ppk.csv:3:3: '1_0' is not a number"),
        (HEAD + "0,1\n1,\n", "ppk.csv:3:3: '' is not a number"),
        (HEAD + "0,00,12,5\n0,01,12,5\n", "ppk.csv:2: '0,00,12,5' has 4 values, the first line 2"),
        (HEAD + '"0,00","12,5"\n', "ppk.csv:2:1: '0,00' is not a number"),
        (HEAD + "0\n1\n", "ppk.csv:2: '0' has 1 value, the first line 2"),
        (HEAD + "0;1\n1;1\n", "ppk.csv:2: '0;1' has 1 value, the"),
        (HEAD + "0,1\n1,1\n501,1\n502,1\n", "500 ms separate this sample from the last, and 1 ms"),
        (HEAD + "0,1\n500,1\n500.01,1\n", "ppk.csv:3: 500 ms separate this sample"),
        (HEAD + "0,1\n1,\0\n", "ppk.csv"),
        (HEAD.encode("utf-16").decode("latin-1") + "0,1\n", "ppk.csv:1:1: the byte 0xff is not"),
        ("Timestamp(ms),Current(\u00b5A)\n0,1\n1,1\n", "ppk.csv:1:23: the byte 0xb5 is not UTF-8"),
        (HEAD + "0,1\n1,1\xff\n", "ppk.csv:3:4: the byte 0xff is not UTF-8"),
    ],
)
def test_a_file_that_is_not_a_measurement_is_refused(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "ppk.csv"
    path.write_text(text, encoding="latin-1")
    for read in (read_profile, lambda path: currents_in(path, [Span("active", 0, 1e9)])):
        with pytest.raises(UserError) as error:
            read(path)
        assert wrong in str(error.value)
        assert error.value.problems[0].remedy


def test_an_odd_file_that_is_a_measurement(tmp_path: Path) -> None:
    path = tmp_path / "ppk.csv"
    for text in (
        "\ufeffTimestamp(ms),Current(\u00b5A)\r\n0,1000\r\n1,1000\r\n",
        "D0,Current(\u03bcA),Timestamp(ms)\n0,1e3,0.0\n0,1000.,1\n\n",
        HEAD + "-1, 1000\n+0.5,+1000\n.35e1,1000\n",  # rounded steps
        HEAD + "0,2500\n1,-500\n2,3000\n",  # noise around zero
    ):
        path.write_text(text, encoding="utf-8", newline="")
        assert read_profile(path).average_ma == pytest.approx(1)


def test_measured_currents_replace_those_of_the_datasheet(tmp_path: Path) -> None:
    states = [Span("active", 0, 10), Span("deep", 10, 100)]
    rows = [(float(t), 80_000.0 if 50 <= t < 60 else 20.0) for t in range(200)]
    path = csv(tmp_path / "ppk.csv", rows)
    assert currents_in(path, states, offset_ms=50) == pytest.approx({"active": 80, "deep": 0.02})


def run(root: Path, *arguments: str) -> str:
    settings = Settings(str(root))
    result = CliRunner().invoke(command, list(arguments), obj=settings, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


SERVICE = "from torpor import Service, every\n\n\nclass A(Service):\n"
JOB = "    @every(minutes=5)\n    async def look(self) -> None: ...\n"


def test_the_command_reads_loads_traces_and_measurements(tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"a": SERVICE + JOB}, "ESP32_GENERIC")
    message = run(root, "box", "--requests", "0.5", "--plot", "load.svg")
    assert [line.split()[0] for line in message.splitlines()[1:4]] == ["on", "idle", "deep"]
    assert "a job every 300 s" in message
    assert "datasheet figures" in message
    assert (root / "load.svg").read_text().startswith("<?xml")

    folder = root / "build" / "sim" / "box"
    folder.mkdir(parents=True)
    trace = [event(1, 0, "boot", cause="power-on", t=0), event(1, 50, "ready")]
    trace += [radio(1, 60, "up", "powersave"), event(1, 2060, "deepsleep", ms=10_000)]
    trace += [event(2, 12_060, "boot", cause="deepsleep", t=0)]
    (folder / "trace.jsonl").write_text("\n".join(map(json.dumps, trace)) + "\n")
    message = run(root, "box", "--trace", "--plot", "trace.png")
    assert "deep      10 s  0.01" in message
    assert "datasheet figures" in message
    assert (root / "trace.png").read_bytes()[:4] == b"\x89PNG"

    csv(root / "ppk.csv", [(0.0, 5000.0), (1000.0, 5000.0)])
    message = run(root, "box", "--import", "ppk.csv", "--battery", "120")
    assert "5 mA on average, 120 mAh a day, 1 days on 120 mAh" in message
    assert "datasheet" not in message


def test_a_plot_of_an_unknown_kind_and_a_missing_board(tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"a": SERVICE + JOB}, "ESP32_GENERIC")
    with pytest.raises(UserError, match=r"cannot be a \.gif"):
        run(root, "box", "--plot", "x.gif")
    with pytest.raises(UserError, match='did you mean "box"'):
        run(root, "bo")
    with pytest.raises(UserError, match="run the board first"):
        run(root, "box", "--trace")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "0 s"), (0.0005, "0.5 ms"), (0.02, "20 ms"), (0.9994, "999 ms"), (1, "1 s")),
        *((59, "59 s"), (60, "1 min"), (90, "1.5 min"), (3600, "1 h"), (86_400, "1 day")),
        *(
            (2.5 * 86_400, "2.5 days"),
            (365 * 86_400, "1 year"),
            (400 * 86_400, "400 days"),
            (1000 * 86_400, "2.74 years"),
        ),
    ],
)
def test_durations_in_plots_have_a_readable_unit(seconds: float, text: str) -> None:
    assert plots.duration(seconds) == text


def _overlapping(figure: Any) -> list[tuple[str, str]]:
    """Return the texts of a figure that overlap when drawn."""
    figure.draw_without_rendering()
    texts = [
        text
        for axis in figure.axes
        for text in (
            *axis.get_xticklabels(),
            *axis.get_yticklabels(),
            *(axis.get_legend().get_texts() if axis.get_legend() else ()),
            *(getattr(axis, name) for name in ("_left_title", "title")),
            axis.xaxis.label,
            axis.yaxis.label,
        )
        if text.get_text() and text.get_visible()
    ]
    shown = [(text.get_text(), text.get_window_extent()) for text in texts]
    return [
        (a, b)
        for n, (a, one) in enumerate(shown)
        for b, other in shown[n + 1 :]
        if one.overlaps(other) and one.width and other.width
    ]


@pytest.mark.parametrize(
    ("requests", "kind", "every_ms"),
    [
        *((0.0, "RPI_PICO_W", None), (1.0, "RPI_PICO_W", 5000), (60.0, "RPI_PICO_W", 60_000)),
        *((0.05, "ESP32_GENERIC", None), (1.0, "ESP32_GENERIC", 5000)),
    ],
)
def test_no_texts_of_a_plot_overlap(
    requests: float,
    kind: str,
    every_ms: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures: list[Any] = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: figures.append(figure))
    board = load_board(kind)
    load = Load(requests_per_minute=requests, every_ms=every_ms, hours=3)
    outcomes = [play(board, policy, load) for policy in policies(board)]
    plots.plot_load(board, load, outcomes, 2500, tmp_path / "plot.svg")
    (figure,) = figures
    assert len(figure.axes) == len(outcomes) + 2  # a panel for each policy
    assert _overlapping(figure) == []
    for panel, outcome in zip(figure.axes, outcomes, strict=False):
        assert panel.get_title(loc="left").startswith(f"{outcome.policy}: ")
        assert len(panel.get_lines()) == 1


def test_the_picture_in_the_docs_shows_an_example(tmp_path: Path) -> None:
    """It also has a second colour for each of its own, for readers who prefer a dark theme."""
    words = ["power", "hall", "--requests", "0.1", "--plot", str(tmp_path / "power.svg")]
    assert cli.run(["-C", str(ROOT / "examples" / "door"), *words]) == 0
    drawn = (tmp_path / "power.svg").read_text(encoding="utf-8")
    kept = ROOT / "docs" / "power.svg"
    if os.environ.get("TORPOR_PICTURES"):
        kept.write_text(drawn, encoding="utf-8", newline="\n")
    renew = "renew it: TORPOR_PICTURES=1 .venv/bin/pytest tests/host_tools/test_power.py"
    texts = re.findall(r"<!-- (.*) -->", drawn)  # matplotlib draws text as curves
    assert "how long callers wait" in texts
    assert re.findall(r"<!-- (.*) -->", kept.read_text(encoding="utf-8")) == texts, renew
    style, rest = drawn.split("@media (prefers-color-scheme: dark)")[1].split("</style>", 1)
    used = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", rest))
    assert used <= set(re.findall(r": (#[0-9a-f]{6})\"", style))
