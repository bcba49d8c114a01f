"""The passes of the linker, in their order."""

from __future__ import annotations

from collections.abc import Callable

from . import bind, collect, compile, names, pack, release, resolve, shake, split, wire
from .program import Program

Pass = tuple[str, Callable[[Program], None], str]
Report = Callable[[str], None]

# Name, function, and what it does in the words of ``torpor build -v``.
PASSES: tuple[Pass, ...] = (
    ("collect", collect.run, "read the modules of the services"),
    ("bind", bind.run, "remove peers' classes, decorators and types"),
    ("wire", wire.run, "generate the wiring, and stubs for other boards"),
    ("resolve", resolve.run, "add the modules that something imports"),
    ("shake", shake.run, "remove code of packages and runtime that nothing names"),
    ("release", release.run, "list the modules of services that start on request"),
    ("split", split.run, "split off code that is loaded when it is called"),
    ("compile", compile.run, "compile with mpy-cross"),
    ("names", names.run, "count the names, and reserve room for them at the start"),
)
# The last one, for a program without mistakes.
PACK: Pass = ("pack", pack.run, "add start files, static files and secrets")


def run_passes(program: Program, report: Report | None = None) -> Program:
    """Run every pass but the last over the program, and report each in a line if asked to."""
    for each in PASSES:
        _run(each, program, report)
    return program


def run_pack(program: Program, report: Report | None = None) -> Program:
    """Run the last pass over a program that has no mistakes."""
    _run(PACK, program, report)
    return program


def _run(each: Pass, program: Program, report: Report | None) -> None:
    name, run, what = each
    run(program)
    if report:
        report(f"{program.board.name}: {name:<8} {what}: {_size(program)}")


def _size(program: Program) -> str:
    """Return the size of the program after a pass, in words."""
    if program.files:
        return f"{len(program.files)} files, {sum(map(len, program.files.values())):,} bytes"
    modules = f"{len(program.modules)} modules"
    if program.compiled:
        return f"{modules}, {sum(map(len, program.compiled.values())):,} bytes of bytecode"
    return f"{modules}, {sum(len(m.source) for m in program.modules.values()):,} characters"
