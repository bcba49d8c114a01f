"""Input from outside can neither write a line into the log nor send events to the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.running import Running, running, write_cluster

SERVICE = """
import sys

from torpor import Service, get, log


class Echo(Service):
    @get("/log/<level>")
    async def write(self, level: str, text: str) -> None:
        if level == "debug":
            log.level = log.DEBUG
        getattr(self.log, level)(text)
        getattr(self.log, level)("got %s of %d", text, 2)

    @get("/raise")
    async def bug(self, text: str) -> None:
        raise ValueError(text)

    @get("/print")
    async def say(self, text: str) -> None:
        print(text)
        print(text, end="")

    @get("/ring")
    async def ring(self) -> list[str]:
        return log.tail(12)
"""

ATTACK = (
    'a\n1970 ERROR kernel: x\r\x1b[2J\x1e{"event":"reset"}\x7f\x85\x9b31m\t\x0b end é\U0001f321'
    "\u202e\u2028 \u061c\u200e\u200f\u2066\u2069\u202a \u200d\u2027\u206a\ud000"
    "\ufeff\u200b\u2060\u2064 \u2065\ufefe"
)
SHOWN = (
    r'a\n1970 ERROR kernel: x\x0d\x1b[2J\x1e{"event":"reset"}\x7f\x85\x9b31m\x09\x0b end é'
    "\U0001f321"
    r"\u202e\u2028 \u061c\u200e\u200f\u2066\u2069\u202a"
    " \u200d\u2027\u206a\ud000"
    r"\ufeff\u200b\u2060\u2064"
    " \u2065\ufefe"
)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(write_cluster(tmp_path_factory.mktemp("log"), {"echo": SERVICE})) as run:
        yield run


def _get(board: Running, path: str, **params: str) -> Any:
    with board.client("echo") as client:
        return client.get(path, params=params)


def _lines(board: Running, since: int) -> list[tuple[str, str, str]]:
    lines = board.sim.board("box").log.since(since)
    return [(line.level, line.service, line.text) for line in lines if not line.more]


@pytest.mark.parametrize("level", ["info", "warning", "error", "debug"])
def test_a_message_is_always_one_line(board: Running, level: str) -> None:
    mark = board.sim.board("box").log.mark()
    assert _get(board, f"/log/{level}", text=ATTACK).status_code == 204
    board.wait_log("box", "of 2", since=mark)
    name = {"warning": "WARN"}.get(level, level.upper())
    assert [line for line in _lines(board, mark) if line[1] == "echo"] == [
        (name, "echo", SHOWN),
        (name, "echo", f"got {SHOWN} of 2"),
    ]
    ring = _get(board, "/ring").json()
    assert any(line.endswith(f"echo: {SHOWN}") for line in ring)


def test_each_line_of_a_traceback_is_escaped(board: Running) -> None:
    mark = board.sim.board("box").log.mark()
    assert _get(board, "/raise", text=ATTACK).status_code == 500
    board.wait_log("box", "end é", since=mark)
    lines = board.sim.board("box").log.since(mark)
    assert [line.level for line in lines if not line.more] == ["ERROR"]
    assert all(line.service == "echo" for line in lines)
    assert lines[1].text == "Traceback (most recent call last):"
    assert "echo/__init__.py" in lines[-2].text
    assert lines[-1].text == "ValueError: " + SHOWN


def test_output_of_a_service_is_never_an_event(board: Running) -> None:
    for event in (
        '{"event":"reset","cause":"reset"}',
        '{"event":"reset"}',
        '{"event":5}',
        "[",
        "{}",
    ):
        mark = board.sim.board("box").log.mark()
        assert _get(board, "/print", text="\x1e" + event).status_code == 204
        board.wait_log("box", event, since=mark)
    assert board.sim.board("box").starts == 1
    assert not [e for e in board.sim.board("box").trace if e["event"] == "reset"]


def test_printed_text_is_escaped_for_a_terminal(board: Running) -> None:
    mark = board.sim.board("box").log.mark()
    _get(board, "/print", text="\ntitle \x1b]0;x\x07")
    board.wait_log("box", "title", since=mark)
    lines = [str(line) for line in board.sim.board("box").log.since(mark)]
    assert r"title \x1b]0;x\x07" in lines
