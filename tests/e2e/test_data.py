"""``torpor data`` and ``torpor migrations`` against a board in the simulator."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.helpers.running import Running, running, write_cluster
from torpor_tools.cli import root as torpor
from torpor_tools.errors import UserError

NOTES = """
from torpor import Service, post


class Notes(Service):
    async def start(self) -> None:
        self._notes = self.store.table("notes")
        self._tags = self.store.table("tags")

    @post("/notes")
    async def add(self, text: str, tag: str) -> int:
        async with self.store.batch():
            key = await self._notes.append({"text": text, "length": len(text), "more": [1, None]})
            await self._tags.put(tag, {"note": key})
        return key
"""
UP = "def up(db):\n    db.put('notes', 1, {'text': 'welcome', 'length': 7})\n"
KEY = "8f" * 32


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_cluster(tmp_path_factory.mktemp("data"), {"notes": NOTES})
    (root / "services" / "notes" / "migrations").mkdir()
    (root / "services" / "notes" / "migrations" / "0001_create.py").write_text(UP)
    (root / "secrets.toml").write_text(f'[cluster]\nkeys = ["{KEY}"]\n')
    return root


@pytest.fixture(scope="module")
def board(project: Path) -> Iterator[Running]:
    with running(project, types=False, storage=project / "build" / "sim") as run:
        with run.client("notes") as client:
            for n in range(150):
                given = {"text": f"note {n}, é\n", "tag": f"tag {n % 7}"}
                assert client.post("/notes", json=given).status_code == 200
        yield run


def tool(project: Path, *words: str) -> Result:
    return CliRunner().invoke(torpor, ["-C", str(project), *words])


def exported(project: Path, *words: str) -> list[dict[str, object]]:
    result = tool(project, "data", "export", "notes", *words)
    assert result.exit_code == 0, result.output + repr(result.exception)
    origin, *rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert origin == {"service": "notes", "migrations": 1}
    return rows


def test_export_and_import_give_the_same_rows(board: Running, project: Path) -> None:
    rows = exported(project)
    assert len(rows) == 151 + 7
    assert rows[1] == {
        "table": "notes",
        "key": 2,
        "row": {"text": "note 0, é\n", "length": 10, "more": [1, None]},
    }
    for name in ("notes.csv", "notes.jsonl"):
        assert (
            tool(project, "data", "export", "notes", "--table", "notes", "-o", name).exit_code == 0
        )
        written = {"table": "notes", "key": 500, "row": {"stray": True}}
        (project / "stray.jsonl").write_text(json.dumps(written) + "\n")
        assert tool(project, "data", "import", "notes", "stray.jsonl").exit_code == 0
        assert written in exported(project)
        words = ["data", "import", "notes", name, "--table", "notes", "--replace"]
        result = tool(project, *words)
        assert result.exit_code == 0, repr(result.exception)
        assert "notes.notes: 151 rows written" in result.output
        assert exported(project) == rows


def test_characters_beyond_the_basic_plane_arrive_unchanged(board: Running, project: Path) -> None:
    before = exported(project)
    written: dict[str, object] = {"table": "tags", "key": "🐍", "row": {"😀": ["\U0010ffff"]}}
    for escaped in (True, False):
        (project / "wide.jsonl").write_text(json.dumps(written, ensure_ascii=escaped))
        result = tool(project, "data", "import", "notes", "wide.jsonl")
        assert result.exit_code == 0, repr(result.exception)
        assert written in exported(project)
    (project / "before.jsonl").write_text("\n".join(map(json.dumps, before)))
    for table in ("notes", "tags"):
        words = ["data", "import", "notes", "before.jsonl", "--replace"]
        assert tool(project, *words, "--table", table).exit_code == 0
    assert exported(project) == before


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('{"n": NaN}', "NaN and Infinity are not JSON"),
        ('{"n": [-Infinity]}', "NaN and Infinity are not JSON"),
        ('{"n": 1e999}', "NaN and Infinity are not JSON"),
        ('{"n": "\\ud83d"}', "is an unpaired surrogate"),
        ('{"n": 1, "n": 2}', "not a row"),
        ("[1]", "not a row"),
        (
            json.dumps({"n": "x" * 2041}),
            "the row has 2,049 bytes of JSON, and a board stores 2,048",
        ),
        ('{"n": ' + "[" * 16 + "]" * 16 + "}", "is deeper than 16 levels"),
    ],
)
def test_values_that_no_board_stores_are_refused(
    board: Running, project: Path, row: str, says: str
) -> None:
    before = exported(project)
    (project / "bad.jsonl").write_text(f'{{"table": "notes", "key": 901, "row": {row}}}\n')
    refused = tool(project, "data", "import", "notes", "bad.jsonl", "--as-is")
    assert isinstance(refused.exception, UserError)
    assert says in str(refused.exception)
    assert exported(project) == before


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ({"service": "notes", "migrations": 0}, "the rows were exported after 0 migrations, and"),
        ({"service": "tags", "migrations": 1}, "these are rows of tags, not of notes"),
    ],
)
def test_rows_of_another_shape_are_refused(
    board: Running, project: Path, origin: dict[str, Any], message: str
) -> None:
    row = {"table": "notes", "key": 900, "row": {"old": origin}}
    (project / "old.jsonl").write_text(f"{json.dumps(origin)}\n{json.dumps(row)}\n")
    refused = tool(project, "data", "import", "notes", "old.jsonl")
    assert isinstance(refused.exception, UserError)
    assert message in str(refused.exception)
    assert row not in exported(project)
    assert tool(project, "data", "import", "notes", "old.jsonl", "--as-is").exit_code == 0
    assert row in exported(project)


def test_check_finds_damage(board: Running, project: Path) -> None:
    result = tool(project, "data", "check", "notes")
    assert result.exit_code == 0, repr(result.exception)
    assert "blocks erased" in result.output
    folder = project / "build" / "sim" / "box" / "flash" / "data" / "notes"
    leaf = next(path for path in sorted(folder.glob("notes.0.*")) if path.stat().st_size > 2000)
    whole = leaf.read_bytes()
    try:
        leaf.write_bytes(whole[:700] + b"?" + whole[701:])
        result = tool(project, "data", "check", "notes")
        assert f"{leaf.name}: damaged at byte" in result.output
        assert isinstance(result.exception, UserError)
    finally:
        leaf.write_bytes(whole)


def test_migrations_are_listed(board: Running, project: Path) -> None:
    result = tool(project, "migrations")
    assert result.exit_code == 0, repr(result.exception)
    assert result.output.split()[-4:] == ["notes", "0001_create", "applied", "no"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data", "export", "nots"], "there is no service nots that keeps data"),
        (["data", "export", "notes", "--table", "x"], "its tables: notes, tags"),
        (["data", "export", "notes", "--format", "csv"], "a CSV file holds one table"),
        (["data", "import", "notes", "none.jsonl"], "there is no file none.jsonl"),
        (["data", "import", "notes", "bad.jsonl"], "bad.jsonl:2: not a row"),
        (["data", "import", "notes", "bad.csv"], "a CSV file does not name its table"),
        (["data", "import", "notes", "bad.csv", "--table", "t"], "is not called key"),
        (
            ["data", "import", "notes", "half.jsonl"],
            "half.jsonl:1: '\\ud83d' is an unpaired surrogate",
        ),
    ],
)
def test_mistakes(board: Running, project: Path, words: list[str], message: str) -> None:
    (project / "bad.jsonl").write_text('{"table": "notes", "key": 9, "row": {}}\n{"key": 1}\n')
    (project / "bad.csv").write_text("id,text\n1,x\n")
    half = r'{"table": "notes", "key": 9, "row": {"a": "\ud83d"}}'
    (project / "half.jsonl").write_text(half)
    before = exported(project)
    result = tool(project, *words)
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
    assert exported(project) == before


def test_without_the_key_the_board_refuses(board: Running, project: Path) -> None:
    secrets = project / "secrets.toml"
    try:
        secrets.write_text(f'[cluster]\nkeys = ["{"00" * 32}"]\n')
        result = tool(project, "data", "export", "notes")
        assert "knows none of the keys" in str(result.exception)
        secrets.unlink()
        result = tool(project, "data", "export", "notes")
        assert "torpor secrets init" in str(result.exception)
    finally:
        secrets.write_text(f'[cluster]\nkeys = ["{KEY}"]\n')


def test_a_board_that_breaks_off_while_it_greets_is_named(tmp_path: Path) -> None:
    write_cluster(tmp_path, {"notes": NOTES})
    (tmp_path / "secrets.toml").write_text(f'[cluster]\nkeys = ["{KEY}"]\n')
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            sock, _ = server.accept()
            sock.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        at = f"127.0.0.1:{server.getsockname()[1]}"
        done = tool(tmp_path, "data", "export", "notes", "--at", at)
        thread.join(10)
    assert isinstance(done.exception, UserError), repr(done.exception)
    assert "board box does not answer" in str(done.exception)
