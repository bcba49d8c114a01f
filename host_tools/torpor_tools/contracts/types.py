"""mypy over the services with the type stubs of their board: the interface check of the build."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ..errors import Problem, Where, fail
from ..model.board import Board
from ..model.plan import BoardPlan, Plan
from ..paths import cache_dir, firmware_dir

# What the boards' stubs build on; their own requirement is only a range.
_STDLIB_STUBS = "micropython-stdlib-stubs==1.29.0.post2"
_LINE = re.compile(
    r"^(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): error: (?P<text>.+?)  \[(?P<code>[a-z-]+)\]$"
)

_REMEDIES = {
    "arg-type": "pass what the contract says, or change the contract",
    "call-arg": "the contract of the called service says which arguments it takes",
    "attr-defined": "the contract of the called service says which methods it has",
    "return-value": "return what the annotation says, or change the annotation",
    "assignment": "the types on both sides must agree",
    "name-defined": "import it, or correct the name",
    "import-not-found": "MicroPython has no such module on this board",
    "unused-coroutine": "write await in front of the call",
}

_CONFIG = """[mypy]
python_version = 3.11
platform = linux
mypy_path = {paths}
custom_typeshed_dir = {stubs}
namespace_packages = True
explicit_package_bases = True
no_site_packages = True
check_untyped_defs = True
follow_imports = silent
show_column_numbers = True
hide_error_context = True
no_pretty = True
error_summary = False
cache_dir = {cache}
disable_error_code = {disabled}

[mypy-microdot.*]
follow_imports = skip
ignore_missing_imports = True
"""


def check_types(plan: Plan) -> list[Problem]:
    """What mypy says of the services, each board's with its own stubs, as problems with remedies.

    Raises ``UserError`` if the stubs are neither here nor to be had.
    """
    problems: dict[Problem, None] = {}
    for board in plan.boards:
        problems.update(dict.fromkeys(_check(plan.cluster.root.resolve(), board)))
    return list(problems)


def _check(root: Path, board: BoardPlan) -> list[Problem]:
    files = sorted(
        str(file.relative_to(root))
        for service in board.services
        for file in service.folder.resolve().rglob("*.py")
        if not {"tests", "migrations"} & set(file.relative_to(service.folder.resolve()).parts)
    )
    if not files:
        return []
    config = write_config(board.board, root)
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(config), *files],
        cwd=root,
        capture_output=True,
        text=True,
    )
    matches = [match for line in result.stdout.splitlines() if (match := _LINE.match(line))]
    if result.returncode and not matches:
        raise RuntimeError(f"mypy failed:\n{result.stdout}{result.stderr}")
    # The stubs have faults of their own, which are not the user's.
    return [_problem(match) for match in matches if match["file"] in files]


def _problem(match: re.Match[str]) -> Problem:
    where = Where(match["file"], int(match["line"]), int(match["column"]))
    return Problem(
        where, match["text"], _REMEDIES.get(match["code"], f"mypy calls this {match['code']}")
    )


def write_config(board: Board, root: Path, disabled: str = "var-annotated") -> Path:
    """Write mypy's configuration for code that runs on this board; for our own lint too."""
    folder = root / "build" / ".mypy"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{board.name}.ini"
    stubs = stubs_dir(board)
    paths = ":".join(map(str, (firmware_dir(), stubs, root)))
    path.write_text(
        _CONFIG.format(paths=paths, stubs=stubs, cache=folder / board.name, disabled=disabled)
    )
    return path


def stubs_dir(board: Board) -> Path:
    """The folder with this board's stubs, fetched by pip the first time. Raises ``UserError``."""
    folder = cache_dir() / "stubs" / board.stubs.replace("==", "-")
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--target", str(aside), board.stubs, _STDLIB_STUBS]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        shutil.rmtree(aside, ignore_errors=True)
        last = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise fail(
            f"the type stubs {board.stubs} cannot be fetched: {last}",
            "connect to the internet once, or build with --no-types",
        )
    try:
        aside.rename(folder)
    except OSError:  # another process was quicker
        shutil.rmtree(aside, ignore_errors=True)
    return folder
