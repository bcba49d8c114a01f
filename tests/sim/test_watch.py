"""Watch mode: the new code answers, or the old code keeps running."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from tests.sim import tiny
from torpor_sim import Rebuild, Simulator, watch
from torpor_tools.cli.sim import _report
from torpor_tools.contracts import load_plan
from torpor_tools.errors import fail
from torpor_tools.link import build
from torpor_tools.model.image import Image


class Project:
    """A cluster whose only source is services/web/__init__.py: the text that it answers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.source = root / "services" / "web" / "__init__.py"
        self.source.parent.mkdir(parents=True)
        self.source.write_text("first")
        (root / "cluster.toml").write_text("")
        self.builds = count()
        self.gone = False  # an editor has removed a file that the build is about to read

    def build(self) -> list[Image]:
        if self.gone:
            self.source.with_name("gone.py").read_text()
        text = self.source.read_text()
        if "wrong" in text:
            raise fail(f"{text} is wrong")
        source = tiny.SERVER + f"def answer(path): return {text!r}\nasyncio.run(serve(8001))"
        source = text if "crash" in text else source
        folder = self.root / "build" / str(next(self.builds))
        return [tiny.image(folder, source, tiny.plan(ports={"web": 8001}))]


@dataclass
class Watched:
    project: Project
    sim: Simulator
    changes: asyncio.Queue[Rebuild]

    async def write(self, text: str, path: Path | None = None) -> Rebuild:
        """Write a source until a change is reported: the watch may not have begun yet."""
        while True:
            (path or self.project.source).write_text(text)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3):
                    return await self.changes.get()

    async def answer(self) -> str:
        return (await self.sim.http("web").get("/")).text


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    project = Project(tmp_path / "project")
    changes: asyncio.Queue[Rebuild] = asyncio.Queue()
    async with Simulator(project.build(), ports="os") as sim:
        task = asyncio.create_task(watch(sim, project.root, project.build, changes.put_nowait))
        yield Watched(project, sim, changes)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_new_code_answers(watched: Watched) -> None:
    assert await watched.answer() == "first"
    change = await watched.write("second")
    assert change.error is None
    assert change.files == (watched.project.source,)
    assert await watched.answer() == "second"


async def test_a_build_that_fails_leaves_the_old_code_running(watched: Watched) -> None:
    process = watched.sim.board("shed").pid
    change = await watched.write("wrong")
    assert "wrong is wrong" in str(change.error)
    assert await watched.answer() == "first"
    assert watched.sim.board("shed").pid == process
    change = await watched.write("right")
    assert change.error is None
    assert await watched.answer() == "right"


async def test_crashing_code_is_reported_and_can_be_fixed(watched: Watched) -> None:
    change = await watched.write("crash")
    assert "NameError" in str(change.error)
    change = await watched.write("crash")
    assert "NameError" in str(change.error)  # the same bytes, and still a mistake
    change = await watched.write("fixed")
    assert change.error is None
    assert await watched.answer() == "fixed"


async def test_the_same_code_does_not_restart_the_board(watched: Watched) -> None:
    await watched.write("second")
    process = watched.sim.board("shed").pid
    await watched.write("second")
    assert watched.sim.board("shed").pid == process


async def test_cluster_toml_is_watched_and_the_build_folder_is_not(watched: Watched) -> None:
    root = watched.project.root
    change = await watched.write("# changed", root / "cluster.toml")
    assert change.files == (root / "cluster.toml",)
    for other in ("build/note.py", ".hidden.py", "notes.txt", "services/web/tests/test_x.py"):
        (root / other).parent.mkdir(exist_ok=True)
        (root / other).write_text("x")
    replacement = root / "cluster.new"
    replacement.write_text("# as an editor does it")
    replacement.rename(root / "cluster.toml")
    async with asyncio.timeout(30):
        change = await watched.changes.get()
    assert change.files == (root / "cluster.toml",)


async def test_files_of_editors_are_ignored_and_do_not_end_the_watch(
    watched: Watched,
) -> None:
    await watched.write("second")
    folder = watched.project.source.parent
    for name in (".#__init__.py", "nowhere.py"):
        (folder / name).symlink_to("user@machine.4711:1764000000")
    for name in (".x.py", "__pycache__/x.py", ".git/x.py", "x.py~", "#x.py#"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    (folder / ".#__init__.py").unlink()
    while (change := await watched.write("third")).files == (folder / "nowhere.py",):
        pass
    assert set(change.files) <= {watched.project.source, folder / "nowhere.py"}
    assert await watched.answer() == "third"


async def test_a_file_that_vanishes_during_a_build_does_not_end_the_watch(
    watched: Watched,
) -> None:
    await watched.write("second")
    watched.project.gone = True
    change = await watched.write("third")
    assert "the next change is tried again" in str(change.error)
    watched.project.gone = False
    assert (await watched.write("fourth")).error is None
    assert await watched.answer() == "fourth"


GOOD = """
from torpor import Service, get


class {name}(Service):
    @get("/")
    async def read(self) -> str:
        return "here"
"""
BROKEN = """
    async def start(self) -> None:
        raise ValueError("no probe")
"""


async def test_only_services_that_answer_are_reported_as_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    valve, page = GOOD.format(name="Valve"), GOOD.format(name="Page")
    root = write_cluster(tmp_path / "project", {"valve": valve, "page": page}, on_request=["page"])

    def images() -> list[Image]:
        return [build(load_plan(root), "box", root / "build", types=False)]

    changes: asyncio.Queue[Rebuild] = asyncio.Queue()

    async def write(service: str, text: str) -> Rebuild:
        file = root / "services" / service / "__init__.py"
        while True:
            file.write_text(text)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(10):
                    change = await changes.get()
                    _report(change, "a file")
                    return change

    async with Simulator(images(), ports="os") as sim:
        task = asyncio.create_task(watch(sim, root, images, changes.put_nowait))
        change = await write("valve", valve + BROKEN)
        assert dict(change.refusing) == {"valve": "valve did not start: ValueError: no probe"}
        output = capsys.readouterr().out
        assert "but valve answers 503: valve did not start: ValueError: no probe" in output
        assert "answers after" not in output
        while (change := await write("valve", valve)).refusing:
            pass
        assert "a file: answers after" in capsys.readouterr().out
        change = await write("page", page + BROKEN)
        assert (dict(change.refusing), change.dormant) == ({}, ("page",))
        output = capsys.readouterr().out
        assert "page starts with its next request" in output
        assert "answers after" not in output
        assert (await sim.http("page").get("/")).status_code == 503  # it was not asked before
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
