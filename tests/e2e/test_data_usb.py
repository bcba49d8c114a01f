"""``torpor data --port``: databases over a serial line, against MicroPython on a pty."""

from __future__ import annotations

import json
import os
import pty
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.helpers.boards import FILESYSTEM, PtyBoard, read_flash, write_flash
from tests.helpers.running import write_cluster
from torpor_tools.board.data import usb
from torpor_tools.board.deploy.health import lines
from torpor_tools.board.deploy.repl import MpremoteRepl
from torpor_tools.cli import root as torpor
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.link import build

NOTES = """
from torpor import Service


class Notes(Service):
    async def start(self) -> None:
        self._notes = self.store.table("notes")
        last = self._notes.last() or 0
        if not last:
            for n in range(300):
                await self._notes.append({"text": "note %d, é" % n, "more": [1, None]})
        self.log.info("notes %d", last)
"""
UP = "def up(db):\n    db.index('notes', 'tag')\n"
# Runs the services on this board, which has no radio, as main.py does, until they have started.
MAIN = """
import asyncio, cluster
from torpor import kernel
kernel.current = kernel.Kernel(cluster)
cluster.parts = lambda: ()
asyncio.run(kernel.current.start())
print("main has run")
"""
LARGE = replace(FILESYSTEM, block_count=120)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_cluster(tmp_path_factory.mktemp("data"), {"notes": NOTES})
    (root / "services" / "notes" / "migrations").mkdir()
    (root / "services" / "notes" / "migrations" / "0001_index.py").write_text(UP)
    return root


@pytest.fixture(scope="module")
def board(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PtyBoard]:
    tree = build(load_plan(project), "box", project / "build", types=False).tree
    files = {p.relative_to(tree).as_posix(): p.read_bytes() for p in tree.rglob("*") if p.is_file()}
    flash = tmp_path_factory.mktemp("flash") / "flash"
    write_flash(flash, {**files, "boot.py": b"", "main.py": MAIN.encode()}, LARGE)
    with PtyBoard(flash) as running:
        wait_for_start(running)
        yield running


def wait_for_start(board: PtyBoard) -> None:
    shown = []
    for line in lines(board.device, lambda: False):
        if "main has run" in line:
            return
        shown.append(line)
        assert "help()" not in line, "the program has ended: " + "\n".join(shown)


def tool(project: Path, *words: str) -> Result:
    return CliRunner().invoke(torpor, ["-C", str(project), "data", *words])


def done(project: Path, *words: str) -> str:
    result = tool(project, *words)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def test_a_database_is_exported_and_imported(board: PtyBoard, project: Path) -> None:
    port = ["--port", board.device]
    _, *lines = done(project, "export", "notes", *port).splitlines()  # the first line is the origin
    rows = [json.loads(line) for line in lines]
    assert [row["key"] for row in rows] == list(range(1, 301))
    assert rows[7]["row"] == {"text": "note 7, é", "more": [1, None]}
    wait_for_start(board)  # the export stopped it, and it runs again
    rows[0]["row"] = {"text": "😀 \x04\x01 ' \" \\ \n", "tag": "🐍"}
    (project / "notes.jsonl").write_text("\n".join(map(json.dumps, rows[:100])))
    said = done(project, "import", "notes", "notes.jsonl", "--replace", *port)
    assert "notes.notes: 100 rows written" in said
    _, *lines = done(project, "export", "notes", *port).splitlines()
    assert [json.loads(line) for line in lines] == rows[:100]
    assert "notes-tag.1." in " ".join(read_flash(board.flash, LARGE)), "the index was imported too"


def test_check_reads_every_record(board: PtyBoard, project: Path) -> None:
    said = done(project, "check", "notes", "--port", board.device)
    assert ": intact: " in said
    assert "since its start" not in said, "nothing was counted: the services were stopped"


def test_impossible_requests(board: PtyBoard, project: Path) -> None:
    cases = [
        (["export", "notes", "--table", "x", "--port", board.device], "notes has no table x"),
        (["export", "nots", "--port", board.device], "there is no service nots"),
        (["check", "notes", "--port", "/dev/none"], "there is no port /dev/none"),
        (["check", "notes", "--port", board.device, "--at", "x"], "leave one of them out"),
    ]
    for words, message in cases:
        result = tool(project, *words)
        assert isinstance(result.exception, UserError), words
        assert message in str(result.exception)


def test_a_board_without_a_repl_points_to_the_network(project: Path) -> None:
    master, slave = pty.openpty()  # nothing answers here, as on a production image
    try:
        with (
            pytest.raises(UserError, match="leave --port out"),
            usb.opened(lambda: MpremoteRepl(os.ttyname(slave), 0.1), "notes"),
        ):
            pytest.fail("it has no REPL")
    finally:
        os.close(master)
        os.close(slave)
