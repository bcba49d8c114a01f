"""The store inside an image: opened, migrated and supervised by the kernel."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.running import running, write_cluster

NOTES = """
from torpor import Service, get, post


class Notes(Service):
    async def start(self) -> None:
        self._notes = self.store.table("notes")

    @post("/notes")
    async def add(self, text: str) -> dict:
        self.state["added"] = self.state.get("added", 0) + 1
        self.state.commit()
        return {"key": await self._notes.append({"text": text})}

    @get("/notes")
    async def all_notes(self) -> list[dict]:
        found = []
        async for _, row in self._notes.scan():
            found.append(row)
        return found

    @get("/added")
    async def added(self) -> int:
        return self.state.get("added", 0)
"""
OTHER = """
from torpor import Service, get


class Other(Service):
    @get("/alive")
    async def alive(self) -> bool:
        return True
"""
LOUD = """
def up(db):
    db.rewrite("notes", lambda row: dict(row, text=row["text"].upper()))
"""
FAILS = """
def up(db):
    db.rewrite("notes", lambda row: {"text": ""})
    raise ValueError("no such unit")
"""


def write(root: Path, *migrations: str) -> Path:
    write_cluster(root, {"notes": NOTES, "other": OTHER})
    folder = root / "services" / "notes" / "migrations"
    folder.mkdir()
    for number, source in enumerate(migrations, 1):
        (folder / f"{number:04}_step.py").write_text(source)
    return root


def test_data_survives_restarts_and_new_images(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    with running(write(tmp_path / "one"), types=False, storage=storage, fresh=False) as run:
        for text in ("one", "two"):
            with run.client("notes") as client:
                assert client.post("/notes", json={"text": text}).status_code == 200
        run.kill("box")
        with run.client("notes") as client:
            assert client.get("/notes").json() == [{"text": "one"}, {"text": "two"}]
            assert client.get("/added").json() == 2
    with running(write(tmp_path / "two", FAILS), types=False, storage=storage, fresh=False) as run:
        with run.client("notes") as client:
            answer = client.get("/notes")
            assert answer.status_code == 503
            assert "0001_step: ValueError: no such unit" in answer.text
        with run.client("other") as client:
            assert client.get("/alive").json() is True
    with (
        running(write(tmp_path / "three", LOUD), types=False, storage=storage, fresh=False) as run,
        run.client("notes") as client,
    ):
        assert client.get("/notes").json() == [{"text": "ONE"}, {"text": "TWO"}]
    with (
        running(write(tmp_path / "four"), types=False, storage=storage, fresh=False) as run,
        run.client("notes") as client,
    ):
        answer = client.get("/notes")
        assert answer.status_code == 503
        assert "has had 1 migrations, this image has 0: put the newer image back" in answer.text


DEEP = """
def up(db):
    fill(db)


def fill(db):
    db.fill("notes", ((n, {"n": 1 // (1 - n)}) for n in range(3)))
"""
ODD = """
UNITS = {}
DEFAULT = UNITS["celsius"]


def up(db):
    pass
"""


def test_a_failing_migration_is_reported_with_its_file_and_line(tmp_path: Path) -> None:
    for case, (source, line, error) in enumerate(
        (
            (FAILS, 4, "ValueError: no such unit"),
            (DEEP, 7, "ZeroDivisionError"),
            (ODD, 3, "KeyError"),
        )
    ):
        with running(write(tmp_path / str(case), source), types=False) as run:
            with run.client("notes") as client:
                message = client.get("/notes").json()["error"]
            assert f"migration 0001_step: {error}" in message
            assert message.endswith(f" (services/notes/migrations/0001_step.py:{line})")
            run.wait_log("box", "migration 0001_step failed")
            log = run.log_text("box")
            assert f'File "services/notes/migrations/0001_step.py", line {line}' in log
