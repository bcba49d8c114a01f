"""Programs for MicroPython that use the store on a LittleFS in RAM."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MICROPYTHON = str(Path(sys.executable).with_name("micropython"))
HEAD = """
import sys
sys.path[:] = [{firmware!r}, {helpers!r}, {modules!r}, ".frozen"]
import asyncio, os, vfs
from flash import Flash, mounted
from torpor import Fault
from torpor.store.database import Store, opened
from torpor.store.recovery import version

class Store(Store):
    kept = []  # a file that the collector closes would read the flash while the heap is locked

    def __init__(self, *args):
        super().__init__(*args)
        self.kept.append(self)

flash = Flash({blocks})
vfs.mount(mounted(flash), "/f")
DATA = "/f/data"

async def rows(table, *args, **kw):
    found = []
    async for item in table.scan(*args, **kw):
        found.append(item)
    return found

async def refused(status, work):
    try:
        await work
    except Fault as fault:
        assert fault.status == status, fault
        return fault.message
    raise AssertionError("not refused")

async def main():
{body}

asyncio.run(main())
print("done")
"""

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a body of ``async def main()``; return its output. Migrations are in ``tmp_path``."""

    def run(body: str, *, blocks: int = 212, heap: str = "2m") -> str:
        program = tmp_path / "program.py"
        program.write_text(
            HEAD.format(
                firmware=str(ROOT / "firmware"),
                helpers=str(ROOT / "tests" / "crash" / "device"),
                modules=str(tmp_path),
                blocks=blocks,
                body=textwrap.indent(textwrap.dedent(body), "    "),
            )
        )
        done = subprocess.run(
            [MICROPYTHON, "-X", f"heapsize={heap}", str(program)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout.endswith("done\n"), done.stdout + done.stderr
        return done.stdout[:-5]

    return run
