"""Run a program with an image's modules on the official Pico W firmware in the emulator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.helpers.running import write_cluster
from torpor_sim.emulated import EmulatedBoard
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.contracts import load_plan
from torpor_tools.image import littlefs
from torpor_tools.image.flashable import flashable
from torpor_tools.link import build

_PREFIX = "measured "


async def run_on_emulated_pico(folder: Path, services: Mapping[str, str], program: str) -> str:
    """Run ``program`` instead of main.py; return the rest of its first line after ``measured``.

    ``services`` (name -> source) are the services of the image, which is built in ``folder``.
    """
    folder.mkdir()
    image = build(
        load_plan(write_cluster(folder, dict(services))), "box", folder / "build", types=False
    )
    tree = image.tree
    files = {str(p.relative_to(tree)): p.read_bytes() for p in tree.rglob("*") if p.is_file()}
    files |= {"boot.py": b"", "main.py": program.encode()}
    board = image.board.board
    packed = littlefs.pack(files, board.filesystem)
    (folder / "board.uf2").write_bytes(flashable(board, firmware(board).read_bytes(), packed))
    async with EmulatedBoard(uf2=folder / "board.uf2") as running:
        line = await running.wait_line(_PREFIX)
    return line.text.partition(_PREFIX)[2]
