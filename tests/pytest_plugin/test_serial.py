"""``--target`` with a serial port: real mpremote and a raw REPL, that of the Unix port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.repl_board import ReplBoard

from .conftest import Project
from .test_running import HELLO

TESTS = """\
import pytest


async def test_a_service_answers(start, client):
    await start()
    print("asking")
    assert (await client.get("/hello?name=Ada")).json() == {"hello": "Ada", "count": 1}


def test_values_come_over_the_line():
    assert [1, "h\\u00e9"] == [1, "e"]


@pytest.mark.device_timeout(0.3)
def test_busy():
    while True:
        pass


@pytest.mark.device_timeout(0.3)
def test_crash():
    import uctypes

    uctypes.bytes_at(8, 4)


def test_clock_and_world(clock, board):
    from machine import Pin

    board.pin(4, 1)
    assert Pin(4, Pin.IN).value() == 1
    Pin(5, Pin.OUT).on()
    assert board.output(5) == 1


def test_after():
    pass
"""


@pytest.fixture
def board() -> Iterator[ReplBoard]:
    with ReplBoard() as found:
        yield found


@pytest.fixture
def hello(project: Project) -> Project:
    return project.write({"hello": HELLO}, {"hello/tests/test_hello.py": TESTS})


def test_on_a_serial_line(hello: Project, board: ReplBoard) -> None:
    (board.files / "main.py").write_text("raise SystemExit\n")
    run = hello.pytest(f"--target={board.device}")
    assert run.counts == {"failed": 3, "passed": 3}, run.text
    assert "assert [1, 'hé'] == [1, 'e']" in run.report("test_values_come_over_the_line")
    assert ">           pass" not in run.report("test_values_come_over_the_line")
    assert "did not end within" in run.report("test_busy")
    assert "hung" in run.report("test_crash")
    # All our files are in a separate folder.
    assert {path.name for path in board.files.iterdir()} <= {".test", "main.py"}


def test_existing_files_are_not_written_again(hello: Project, board: ReplBoard) -> None:
    hello.pytest(f"--target={board.device}", "-k", "after")
    mpy = board.files / ".test" / "torpor" / "clock.mpy"
    before = mpy.stat().st_mtime_ns
    assert hello.pytest(f"--target={board.device}", "-k", "after").counts["passed"] == 1
    assert mpy.stat().st_mtime_ns == before


def test_a_port_without_a_board(hello: Project) -> None:
    run = hello.pytest("--target=/dev/ttyNOTHING")
    assert "no board answers at /dev/ttyNOTHING" in run.text
    assert "Traceback" not in run.text


def test_one_board_is_for_one_worker(hello: Project) -> None:
    run = hello.pytest("--target=/dev/ttyNOTHING", "-n", "2")
    assert "there is one board, so leave -n out" in run.text


def test_a_separate_path_would_mislead_pytest(hello: Project) -> None:
    run = hello.pytest("--target", "/dev/ttyNOTHING")
    assert "write --target=/dev/ttyNOTHING, with =" in run.text
