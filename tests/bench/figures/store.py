"""The store compared with plain files on the same LittleFS."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

from tests.bench.lab import Lab
from tests.bench.registry import figure
from tests.crash.compiled import MICROPYTHON, compiled
from tests.helpers.emulated import run_on_emulated_pico

PROGRAM = Path(__file__).parents[2] / "crash" / "device" / "figures.py"
HEAP = """
import gc
from torpor import clock, kernel, log
import torpor.store, asyncio, json
asyncio.Lock
gc.collect()
before = gc.mem_alloc()
import torpor.store.database
gc.collect()
print("measured", gc.mem_alloc() - before)
"""
KEEPER = """
from torpor import Service


class Keeper(Service):
    async def start(self) -> None:
        self._rows = self.store.table("rows")
"""


def firmware(lab: Lab) -> Path:
    """Compile the runtime, and return its folder."""
    return compiled(lab.folder / "firmware")


def _measured(lab: Lab, name: str, heap: str) -> Any:
    command = [MICROPYTHON, "-X", f"heapsize={heap}", str(PROGRAM), str(lab.once(firmware)), name]
    done = subprocess.run([*command, str(lab.rounds)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@figure("store_append_over_floor", unit="ratio", goal=0.6, better="higher")
def store_append_over_floor(lab: Lab) -> list[float]:
    """Compare appends a second with those to one file that is flushed after each write."""
    ratios: list[float] = _measured(lab, "append", "2m")
    return ratios


@figure("store_index_bytes_per_row", unit="bytes", goal=1, better="lower")
def store_index_bytes_per_row(lab: Lab) -> float:
    """Measure the RAM per row of a table of 50,000 rows, all of which were used, on 64 bits."""
    return float(_measured(lab, "index", "24m"))


@figure("store_newest_over_scan", unit="ratio", goal=2, better="lower")
def store_newest_over_scan(lab: Lab) -> list[float]:
    """Compare reading the newest of 50,000 rows with reading the newest of 500."""
    ratios: list[float] = _measured(lab, "newest", "24m")
    return ratios


@figure("store_range_100_over_raw", unit="ratio", goal=6, better="lower")
def store_range_100_over_raw(lab: Lab) -> list[float]:
    """Compare reading a range of 100 rows with reading as many bytes from a file."""
    ratios: list[float] = _measured(lab, "range_100", "2m")
    return ratios


@figure("store_erases_per_commit", unit="erases", goal=None, better="lower")
def store_erases_per_commit(lab: Lab) -> float:
    """Measure the block erases per commit of one row, including compaction."""
    return float(_measured(lab, "wear", "2m")[0])


@figure("store_module_heap_bytes", unit="bytes", goal=9000, better="lower")
def store_module_heap_bytes(lab: Lab) -> int:
    """Measure the heap of the store's modules on the official firmware, in the emulator."""
    folder = lab.folder / "heap"
    return int(asyncio.run(run_on_emulated_pico(folder, {"keeper": KEEPER}, HEAP)))
