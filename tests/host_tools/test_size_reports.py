"""``torpor build --json``, ``--summary`` and ``--compare``: the output of a build for CI."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from torpor_tools.cli import run
from torpor_tools.cli.scaffold import write_project, write_service
from torpor_tools.cli.size_document import read
from torpor_tools.cli.size_summary import markdown
from torpor_tools.errors import UserError


def part(name: str, kind: str, compiled: int, heap: int | None = 0, **more: int) -> dict[str, Any]:
    static = more.get("static", 0)
    figures = {"compiled": compiled, "static": static, "total": compiled + static, "heap": heap}
    return {"name": name, "kind": kind, **figures, "heap_on_request": more.get("on_request", 0)}


def board(name: str, *parts: dict[str, Any]) -> dict[str, Any]:
    def total(key: str) -> int | None:
        known = [p[key] for p in parts if p[key] is not None]
        return sum(known) if known else None

    keys = ("compiled", "static", "total", "heap", "heap_on_request")
    sums = {key: total(key) for key in keys}
    return {
        "name": name,
        "type": "T",
        "title": "A Pico",
        **sums,
        "capacity": 10_000,
        "parts": parts,
    }


def sizes(*boards: dict[str, Any]) -> dict[str, Any]:
    return {"schema": 1, "cluster": "home", "boards": list(boards)}


PARTS = (
    part("door", "service", 100, 500, static=50),
    part("torpor.kernel", "runtime", 1000, 2000),
    part("torpor.http.wire", "runtime", 200, 300),
    part("boot.py", "start", 10, 0),
)


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_a_table_for_each_board() -> None:
    text = markdown(sizes(board("desk", *PARTS), board("shed", part("a", "service", 1, None))))
    assert text.splitlines()[0] == "### torpor: sizes of home"
    assert "**desk** (A Pico): 1,360 of 10,000 bytes of the filesystem, 14%" in text
    assert rows(text)[:7] == [
        "| part | kind | compiled B | static B | heap B |",
        "| --- | --- | ---: | ---: | ---: |",
        "| door | service | 100 | 50 | 500 |",
        "| 2 modules | runtime | 1,200 |  | 2,300 |",
        "| 1 files | start | 10 |  |  |",
        "| **total** |  | **1,310** | **50** | **2,800** |",
        "| part | kind | compiled B | static B | heap B |",
    ]
    assert "| a | service | 1 |  |  |" in text  # its heap was not measured
    assert "base" not in text


def test_changes_are_shown_with_their_size() -> None:
    new = board(
        "desk",
        part("door", "service", 90, 500, static=50),
        part("lock", "service", 70, 40),
        part("torpor.kernel", "runtime", 1000, 2000),
        part("torpor.http.wire", "runtime", 260, 300),
        part("torpor.late", "runtime", 5, 0, on_request=64),
        part("boot.py", "start", 10, 0),
    )
    old = board("desk", *PARTS, part("gone", "service", 33, 44))
    text = markdown(sizes(new), sizes(old, board("attic", *PARTS)))
    assert "Compared with the base: +92 bytes in flash, \N{MINUS SIGN}4 bytes of heap." in text
    assert "| door | service | 90 (\N{MINUS SIGN}10) | 50 | 500 |" in text
    assert "| lock (new) | service | 70 |  | 40 |" in text
    assert "| 3 modules | runtime | 1,265 (+65) |  | 2,300 [64 on request] |" in text
    assert "| gone (removed) | service | 0 (\N{MINUS SIGN}33) |  | 0 (\N{MINUS SIGN}44) |" in text
    assert "**attic** was removed." in text
    assert "<details><summary>2 modules changed</summary>" in text
    assert "| torpor.http.wire | 260 (+60) | 300 |" in text
    assert "| torpor.late (new) | 5 (+5) |  |" in text
    assert "| torpor.kernel |" not in text


def test_an_unchanged_image_is_reported() -> None:
    text = markdown(sizes(board("desk", *PARTS)), sizes(board("desk", *PARTS)))
    assert "Same size as the base." in text
    assert "(" not in "".join(rows(text))
    assert "<details>" not in text
    assert "New: there is nothing" in markdown(sizes(board("new", *PARTS)), sizes())


def test_a_name_has_no_effect_in_markdown() -> None:
    text = markdown(sizes(board("a|b", part("*x*_<y>`", "service", 1, 1))))
    assert "**a\\|b**" in text
    assert "| \\*x\\*\\_\\<y\\>\\` |" in text


BROKEN = [
    ("", "not valid JSON"),
    ("[]", "does not hold the sizes of a build"),
    ('{"schema": 1}', "does not hold the sizes of a build"),
    ('{"schema": 2, "boards": []}', "schema 2, and this torpor reads 1"),
    ('{"schema": 1, "boards": {}}', '"boards" is not a list'),
    ('{"schema": 1, "boards": [1]}', "a board has no name"),
    ('{"schema": 1, "boards": [{"name": "a"}]}', "a has no parts"),
    ('{"schema": 1, "boards": [{"name": "a", "parts": [{}]}]}', "a part of a has no name"),
]


@pytest.mark.parametrize(("text", "what"), BROKEN)
def test_another_file_is_refused(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text(text)
    with pytest.raises(UserError, match=r"base\.json") as caught:
        read(tmp_path / "base.json", "base.json")
    assert what in str(caught.value)


@pytest.mark.parametrize("key", ["compiled", "total", "heap"])
def test_a_figure_that_is_not_a_number_is_refused(key: str, tmp_path: Path) -> None:
    broken = copy.deepcopy(sizes(board("desk", *PARTS)))
    broken["boards"][0]["parts"][1][key] = "12"
    (tmp_path / "base.json").write_text(json.dumps(broken))
    with pytest.raises(UserError, match=f"{key} of torpor.kernel is not a number"):
        read(tmp_path / "base.json", "base.json")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, "home", "RPI_PICO_W")
    write_service(folder, "hello")
    return folder


def test_a_build_writes_both_and_compares(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build = ["-C", str(project), "build", "--no-types"]
    assert run([*build, "--json", "old.json"]) == 0
    assert "wrote old.json" in capsys.readouterr().out
    table = read(project / "old.json", "old.json")["boards"][0]
    assert table["name"] == "desk"
    assert table["total"] == sum(part["total"] for part in table["parts"]) > 10_000
    assert table["heap"] > 10_000
    source = project / "services" / "hello" / "__init__.py"
    source.write_text(source.read_text() + "\n\nGREETINGS = ['good morning', 'good night']\n")
    assert run([*build, "--json", "new.json", "--summary", "-", "--compare", "old.json"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("### torpor: sizes of home")
    assert "Compared with the base: +" in out
    assert "compiled B" in err  # the table for people is still printed
    assert run([*build, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == read(project / "new.json", "new.json")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--compare", "old.json"], "give that too"),
        (["--json", "-", "--summary", "-"], "each need a file"),
        (["--frozen", "--json", "-"], "--frozen shows no sizes"),
    ],
)
def test_options_that_contradict_each_other(
    options: list[str], what: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(project), "build", *options]) == 2
    assert what in capsys.readouterr().err


def test_a_file_that_cannot_be_read_or_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build = ["-C", str(project), "build", "--no-types"]
    assert run([*build, "--summary", "-", "--compare", "none.json"]) == 1
    assert "none.json cannot be read: No such file" in capsys.readouterr().err
    assert run([*build, "--json", "nowhere/sizes.json"]) == 1
    assert "nowhere/sizes.json cannot be written" in capsys.readouterr().err
