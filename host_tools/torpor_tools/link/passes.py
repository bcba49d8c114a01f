"""The passes of the linker, in their order."""

from __future__ import annotations

from collections.abc import Callable

from . import bind, collect, compile, release, resolve, shake, split, wire
from .program import Program

# Name, function, and what it does in the words of ``torpor build -v``.
PASSES: tuple[tuple[str, Callable[[Program], None], str], ...] = (
    ("collect", collect.run, "read the modules of the services"),
    ("bind", bind.run, "remove peers' classes, decorators and types"),
    ("wire", wire.run, "generate the wiring, and stubs for other boards"),
    ("resolve", resolve.run, "add the modules that something imports"),
    ("shake", shake.run, "remove code of packages and runtime that nothing names"),
    ("release", release.run, "list the modules of services that start on request"),
    ("split", split.run, "split off code that is loaded when it is called"),
    ("compile", compile.run, "compile with mpy-cross"),
)


def run_passes(program: Program, report: Callable[[str], None] | None = None) -> Program:
    """Run every pass over the program, and report each in a line if asked to."""
    for name, run, what in PASSES:
        run(program)
        if report:
            sources = sum(len(module.source) for module in program.modules.values())
            code = sum(map(len, program.compiled.values()))
            size = f"{code:,} bytes of bytecode" if code else f"{sources:,} characters"
            report(f"{name:<8} {what}: {len(program.modules)} modules, {size}")
    return program
