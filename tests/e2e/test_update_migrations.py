"""An update whose migration runs, and which the board does not keep."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.running import running, write_cluster
from tests.helpers.updates import add_keys, tool
from torpor_tools.contracts import load_plan
from torpor_tools.link import build
from torpor_tools.update import history

HELLO = """
from torpor import Service, get


class Hello(Service):
    async def start(self) -> None:
        self._rows = self.store.table("rows")

    @get("/hello")
    async def hello(self) -> int:
        return await self._rows.count()
"""
UNHEALTHY = """
    async def healthy(self) -> bool:
        return False
"""
OTHER = """
from torpor import Service, get


class Other(Service):
    @get("/other")
    async def other(self) -> str:
        return "other"
"""


def test_a_service_that_the_old_image_cannot_start_is_named(tmp_path: Path) -> None:
    write_cluster(tmp_path, {"hello": HELLO, "other": OTHER})
    add_keys(tmp_path)
    migrations = tmp_path / "services/hello/migrations"
    migrations.mkdir()
    up = 'def up(db):\n    db.put("rows", %d, {"n": 1})\n'
    (migrations / "0001_v1.py").write_text(up % 1)
    history.keep(build(load_plan(tmp_path), "box", tmp_path / "build", types=False), tmp_path)
    words = ("update", "--no-types", "--confirm", "1")
    with running(tmp_path, types=False, storage=tmp_path / "build" / "sim") as board:
        (migrations / "0002_v2.py").write_text(up % 2)
        (tmp_path / "services/hello/__init__.py").write_text(HELLO + UNHEALTHY)
        failed = tool(tmp_path, *words)
        assert "The old image's hello does not start on such data" in failed.stderr
        text = "hello does not start any more, because 0002_v2 has run: send a build that has it"
        assert "box went back to build" in str(failed.exception), board.log_text("box")
        assert text in str(failed.exception), board.log_text("box")
        shown = tool(tmp_path, "update", "--status").output
        assert "went back: hello.healthy: False; " + text in shown
        (tmp_path / "services/hello/__init__.py").write_text(HELLO)
        done = tool(tmp_path, *words)
        assert done.exit_code == 0, (done.output, repr(done.exception), board.log_text("box"))
        with board.client("hello") as client:
            assert client.get("/hello").json() == 2
        for options in (
            ("--data-loss",),
            ("--data-loss", "--dry-run"),
            (),
        ):  # nothing is sent: the board would not keep it
            back = tool(tmp_path, "rollback", *options)
            assert "does not start hello on this data" in str(back.exception)
            assert "torpor flash, which erases all data" in str(back.exception)
