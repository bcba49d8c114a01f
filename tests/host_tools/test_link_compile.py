"""mpy-cross: its output, the code that it refuses, and the errors that the user sees."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.host_tools.small_plans import MICROPYTHON
from torpor_tools.errors import Problem
from torpor_tools.link.compile import compile_all
from torpor_tools.link.module import Module
from torpor_tools.tracebacks import as_sources


def module(source: str, name: str = "services.a", part: str = "service") -> Module:
    return Module(name, False, source, f"{name.replace('.', '/')}.py", part)


def problems(source: str) -> list[Problem]:
    compiled, found = compile_all([module(source)])
    assert not (compiled and found)
    return found


def test_bytecode_carries_the_name_that_tracebacks_show(tmp_path: Path) -> None:
    compiled, found = compile_all([module("def f():\n\n    raise ValueError('gone')\n")])
    assert found == []
    (tmp_path / "a.mpy").write_bytes(compiled["services/a.mpy"])
    run = subprocess.run(
        [MICROPYTHON, "-c", f"import sys; sys.path[:] = [{str(tmp_path)!r}]; import a; a.f()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'File "services/a.mpy", line 3, in f' in run.stdout
    assert 'File "services/a.py", line 3, in f' in as_sources(run.stdout)
    assert "gone" in run.stdout


def test_the_name_in_tracebacks_costs_no_string(tmp_path: Path) -> None:
    """It is the path that the loader interns anyway: in a package, and for the package itself."""
    names = ("a", "b", "b.c")
    modules = [Module(name, name == "b", "", "", "runtime") for name in names]
    compiled, _ = compile_all(modules)
    for path, data in compiled.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)

    def interned() -> int:
        program = (
            "import sys, micropython; sys.path[:] = ['']; import a, b.c; micropython.qstr_info()"
        )
        run = subprocess.run(
            [MICROPYTHON, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        found = re.search(r"n_qstr=(\d+)", run.stdout)
        assert found, run.stdout
        return int(found[1])

    shared = interned()
    for path, data in compiled.items():
        other = data.replace(path.encode(), path.replace(".mpy", ".xyz").encode())
        assert other != data
        (tmp_path / path).write_bytes(other)
    assert interned() == shared + len(names)


@pytest.mark.parametrize(
    ("line", "use", "names"),
    [
        ("from micropython import const", "X = const(7)\n_Y = const(8)", ["X", "f"]),
        ("from micropython import const, kbd_intr", "X = const(7)", ["X", "f", "kbd_intr"]),
        ("from micropython import const", "X = const(7)\nZ = [const(9)]", ["X", "Z", "const", "f"]),
        ("from micropython import const as c", "X = c(7)", ["X", "c", "f"]),
    ],
)
def test_const_takes_no_place_in_a_module(
    tmp_path: Path, line: str, use: str, names: list[str]
) -> None:
    source = f"{line}\n{use}\ndef f():\n    _IN = const(3)\n    return X + _IN\n"
    if " as c" in line:
        source = source.replace(" const(3)", " c(3)")
    compiled, found = compile_all([module(source)])
    assert found == []
    (tmp_path / "a.mpy").write_bytes(compiled["services/a.mpy"])
    program = (
        f"import sys; sys.path[:] = [{str(tmp_path)!r}]; import a; "
        "print(a.f(), sorted(n for n in a.__dict__ if not n.startswith('_')))"
    )
    run = subprocess.run([MICROPYTHON, "-c", program], capture_output=True, text=True, check=False)
    assert run.stdout == f"10 {names}\n", run.stderr


def test_only_one_thread_parses(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()
    parse = ast.parse

    def watched(*args: Any, **kw: Any) -> Any:
        threads.add(threading.current_thread())
        return parse(*args, **kw)

    monkeypatch.setattr(ast, "parse", watched)
    names = [f"services.s{n}" for n in range(8)]
    sources = ["match x:\n    case 1: pass", "x = 1"] * 4  # mpy-cross refuses every other one
    compiled, found = compile_all([module(s, n) for s, n in zip(sources, names, strict=True)])
    assert (len(compiled), len(found)) == (4, 4)
    assert threads == {threading.current_thread()}


# Code that CPython accepts and MicroPython does not; mpy-cross refuses each line.
REFUSED = {
    "match x:\n    case 1: pass": "match",
    "try: pass\nexcept* ValueError: pass": "except*",
    "async def f():\n    return [x async for x in y]": "async comprehensions",
    "async def f():\n    return [await x for x in y]": "async comprehensions",
    "async def f():\n    return (x for x in y for z in await x)": "async comprehensions",
    "def f(a, /, b): pass": "positional-only",
    "x = {**a, 'b': 1}": "inside a dict display",
    "x = f'{a!a}'": "conversion !a",
    "x = [*a, 1]": "inside a list",
    "x = *a, 1": "inside a list",
    "x = {*a}": "inside a list",
    "@a[0]\ndef f(): pass": "decorators",
    "@a().b\ndef f(): pass": "decorators",
    "@(lambda f: f)\nclass F: pass": "decorators",
    "with (a as b, c as d): pass": "with statement",
    "with (a as b): pass": "with statement",
    "async def f():\n    async with (a as b): pass": "with statement",
    r"x = '\N{EM DASH}'": r"\N{...}",
    "import micropython\n@micropython.native\ndef f(): pass": "native code",
    "def f():\n    x = 1\n    global x": "does not accept this: identifier redefined as global",
}
if sys.version_info >= (3, 12):
    REFUSED |= {
        "type X = int": "type statement",
        "def f[T](x: T): pass": "type parameters",
        "class A[T]: pass": "type parameters",
    }


@pytest.mark.parametrize("source", REFUSED)
def test_refused_with_a_remedy(source: str) -> None:
    # Line 1 is something else, so that line numbers mean something.
    found = problems(f"import time\n{source}\n")
    assert len(found) == 1
    assert REFUSED[source] in found[0].what
    assert found[0].remedy
    assert found[0].where is not None
    assert found[0].where.file == "services/a.py"
    assert found[0].where.line >= 2


# Close to the above, and accepted.
ACCEPTED = [
    "if (n := 3) > 2: pass",
    "print(f'{x!r:>{w}} {y=}', rf'{x}', f'{f(1)}' 'b')",
    "async def f():\n    return [x for x in await y]",
    "async def f():\n    async for x in y: pass\n    async with a as b, c as d: yield 1",
    "def f(a, *, b=1, **c): pass",
    "a, *b = c",
    "f(*a, *b, **c, **d)",
    "@a.b.c(1)\ndef f(): pass",
    "with (a) as b, c: pass",
    "with (a, b) as c: pass",
    "with (a if b else c) as d, e as f: pass",
    "with (a): pass",
    "x: dict[str, int] | None = {1_000: 0x_ff}",
    "def f(a: int, *b: str) -> list[int]: pass",
]


@pytest.mark.parametrize("source", ACCEPTED)
def test_accepted(source: str) -> None:
    assert problems(source) == []


def test_a_with_in_parentheses_is_refused_because_mpy_cross_reads_a_tuple() -> None:
    found = problems("def f():\n    pass\n\n    with (a, b):\n        pass\n")
    assert [str(p.where) for p in found] == ["services/a.py:4"]


def test_all_constructs_of_a_file_are_named_at_once() -> None:
    found = problems("x = {**a}\ndef f(a, /): pass\nmatch x:\n    case 1: pass\n")
    assert [p.where.line for p in found if p.where] == [1, 2, 3]


def test_all_files_are_compiled_even_if_one_is_refused() -> None:
    modules = [module("x = [*a]", "services.a"), module("x = 1", "services.b")]
    compiled, found = compile_all(modules)
    assert list(compiled) == ["services/b.mpy"]
    assert len(found) == 1


def test_foreign_packages_are_compiled_unchanged() -> None:
    assert compile_all([module("with (a, b): pass", part="dependency")])[1] == []


def test_the_cache_gives_the_same_bytes_without_mpy_cross(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = [module(f"x = {i}", f"services.a{i}") for i in range(5)]
    first = compile_all(modules, tmp_path)
    assert first == compile_all(modules)

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("mpy-cross was started")

    monkeypatch.setattr(subprocess, "run", refuse)
    assert compile_all(modules, tmp_path) == first
    with pytest.raises(AssertionError, match="mpy-cross was started"):
        compile_all([module("x = 6", "services.a0")], tmp_path)


def test_refused_files_are_not_cached(tmp_path: Path) -> None:
    for _ in range(2):
        assert len(compile_all([module("x = [*a]")], tmp_path)[1]) == 1
