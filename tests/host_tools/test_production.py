"""Production images: nobody gets a prompt.

Whether Ctrl-C does nothing is asked of the official firmware, in ``soak/test_emulated_deploy.py``:
the Unix port takes it from the terminal, not from the bytes of its line.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.helpers.boards import PtyBoard, write_flash
from tests.helpers.running import running_images, write_cluster
from tests.host_tools.test_cli_image import SERVICE
from tests.host_tools.test_deploy import image
from torpor_tools.board.deploy.health import lines
from torpor_tools.cli import run
from torpor_tools.contracts import load_plan
from torpor_tools.link import build
from torpor_tools.link.start import start_modules

DIES = """
def run():
    print("it runs")
    {end}
"""


@pytest.mark.parametrize(
    "end", ["raise ValueError('a bug')", "raise SystemExit", "raise KeyboardInterrupt", "return"]
)
def test_the_chip_restarts_however_the_kernel_ends(tmp_path: Path, end: str) -> None:
    files = image(1, "old", {"torpor/kernel.py": DIES.format(end=end).encode()})
    for module in start_modules("rp2", production=True):
        files[module.path] = module.source.encode()
    write_flash(tmp_path / "flash", files)
    received: list[str] = []
    with PtyBoard(tmp_path / "flash") as board:
        for line in lines(board.device, lambda: received.count("it runs") >= 2):
            received.append(line.strip())
        assert board.starts >= 2
    assert not [line for line in received if ">>>" in line]


def test_only_a_production_image_is_closed(tmp_path: Path) -> None:
    root = write_cluster(tmp_path / "project", {"hello": SERVICE})
    fs = root / "build" / "box" / "fs"
    assert run(["-C", str(root), "build", "--no-types"]) == 0
    assert "kbd_intr" not in (fs / "boot.py").read_text()
    assert run(["-C", str(root), "build", "--no-types", "--production"]) == 0
    # Before anything else, in each: a Ctrl-C that comes while the rest is loaded must find it
    # closed, and the firmware turns Ctrl-C on again for each file that it runs.
    for name in ("boot.py", "main.py"):
        closed = ast.parse((fs / name).read_text()).body
        assert [ast.unparse(node) for node in closed[:2]] == [
            "import micropython",
            "micropython.kbd_intr(-1)",
        ]
        [guarded] = closed[2:]
        assert isinstance(guarded, ast.Try)
        assert "machine.reset()" in ast.unparse(guarded)


def test_it_serves_like_any_other_image(tmp_path: Path) -> None:
    root = write_cluster(tmp_path / "project", {"hello": SERVICE})
    plan = load_plan(root)
    production = build(plan, "box", root / "build", types=False, production=True)
    with running_images([production]) as board:
        assert board.client("hello").get("/hello").text == "hello"
