"""The bench: figures and their file, what counts as worse, the client, the plot."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench.__main__ import main
from tests.bench.compare import compare
from tests.bench.lab import Lab
from tests.bench.load import load
from tests.bench.plot import plot
from tests.bench.registry import Entry, entries, figure
from tests.bench.report import show
from tests.bench.results import Better, Figure, read, write
from torpor_tools.errors import UserError


def _figure(*rounds: float, name: str = "x", goal: float = 2, better: Better = "lower") -> Figure:
    return Figure.of(name, rounds, "ratio", goal, better)


def test_a_figure_is_the_median_of_its_rounds() -> None:
    found = _figure(1.0, 9.0, 1.5)
    assert (found.value, found.low, found.high) == (1.5, 1.0, 9.0)


@pytest.mark.parametrize(
    ("value", "better", "met"),
    [(2, "lower", True), (2.1, "lower", False), (2, "higher", True), (1.9, "higher", False)],
)
def test_a_goal_is_met(value: float, better: Better, met: bool) -> None:
    assert _figure(value, better=better).met is met


@pytest.mark.parametrize(
    ("then", "now", "better", "verdict"),
    [
        ((1.0, 1.1, 1.2), (1.15, 1.3, 1.4), "lower", "same"),  # the rounds overlap
        ((1.0, 1.1, 1.2), (1.3, 1.4, 1.5), "lower", "worse"),
        ((1.0, 1.1, 1.2), (1.3, 1.4, 1.5), "higher", "better"),
        ((5.0,), (4.0,), "lower", "better"),
        ((5.0,), (4.0,), "higher", "worse"),
        ((5.0,), (5.0,), "higher", "same"),
    ],
)
def test_a_change_counts_beyond_the_noise(
    then: tuple[float, ...], now: tuple[float, ...], better: Better, verdict: str
) -> None:
    (change,) = compare([_figure(*then, better=better)], [_figure(*now, better=better)])
    assert change.verdict == verdict


def test_figures_of_one_side_only() -> None:
    changes = compare([_figure(1, name="old")], [_figure(1, name="new")])
    assert [(c.name, c.verdict, c.share) for c in changes] == [
        ("new", "new", None),
        ("old", "gone", None),
    ]


def test_the_file(tmp_path: Path) -> None:
    figures = [_figure(1, 2, 3), _figure(7, name="y", better="higher")]
    write(tmp_path / "bench.json", figures)
    assert read(tmp_path / "bench.json") == figures
    row = json.loads((tmp_path / "bench.json").read_text())["figures"][0]
    assert row == {
        "name": "x",
        "value": 2,
        "unit": "ratio",
        "goal": 2,
        "better": "lower",
        "met": True,
        "spread": [1, 3],
    }


def test_no_file_and_a_wrong_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no"):
        read(tmp_path / "bench.json")
    (tmp_path / "bench.json").write_text('{"figures": [{"name": "x"}]}')
    with pytest.raises(UserError, match="does not hold figures"):
        read(tmp_path / "bench.json")


def test_the_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "build" / "bench.json", [_figure(3), _figure(1, name="y")])
    write(tmp_path / "old.json", [_figure(1), _figure(1, name="y")])
    show(read(tmp_path / "build" / "bench.json"))
    assert "MISSED" in capsys.readouterr().out
    assert main(["--compare", "old.json"]) == 1
    out = capsys.readouterr().out
    assert "worse" in out
    assert "+200.0%" in out
    assert "1 of 2 figures are the same" in out
    assert main(["--compare", "build/bench.json"]) == 0
    assert main(["--compare"]) == 2
    assert main(["--compare", "none.json"]) == 2
    assert "there is no" in capsys.readouterr().err


def test_every_figure_can_be_named() -> None:
    names = [entry.name for entry in entries()]
    assert len(names) == len(set(names))
    assert all(name.replace("_", "").isalnum() for name in names)
    with pytest.raises(ValueError, match="two figures"):
        figure(names[0], unit="", goal=None, better="lower")(lambda lab: 0.0)


def test_rounds_take_turns() -> None:
    order: list[str] = []

    def side(name: str, value: float) -> float:
        order.append(name)
        return value

    def measure(lab: Lab) -> list[float]:
        return lab.ratios(lambda: side("a", 6), lambda: side("b", 3))

    with Lab() as lab:
        found = Entry("x", "ratio", None, "lower", measure).measure(lab)
    assert found.value == 2
    assert order == list("ab" + "ab" + "ba" + "ab" + "ba" + "ab")


def test_the_plot_is_an_svg_with_every_figure() -> None:
    figures = [_figure(1, 3), _figure(0, name="zero"), _figure(1e9, name="far", better="higher")]
    text = plot(figures)
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert all(f">{figure.name}<" in text for figure in figures)


@pytest.mark.parametrize("closes", [True, False])
def test_the_client_counts_answers_and_checks_them(closes: bool) -> None:
    served = [0]
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def connection(sock: socket.socket) -> None:
        with sock, suppress(ConnectionError):
            while sock.recv(1000):
                served[0] += 1
                sock.sendall(answer)
                if closes:
                    return

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=connection, args=(sock,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        found = load(listener.getsockname(), "/x", connections=2, seconds=0.2)
        # The first one is a probe; requests that had not ended at the end are not counted.
        assert 0 < len(found.latencies) < served[0] <= len(found.latencies) + 3
        assert found.percentile(0) <= found.percentile(0.5) <= found.percentile(1)
        listener.shutdown(socket.SHUT_RDWR)


def test_the_client_refuses_an_answer_that_differs() -> None:
    def serve(listener: socket.socket) -> None:
        for number in range(2):  # a probe, and the first answer that is compared with it
            sock, _ = listener.accept()
            with sock:
                sock.recv(1000)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        with pytest.raises(RuntimeError, match="expected"):
            load(listener.getsockname(), "/x", seconds=0.5)
        server.join()
