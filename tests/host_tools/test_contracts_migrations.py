"""Migrations in ``contracts.lock``: recorded by hash, and not to be edited once released."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from tests.helpers.running import write_cluster
from torpor_tools.cli import root as torpor
from torpor_tools.contracts import load_plan
from torpor_tools.contracts.lock import read_migrations
from torpor_tools.contracts.promises import broken_promises, record, unrecorded

A = "from torpor import Service\n\n\nclass A(Service):\n    pass\n"
UP = "def up(db):\n    db.put('t', 1, {'a': 1})\n"


def write(root: Path) -> Path:
    write_cluster(root, {"a": A})
    migration(root, "0001_create", UP)
    return root


def migration(root: Path, name: str, text: str) -> Path:
    path = root / "services" / "a" / "migrations" / f"{name}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_released_migration_must_not_change(tmp_path: Path) -> None:
    root = write(tmp_path)
    record(load_plan(root))
    assert list(read_migrations(root)["a"]) == ["0001_create.py"]
    assert broken_promises(load_plan(root)) == []
    path = migration(root, "0001_create", UP + "    db.drop('old')\n")
    [problem] = broken_promises(load_plan(root))
    assert str(problem.where) == "services/a/migrations/0001_create.py"
    assert "edited after its release" in problem.what
    assert "torpor contracts bump a" in problem.remedy
    record(load_plan(root))  # does not record the edit
    assert broken_promises(load_plan(root))
    path.write_text(UP.replace("\n", "\r\n"))  # as git does on some computers
    assert broken_promises(load_plan(root)) == []


def test_a_released_migration_must_not_be_removed(tmp_path: Path) -> None:
    root = write(tmp_path)
    second = migration(root, "0002_more", UP)
    record(load_plan(root))
    second.unlink()
    [problem] = broken_promises(load_plan(root))
    assert "0002_more.py is gone" in problem.what


def test_a_new_migration_must_be_recorded(tmp_path: Path) -> None:
    root = write(tmp_path)
    record(load_plan(root))
    migration(root, "0002_more", UP)
    plan = load_plan(root)
    assert broken_promises(plan) == []
    assert unrecorded(plan) == [
        "a: new migrations: 0002_more; record them with: torpor contracts lock"
    ]
    record(plan)
    assert unrecorded(plan) == []
    assert list(read_migrations(root)["a"]) == ["0001_create.py", "0002_more.py"]


def test_a_bump_accepts_an_edit(tmp_path: Path) -> None:
    root = write(tmp_path)
    record(load_plan(root))
    migration(root, "0001_create", UP + "    db.drop('old')\n")
    bump = ["-C", str(root), "contracts", "bump", "a"]
    said = CliRunner().invoke(torpor, bump).output
    assert said == "a: migrations recorded as they are now: 0001_create.py\n"
    assert broken_promises(load_plan(root)) == []
    assert "nothing breaks" in CliRunner().invoke(torpor, bump).output
