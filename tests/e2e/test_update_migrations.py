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
MIGRATIONS = "services/hello/migrations"
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


def write_project(root: Path, services: dict[str, str]) -> Path:
    """Write a project whose board accepts updates, and return its folder."""
    write_cluster(root, services)
    add_keys(root)
    (root / MIGRATIONS).mkdir()
    return root


def migrate(root: Path, number: int) -> None:
    """Add the migration of hello with that number, which adds a row."""
    text = f'def up(db):\n    db.put("rows", {number}, {{"n": 1}})\n'
    (root / MIGRATIONS / f"000{number}_v{number}.py").write_text(text)


def kept(root: Path, source: str) -> str:
    """Keep a build of that source of hello for a rollback, and return its id."""
    (root / "services/hello/__init__.py").write_text(source)
    history.keep(build(load_plan(root), "box", root / "build", types=False), root)
    return history.builds(root, "box")[0].build


def test_a_service_that_the_old_image_cannot_start_is_named(tmp_path: Path) -> None:
    migrate(write_project(tmp_path, {"hello": HELLO, "other": OTHER}), 1)
    kept(tmp_path, HELLO)
    words = ("update", "--no-types", "--confirm", "1")
    with running(tmp_path, types=False, storage=tmp_path / "build" / "sim") as board:
        migrate(tmp_path, 2)
        (tmp_path / "services/hello/__init__.py").write_text(HELLO + UNHEALTHY)
        failed = tool(tmp_path, *words)
        assert "The old image's hello does not start on such data" in failed.stderr
        text = "hello does not start any more, because 0002_v2 has run: send a build that has it, "
        text += "or use --data-loss"
        assert "box went back to build" in str(failed.exception), board.log_text("box")
        assert text in str(failed.exception), board.log_text("box")
        shown = tool(tmp_path, "update", "--status").output
        assert "went back: hello.healthy: False; " + text in shown
        (tmp_path / "services/hello/__init__.py").write_text(HELLO)
        done = tool(tmp_path, *words)
        assert done.exit_code == 0, (done.output, repr(done.exception), board.log_text("box"))
        with board.client("hello") as client:
            assert client.get("/hello").json() == 2


def test_a_rollback_with_data_loss_drops_the_data_once_it_is_kept(tmp_path: Path) -> None:
    migrate(write_project(tmp_path, {"hello": HELLO, "other": OTHER}), 1)
    unhealthy = kept(tmp_path, HELLO + UNHEALTHY)
    healthy = kept(tmp_path, HELLO)
    for number in (2, 3):
        migrate(tmp_path, number)
    kept(tmp_path, HELLO)
    words = ("rollback", "--confirm", "1", "--to")
    with running(tmp_path, types=False, storage=tmp_path / "build" / "sim") as board:

        def rows() -> int:
            with board.client("hello") as client:
                return int(client.get("/hello").text)

        assert rows() == 3
        refused = str(tool(tmp_path, *words, healthy).exception)
        assert "hello 3 (the build has 1)" in refused
        assert "add --data-loss, which drops all data of hello" in refused
        shown = tool(tmp_path, *words, healthy, "--data-loss", "--dry-run")
        assert "box drops all data of 1 service: hello." in shown.stderr, repr(shown.exception)
        back = tool(tmp_path, *words, unhealthy, "--data-loss")
        assert "box went back to build" in str(back.exception), board.log_text("box")
        assert rows() == 3, board.log_text("box")
        done = tool(tmp_path, *words, healthy, "--data-loss")
        assert done.exit_code == 0, (done.output, repr(done.exception), board.log_text("box"))
        assert rows() == 1
        again = tool(tmp_path, "update", "--no-types", "--confirm", "1")
        assert again.exit_code == 0, (again.output, repr(again.exception), board.log_text("box"))
        assert rows() == 3
        (tmp_path / MIGRATIONS / "0003_v3.py").unlink()
        older = ("update", "--no-types", "--confirm", "1")
        refused = str(tool(tmp_path, *older).exception)
        assert "hello 3 (the build has 2)" in refused
        done = tool(tmp_path, *older, "--data-loss")
        assert done.exit_code == 0, (done.output, repr(done.exception), board.log_text("box"))
        assert rows() == 2


def test_data_of_a_service_that_sources_and_image_lack_is_found(tmp_path: Path) -> None:
    services = {
        "keeper": HELLO.replace("Hello", "Keeper").replace("hello", "keeper"),
        "hello": HELLO,
        "other": OTHER,
    }
    migrate(write_project(tmp_path, services), 1)
    older = kept(tmp_path, HELLO)
    migrate(tmp_path, 2)
    words = ("rollback", "--confirm", "1", "--to", older)
    with running(tmp_path, types=False, storage=tmp_path / "build" / "sim") as board:
        cluster = (tmp_path / "cluster.toml").read_text()
        without = cluster.replace('"hello", ', "").replace("[services.hello]\nport = 8002\n", "")
        (tmp_path / "cluster.toml").write_text(without)
        assert "hello 2 (the build has 1)" in str(tool(tmp_path, *words).exception)
        done = tool(tmp_path, "update", "--no-types", "--confirm", "1")
        assert done.exit_code == 0, (done.output, repr(done.exception), board.log_text("box"))
        assert "hello 2 (the build has 1)" in str(tool(tmp_path, *words).exception)
        (tmp_path / "cluster.toml").write_text(cluster)
        migrate(tmp_path, 3)
        shown = tool(tmp_path, "update", "--no-types", "--dry-run")
        assert "hello: 0003_v3 will run" in shown.stderr, (shown.output, repr(shown.exception))
        assert "does not start" not in shown.stderr
        done = tool(tmp_path, *words, "--data-loss")
        assert done.exit_code == 0, (done.output, repr(done.exception), board.log_text("box"))
        with board.client("hello") as client:
            assert client.get("/hello").json() == 1
