"""The passes of the linker: their order, what `torpor build -v` prints, and their page of docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.link import build
from torpor_tools.link.passes import PACK, PASSES

ROOT = Path(__file__).parents[2]
NAMES = [name for name, _, _ in (*PASSES, PACK)]
SERVICE = "from torpor import Service, get\n\n\nclass Echo(Service):\n"
METHOD = '    @get("/one")\n    async def one(self) -> int:\n        return 1\n'


def test_each_pass_is_a_function_of_a_file_of_its_name() -> None:
    for name, run, _ in (*PASSES, PACK):
        assert run.__module__ == f"torpor_tools.link.{name}"


def test_a_build_reports_the_passes_in_their_order(tmp_path: Path) -> None:
    write_cluster(tmp_path, {"echo": SERVICE + METHOD})
    plan = load_plan(tmp_path)
    lines: list[str] = []
    image = build(plan, plan.boards[0].name, tmp_path / "out", types=False, report=lines.append)
    board = plan.boards[0].name
    assert [line.split()[:2] for line in lines] == [[f"{board}:", name] for name in NAMES]
    files = [path for path in image.tree.rglob("*") if path.is_file()]
    total = sum(path.stat().st_size for path in files)
    assert lines[-1].endswith(f"{len(files)} files, {total:,} bytes")


def test_nothing_is_packed_with_a_mistake(tmp_path: Path) -> None:
    write_cluster(tmp_path, {"echo": f"import asyncioo\n{SERVICE}{METHOD}"})
    lines: list[str] = []
    plan = load_plan(tmp_path)
    with pytest.raises(UserError, match="asyncioo"):
        build(plan, plan.boards[0].name, tmp_path / "out", types=False, report=lines.append)
    assert [line.split()[1] for line in lines] == NAMES[:-1]


def test_the_page_describes_the_passes_in_their_order() -> None:
    text = (ROOT / "docs/internals/linker.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (`.+?`) \|", text, re.MULTILINE)
    assert [name for name, _ in rows] == NAMES
    for _, files in rows:
        for file in re.findall(r"`(\w+\.py)`", files):
            assert (ROOT / "host_tools/torpor_tools/link" / file).is_file(), file
