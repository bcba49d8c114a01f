"""Private names of the runtime take no room in an image, and nothing else is renamed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.host_tools.small_plans import MICROPYTHON
from torpor_tools.link.compile import compile_all
from torpor_tools.link.module import Module
from torpor_tools.link.names import FREE, free_names, with_free_names
from torpor_tools.tracebacks import as_sources

NAMES = list(free_names())
A, B = NAMES[:2]
RUNTIME = f'''"""It has {A} and {B}."""
_SIZE = const(7)

class Thing:
    def {A}(self, {B}=1):
        return self.{A}, {B} # here

    def go(self):
        return self.{A}({B}=2)
'''


def runtime(source: str = RUNTIME) -> Module:
    return Module("torpor.thing", False, source, "firmware/torpor/thing.py", "runtime")


def other(source: str, part: str = "service", name: str = "services.a") -> Module:
    return Module(name, False, source, "a.py", part)


def renamed(*others: Module, start: tuple[Module, ...] = ()) -> set[str]:
    """Which of the two private names are gone."""
    code = with_free_names([runtime(), *others], start)[0].source.partition("\n")[2]
    return {name for name in (A, B) if name not in code}


def test_every_mention_is_renamed_and_every_line_stays() -> None:
    found = with_free_names([runtime()])[0]
    a, b = free_names()[A], free_names()[B]
    doc, code = RUNTIME.split("\n", 1)
    assert found.source == f"{doc}\n{code.replace(A, a).replace(B, b)}"
    assert "_SIZE" in found.source


@pytest.mark.parametrize(
    "mention",
    [
        other(f"def {A}(): pass"),
        other(f"x.{A}"),
        other(f"getattr(x, '{A}')"),
        other(f"f({A}=1)"),
        other(f"import {NAMES and free_names()[A]}"),
        other(f"x = '{A}'", "dependency", "microdot"),
        other(f"x = '{A}'", "wiring", "cluster"),
        other(f"getattr(x, '{A}')", "runtime", "torpor.other"),
        other(f"x = f'{{y.{A}}}'", "runtime", "torpor.other"),
        other(f"def {A}(): pass", "runtime", "swap"),
        other("", "runtime", f"torpor.{A}"),
    ],
)
def test_what_others_mention_stays(mention: Module) -> None:
    assert renamed(mention) == {B}


def test_what_the_start_mentions_stays() -> None:
    assert renamed(start=(other(f"kernel.{B}()", "start", "main"),)) == {A}


def test_code_of_others_stays() -> None:
    services = [
        other("def _look(self): return self._look"),
        other("x._y", "dependency", "microdot"),
    ]
    assert with_free_names([runtime(), *services])[1:] == services


def test_what_has_a_meaning_stays() -> None:
    assert not {"_io_queue", "_task_queue", "_machine"} & set(NAMES)
    assert all(re.fullmatch(r"_[^_]\w*", name) for name in NAMES)
    assert len(set(free_names().values())) == len(NAMES) <= len(FREE) == len(set(FREE))


def interned(folder: Path, modules: list[Module]) -> int:
    """How many names MicroPython knows once it has loaded the module."""
    for path, data in compile_all(modules)[0].items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)
    program = (
        "import sys, micropython; sys.path[:] = ['']; import torpor.thing; micropython.qstr_info()"
    )
    run = subprocess.run(
        [MICROPYTHON, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )
    found = re.search(r"n_qstr=(\d+)", run.stdout)
    assert found, run.stdout
    return int(found[1])


def test_the_new_names_take_no_room(tmp_path: Path) -> None:
    """MicroPython knows all of them before."""
    thing = runtime("\n".join(f"def {name}(): pass" for name in NAMES))
    package = Module("torpor", True, "", "", "runtime")
    without = interned(tmp_path, [package, runtime("")])
    assert interned(tmp_path, [package, thing]) > without + len(NAMES) * 0.9
    assert interned(tmp_path, with_free_names([package, thing])) == without


def test_tracebacks_tell_the_real_name() -> None:
    free = free_names()[A]
    told = f"  File \"torpor/x.mpy\", line 3, in {free}\nAttributeError: no attribute '{free}'"
    shown = f"  File \"torpor/x.py\", line 3, in {A}\nAttributeError: no attribute '{A}'"
    assert as_sources(told) == shown == as_sources(shown)
    service = f'  File "services/a.py", line 3, in {free}'
    assert as_sources(service) == service
