"""The type stubs of a board: fetched once, and arranged so that mypy sees the chip's modules only.

MicroPython's stubs come as two wheels: ``micropython-stdlib-stubs`` with a ``stdlib/`` folder like
typeshed's (``builtins``, ``asyncio``), and the board's own modules (``machine``, ``time``,
``socket``). Both go into one ``stdlib/``, which mypy uses as its typeshed. So mypy does not know
modules that the board lacks, and does not report mistakes in the stubs. ``trim_stubs.py`` removes
from the stubs whatever the firmware does not have.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .. import pip_output
from ..errors import UserError, fail
from ..model.board import Board
from ..paths import cache_dir
from .constructors import correct
from .firmware import firmware
from .trim_stubs import trim

# The boards' stubs accept a range of versions of it; a check must not change overnight.
_STDLIB_STUBS = "micropython-stdlib-stubs==1.29.0.post2"
_LAYOUT = 7  # increase it when the output of this module, trim_stubs.py or constructors.py changes

# The stubs have separate types for ticks, so no method could return them as int.
_TICKS = """
_TicksMs: TypeAlias = int
_TicksUs: TypeAlias = int
_TicksCPU: TypeAlias = int
_Ticks: TypeAlias = int
"""

# Parts of the event loop that torpor's listener uses and the stubs lack.
_ASYNCIO_CORE = """\
from typing import Any, Generator

class IOQueue:
    poller: Any
    def queue_read(self, s: Any) -> Any: ...
    def queue_write(self, s: Any) -> Any: ...
    def remove(self, task: Any) -> None: ...
    def wait_io_event(self, dt: int) -> None: ...

_io_queue: IOQueue
cur_task: Any
"""


def stubs_dir(board: Board) -> Path:
    """The board's stubs in the layout of typeshed, fetched by pip the first time.

    Raises:
        UserError: They are not in the cache and cannot be downloaded.
    """
    name = "-".join(r.replace("==", "-") for r in (board.stubs, _STDLIB_STUBS.split("==")[1]))
    has = firmware(board.port)
    folder = cache_dir() / "stubs" / f"{name}-{_LAYOUT}-{has.digest}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
        try:
            _fetch([board.stubs, _STDLIB_STUBS], aside)
            _arrange(aside)
            trim(aside / "stdlib", has)
            _correct(aside / "stdlib" / "machine.pyi", board.port)
            aside.chmod(0o755)
            aside.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was quicker
                raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return folder


def _correct(file: Path, port: str) -> None:
    if file.is_file():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        correct(tree, port)
        text = ast.unparse(ast.fix_missing_locations(tree))
        file.write_text(f"{text}\n", encoding="utf-8", newline="\n")


def _fetch(requirements: list[str], folder: Path) -> None:
    command = [sys.executable, "-X", "utf8", "-m", "pip", "install", "--quiet"]
    command += ["--disable-pip-version-check"]
    command += ["--no-deps", "--no-compile", "--only-binary", ":all:", "--target", str(folder)]
    result = subprocess.run(
        [*command, *requirements], capture_output=True, encoding="utf-8", errors="replace"
    )
    if result.returncode:
        raise _unavailable(requirements[0], result.stderr)


def _unavailable(requirement: str, output: str) -> UserError:
    if "No module named pip" in output:
        remedy = f"this Python has no pip: {sys.executable} -m ensurepip"
    else:
        remedy = "connect to the internet once, or skip this check: torpor build --no-types"
    what = f"the type stubs {requirement} cannot be downloaded: {pip_output.reason(output)}"
    return fail(what, remedy)


def _arrange(folder: Path) -> None:
    """Combine the folders that pip has unpacked into one ``stdlib/``, with our corrections."""
    stdlib = folder / "stdlib"
    for path in sorted(folder.iterdir()):
        is_module = path.suffix == ".pyi" and path.stem != "__builtins__"
        is_package = path.is_dir() and path != stdlib and any(path.glob("*.pyi"))
        if is_module or is_package:
            path.rename(stdlib / path.name)
    (stdlib / "asyncio" / "core.pyi").write_text(_ASYNCIO_CORE, encoding="utf-8", newline="\n")
    time = stdlib / "_mpy_shed" / "time_mp.pyi"
    text = time.read_text(encoding="utf-8")
    head, opaque, _ = text.partition("class _TicksMs")
    if opaque:
        time.write_text(head + _TICKS, encoding="utf-8", newline="\n")
