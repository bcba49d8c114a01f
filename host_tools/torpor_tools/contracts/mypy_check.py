"""mypy over the services with the type stubs of their board: the interface check of the build.

The same line of code calls a peer in memory or, after a move, over the network. This check decides
whether the call fits the contract. mypy caches its results in the project's ``build/`` folder, and
we keep its messages until something changes, so no daemon is needed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import Problem, Where
from ..files import is_shipped, project_files
from ..model.board import Board
from ..model.plan import BoardPlan, Plan
from ..paths import firmware_dir
from ..project.libraries import VENDOR
from ..result_cache import digest_of, modules_below, remembered
from .firmware import firmware
from .lib import FOLDER, Libraries
from .missing_names import explain, is_false_alarm, module_at
from .remedies import remedy
from .source import ASIDE, Module, parse_module
from .stubs import stubs_dir

_CONFIG = """\
[mypy]
python_version = 3.11
platform = {platform}
mypy_path = {paths}
custom_typeshed_dir = {stubs}
cache_dir = {cache}
namespace_packages = True
explicit_package_bases = True
no_site_packages = True
check_untyped_defs = True
follow_imports = silent
disable_error_code = {disabled}

# An existing Microdot application moves in as it is; its types are stricter than its documentation.
[mypy-microdot.*]
follow_imports = skip
ignore_missing_imports = True
"""

# A library without annotations is Any, whatever mypy would report inside it.
_ANY = """
[mypy-{name}]
follow_imports = skip
ignore_missing_imports = True
"""


def check_types(plan: Plan) -> list[Problem]:
    """Return mypy's messages about the services, as problems with remedies.

    Boards of one type have the same stubs, so mypy runs once for each type of the cluster.

    Raises:
        UserError: The stubs are not in the cache and cannot be downloaded.
    """
    kinds = {board.board.name: board.board for board in plan.boards}
    problems: dict[Problem, None] = {}
    for kind in kinds.values():
        boards = [board for board in plan.boards if board.board.name == kind.name]
        problems.update(dict.fromkeys(_check(plan, kind, boards)))
    return list(problems)


def _check(plan: Plan, kind: Board, boards: Sequence[BoardPlan]) -> Iterator[Problem]:
    root = plan.cluster.root
    services = {service.name: service for board in boards for service in board.services}
    files = [file for service in services.values() for file in _modules(service.folder)]
    if not files:
        return
    library = Libraries(plan.cluster, list(services))
    files += library.checked
    contracts = [service.contract for b in plan.boards for service in b.services]
    has = firmware(kind.port)
    view = _view(root)
    names = [file.relative_to(root) for file in files]
    config = write_config(kind, root, sees=view, untyped=library.untyped)
    digest = digest_of(
        [config.read_text(encoding="utf-8"), *map(str, names)],
        modules_below(firmware_dir(), root / "services", root / FOLDER, root / VENDOR),
        modules_below(stubs_dir(kind)),
    )
    cache = config.with_suffix(".json")
    for found in remembered(cache, digest, lambda: run_mypy(config, view, names)):
        if found["severity"] == "error":
            line, column = max(found["line"], 0), max(found["column"], -1)
            code, text = found["code"] or "", found["message"]
            module = _parsed(root, found["file"])
            if is_false_alarm(text, module, (line, column)):
                continue
            where = Where(found["file"], line, column + 1)
            if lacking := explain(code, text, module, (line, column), has):
                yield Problem(where, *lacking)
            else:
                home = module_at(module, (line, column), text)
                if home and text.startswith("Module has"):
                    text = text.replace("Module", f'Module "{home}"', 1)
                todo = remedy(code, text, contracts, kind, home, found["file"])
                if todo.startswith("from "):  # mypy may name another, which is near
                    text = text.partition(";")[0]
                yield Problem(where, text, todo)


def _view(root: Path) -> Path:
    """Return a folder with the parts of the project that an image contains."""
    view = root / "build" / ".mypy" / "image"
    view.mkdir(parents=True, exist_ok=True)
    for name in ("services", FOLDER):
        _show(root / name, view / name)
    return view


def _show(folder: Path, link: Path) -> None:
    """Make ``folder`` visible as ``link``, which also shows later changes."""
    if link.is_symlink():
        return
    try:
        link.symlink_to(Path("..", "..", "..", folder.name), target_is_directory=True)
    except FileExistsError:
        if not link.is_symlink():  # else another check made it first
            _copy(folder, link)
    except OSError:  # Windows lets only administrators and developers make links
        _copy(folder, link)


def _copy(folder: Path, copy: Path) -> None:
    """Copy the modules with their times, because mypy's cache compares these."""
    shutil.rmtree(copy, ignore_errors=True)
    for file in project_files(folder, "*.py") if folder.is_dir() else ():
        target = copy / file.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)


def _parsed(root: Path, file: str) -> Module | None:
    parsed = parse_module(root / file, root)
    return parsed if isinstance(parsed, Module) else None


def _modules(folder: Path) -> list[Path]:
    """Return the modules of a service that go to the chip."""
    return [file for file in project_files(folder, "*.py") if is_shipped(file, folder, ASIDE)]


def run_mypy(config: Path, folder: Path, files: list[Path]) -> list[dict[str, Any]]:
    """Return mypy's messages about ``files`` (relative to ``folder``), one dict per message."""
    names = [str(file) for file in files]
    # Without utf8, mypy fails on a name that the code page of Windows lacks.
    command = [sys.executable, "-X", "utf8", "-P", "-m", "mypy"]
    command += ["--config-file", str(config), "--output", "json", *names]
    # The result must depend on the project alone: MYPYPATH adds modules, MYPY_CACHE_DIR takes
    # precedence over the configuration.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MYPY")}
    result = subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", env=environment
    )
    found = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    if result.returncode and not found:
        raise RuntimeError(f"mypy failed:\n{result.stdout}{result.stderr}")
    for message in found:
        message["file"] = message["file"].replace(os.sep, "/")
    return found


def write_config(
    board: Board,
    root: Path,
    disabled: str = "var-annotated",
    first: Sequence[Path] = (),
    sees: Path | None = None,
    untyped: Sequence[str] = (),
) -> Path:
    """Write mypy's configuration for code of ``root`` that runs on this board; returns its path.

    ``disabled`` are mypy's error codes to leave out, with commas between; ``first`` are folders
    where modules are looked for before the usual ones. The lint of the device code uses these:
    ``scripts/check_device_types.py``. ``sees`` is where modules of the project are looked for, if
    not in ``root``. ``untyped`` are modules that are ``Any``. Raises ``UserError`` without stubs.
    """
    folder = root / "build" / ".mypy"
    folder.mkdir(parents=True, exist_ok=True)
    paths = ",".join(map(str, (*first, firmware_dir(), sees or root, (sees or root) / FOLDER)))
    more = "".join(_ANY.format(name=name) for name in untyped)
    # Other options need another cache; otherwise each run would discard the results of the other.
    name = f"{board.name}-{zlib.crc32((disabled + paths + more).encode()):08x}"
    path = folder / f"{name}.ini"
    text = _CONFIG.format(
        platform="linux" if board.port == "unix" else board.port,
        paths=paths,
        stubs=stubs_dir(board),
        cache=folder / name,
        disabled=disabled,
    )
    text += more
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8", newline="\n")
    return path
