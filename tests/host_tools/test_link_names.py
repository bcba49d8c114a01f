"""The linker keeps MicroPython's table of names from growing while a board works."""

from __future__ import annotations

import re
import subprocess
from itertools import islice
from pathlib import Path

import pytest

from tests.helpers.boards import MICROPYTHON
from torpor_tools.bytecode import names_of
from torpor_tools.link.compile import compile_all
from torpor_tools.link.module import Module
from torpor_tools.link.names import capacities, spare


def interned(folder: Path, program: str) -> int:
    """Return the names that MicroPython has created after it has run a program."""
    run = subprocess.run(
        [MICROPYTHON, "-c", f"import micropython, sys\n{program}\nmicropython.qstr_info()"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"n_qstr=(\d+)", run.stdout)
    assert found, run.stdout
    return int(found[1])


def test_the_names_of_bytecode_are_those_that_micropython_creates(tmp_path: Path) -> None:
    words = [f"name_{i}" for i in range(200)]  # more than one byte can count
    source = (
        "def fresh_function(fresh_argument):\n    return ("
        + ", ".join(f"fresh_argument.{w}" for w in words)
        + ")\n"
    )
    compiled, _ = compile_all([Module("a", False, source, "", "service")])
    names = names_of(compiled["a.mpy"])
    assert set(words) <= names
    (tmp_path / "a.mpy").write_bytes(compiled["a.mpy"])
    (tmp_path / "b.mpy").write_bytes(
        compile_all([Module("b", False, "", "", "service")])[0]["b.mpy"]
    )
    with_names = interned(tmp_path, "sys.path[:] = ['']\nimport a")
    without = interned(tmp_path, "sys.path[:] = ['']\nimport b")
    assert with_names - without == len(names) - 1  # both have a path and a name of their own


def test_micropython_doubles_its_table_at_the_stated_sizes(tmp_path: Path) -> None:
    """A name then takes far more of the heap than its own bytes."""
    program = """
import gc
before = gc.mem_alloc()
for i in range(1400):
    hasattr(gc, "~%04d" % i)
    gc.collect()
    if gc.mem_alloc() - before > 2000:
        micropython.qstr_info()
    before = gc.mem_alloc()
"""
    run = subprocess.run(
        [MICROPYTHON, "-c", f"import micropython\n{program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    grown_at = [int(n) - 1 for n in re.findall(r"n_qstr=(\d+)", run.stdout)]
    assert grown_at == [n for n in islice(capacities(), 9) if 200 <= n < 1400]


@pytest.mark.parametrize(
    ("ready", "later", "expected"),
    [
        (900, 1100, 0),  # never full
        (900, 1250, 1261 - 840),  # might be full later: so it is full at the start
        (1260, 1300, 1261 - 1200),  # it may have happened at the start, or not
        (1340, 1500, 0),  # it has happened
        (500, 700, 0),  # a small piece
        (2500, 2600, 2541 - 2440),
    ],
)
def test_names_are_created_early_if_the_table_would_grow_later(
    ready: int, later: int, expected: int
) -> None:
    assert spare(ready, later) == expected
