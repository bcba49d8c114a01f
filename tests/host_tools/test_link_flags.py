"""Code of the runtime behind a flag: only images of boards that need it have it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from torpor_tools.link import flags
from torpor_tools.link.flags import switched
from torpor_tools.link.module import Module
from torpor_tools.link.runtime import FLAGS
from torpor_tools.model.plan import BoardPlan

FIRMWARE = Path(__file__).parents[2] / "firmware"
SOURCE = """
from micropython import const

_HOT = const(0)
_WET = const(0)
if _HOT:
    from . import fire
    import stove


def work(ready):
    if _HOT and ready:
        fire.light()
    elif _WET:
        pump()
    else:
        wait()
    if ready:
        if _HOT:
            stove.heat()
    if ready and _HOT:  # the flag is not first: stays
        rest()
    return ready
"""


@pytest.fixture(autouse=True)
def two_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {"_HOT": lambda board: board.hot, "_WET": lambda board: board.wet}
    monkeypatch.setattr(flags, "FLAGS", needed)


def text(*, hot: bool, wet: bool) -> str:
    board = cast(BoardPlan, SimpleNamespace(hot=hot, wet=wet))
    return switched(Module("torpor.work", False, SOURCE, "work.py", "runtime"), board).source


def test_code_that_the_board_needs_is_switched_on() -> None:
    assert text(hot=True, wet=True) == SOURCE.replace("const(0)", "const(1)")


def test_needs_of_other_boards_are_not_named() -> None:
    source = text(hot=False, wet=False)
    compile(source, "work.py", "exec")
    assert len(source.splitlines()) == len(SOURCE.splitlines())
    assert not [word for word in ("fire", "stove", "pump") if word in source]
    assert all(word in source for word in ("wait()", "rest()", "return ready"))


def test_each_flag_counts_for_itself() -> None:
    source = text(hot=False, wet=True)
    compile(source, "work.py", "exec")
    assert "pump()" in source
    assert "fire" not in source


@pytest.mark.parametrize("flag", FLAGS)
def test_a_module_has_the_flag(flag: str) -> None:
    sources = [path.read_text() for path in FIRMWARE.rglob("*.py")]
    with_it = [source for source in sources if f"\n{flag} = const(0)" in source]
    assert with_it
    assert all(f"if {flag}" in source for source in with_it)
