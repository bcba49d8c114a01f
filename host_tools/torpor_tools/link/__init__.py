"""The linker: from a plan to an image.

A ``Program`` goes through the passes that ``passes.py`` lists; ``build`` packs and writes the image
that they leave. ``runtime.py`` states what the linker knows about the device's runtime.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .. import paths
from ..contracts import check_types, read_plan
from ..contracts.openapi import documents
from ..contracts.promises import broken_promises
from ..crashes.builds import keep_build
from ..errors import Problem, UserError, fail
from ..files import project_files
from ..image import littlefs
from ..image.tree import replace_folder, write_tree
from ..model.image import Image
from ..model.plan import BoardPlan, Plan
from ..project.partitions import larger_filesystem
from ..project.secrets import mistakes
from ..result_cache import digest_of, modules_below, remembered
from . import radio
from .freeze import FOLDER, frozen_files, left_over
from .inputs import Inputs, needs_broker
from .pack import missing_secrets as missing_secrets_of
from .passes import run_pack, run_passes
from .program import Program
from .radio import without_wifi
from .sizes import measure, to_json
from .start import start_modules

Report = Callable[[str], None]
_FOLDERS = ("services", "lib", "vendor")  # the folders of a project that go into an image

__all__ = [
    "build",
    "build_boards",
    "check",
    "check_syntax",
    "image_files",
    "missing_secrets",
    "without_wifi",
]


def build(
    plan: Plan,
    board_name: str,
    out: Path,
    *,
    types: bool = True,
    strict: bool = False,
    production: bool = False,
    frozen: bool = False,
    inputs: Inputs | None = None,
    report: Report | None = None,
) -> Image:
    """Build the image of a board below ``out`` and return it.

    ``out/<board>/`` is replaced as a whole, and only if all went well: ``fs/`` (the root of the
    chip's filesystem), ``<board>.lfs`` (the same as a LittleFS2 image), ``cluster.py`` (the wiring,
    to be read, and what belongs to it), ``sizes.json`` and ``openapi/<service>.json``. Same input,
    same bytes. ``types=False`` leaves out the check with mypy; ``strict`` makes calls in memory go
    through the wire encoding; ``production`` disables the board's prompt over USB; ``frozen``
    writes the modules to ``frozen/``, for a firmware that you build, and leaves them out of the
    filesystem. ``inputs`` are shared by the boards of one command; ``report`` gets a line for each
    pass. Raises ``UserError`` with all problems found.
    """
    board = _board(plan, board_name)
    inputs = inputs or Inputs(plan)
    linked = _link(
        plan,
        board,
        inputs,
        cache=out / ".cache" / "mpy",
        strict=strict,
        frozen=frozen,
        report=report,
    )
    files = _files(linked, inputs, types=types, production=production, report=report)
    if frozen:
        files = left_over(files)
    flash = board.board.filesystem
    larger = larger_filesystem(board.board)
    filesystem = littlefs.pack(files, flash, larger)
    if any(service.contract.has_store for service in board.services):
        littlefs.check_room_for_data(files, flash, board.name, larger)
    if linked.updated:
        littlefs.check_room_for_updates(files, flash, board.name, larger)
    sizes = measure(board, tuple(linked.modules.values()), files)
    folder = out / board.name

    def write(new: Path) -> None:
        write_tree(files, new / "fs")
        (new / f"{board.name}.lfs").write_bytes(filesystem)
        for name, text in linked.generated.items():
            (new / f"{name}.py").write_text(text, encoding="utf-8", newline="\n")
        (new / "sizes.json").write_text(to_json(sizes), encoding="utf-8", newline="\n")
        write_tree(_documents(plan, board), new / "openapi")
        if frozen:
            start = start_modules(
                board.board.port, production, radio.begin(board), outputs=board.outputs
            )
            write_tree(frozen_files(linked.modules.values(), start), new / FOLDER)

    replace_folder(folder, write)
    keep_build(out, plan, board, files, linked.modules.values())
    return Image(board, folder, folder / "fs", folder / f"{board.name}.lfs", sizes)


def build_boards(
    plan: Plan, names: Iterable[str], out: Path, *, types: bool = True, **options: Any
) -> Iterator[Image]:
    """Build several boards of a plan, one after the other.

    Args:
        plan: The cluster.
        names: The boards.
        out: The folder to build below.
        types: Whether mypy checks the services: once, as one run covers all boards.
        **options: As for ``build``.

    Yields:
        The image of each board.

    Raises:
        UserError: All problems of a board.
    """
    inputs = Inputs(plan)
    for name in names:
        yield build(plan, name, out, types=types, inputs=inputs, **options)
        types = False


def image_files(plan: Plan, board_name: str, cache: Path | None = None) -> dict[str, bytes]:
    """Return the files that a build would put into a board's filesystem, without running mypy.

    ``cache`` is a folder that keeps bytecode. Raises ``UserError`` with all problems found.
    """
    board, inputs = _board(plan, board_name), Inputs(plan)
    return _files(_link(plan, board, inputs, cache=cache), inputs, types=False)


def check(root: Path, *, types: bool = True) -> tuple[Plan, list[Problem]]:
    """Return the cluster in ``root`` and all problems that keep it from being built, by place.

    Files in which only mypy has found something come after those that break a rule, because its
    messages may follow from there. Messages of mpy-cross and mypy are left out for a line that has
    a better one of ours. Nothing is built.

    Raises ``UserError`` if ``cluster.toml`` or the lock cannot be read.
    """
    plan, problems = read_plan(root)
    problems += mistakes(root)
    promises = [] if problems else broken_promises(plan)
    if problems or not _links_as_before(plan):
        problems += _of_new_lines(check_syntax(plan, wired=not problems), problems)
    typed = _of_new_lines(check_types(plan), problems) if types else []
    broken = [*problems, *promises]
    files = {_line(problem)[0] for problem in broken}
    return plan, sorted(broken + typed, key=lambda p: (_line(p)[0] not in files, _line(p)))


def _links_as_before(plan: Plan) -> bool:
    """Return whether all boards can be linked; this is tried again only after a change."""
    root = plan.cluster.root
    digest = digest_of(
        [f"{key}={value}" for key, value in os.environ.items() if key.startswith("TORPOR_")],
        [*project_files(root, deep=False), *(f for n in _FOLDERS for f in project_files(root / n))],
        modules_below(*paths.own_sources()),
    )
    cache = root / "build" / ".cache" / "links.json"
    return remembered(cache, digest, lambda: not check_syntax(plan))


def check_syntax(plan: Plan, *, wired: bool = True) -> list[Problem]:
    """Return the problems that keep the services of any board from being linked and compiled.

    ``wired=False`` looks at the modules alone, for a plan that no wiring can be made of.
    """
    inputs = Inputs(plan)
    linked = [_link(plan, b, inputs, wired=wired) for b in plan.boards]
    problems = [problem for program in linked for problem in program.problems]
    return sorted(dict.fromkeys([*inputs.problems, *problems]), key=_line)


def missing_secrets(plan: Plan) -> list[Problem]:
    """Return the missing secrets that a build needs: keys, and the broker's login."""
    inputs = Inputs(plan)
    problems = [p for board in plan.boards for p in missing_secrets_of(plan, board, inputs)]
    return list(dict.fromkeys([*inputs.problems, *problems]))


def _link(
    plan: Plan,
    board: BoardPlan,
    inputs: Inputs,
    *,
    cache: Path | None = None,
    wired: bool = True,
    strict: bool = False,
    frozen: bool = False,
    report: Report | None = None,
) -> Program:
    program = Program(
        plan,
        board,
        keyed=inputs.keyed,
        signers=() if frozen else inputs.signers,
        versions=inputs.versions,
        strict=strict,
        frozen=frozen,
        wired=wired,
        cache=cache,
    )
    begin = radio.begin(board)
    program.start = start_modules(
        board.board.port, begin=begin, updated=program.updated, outputs=board.outputs
    )
    return run_passes(program, report)


def _files(
    program: Program,
    inputs: Inputs,
    *,
    types: bool,
    production: bool = False,
    report: Report | None = None,
) -> dict[str, bytes]:
    """Return all files of the image. Raises ``UserError`` with all problems."""
    missing = missing_secrets_of(program.plan, program.board, inputs)
    problems = [*inputs.problems, *program.problems, *missing]
    if types:
        problems += _of_new_lines(check_types(program.plan), problems)
    if problems:
        raise UserError(sorted(dict.fromkeys(problems), key=_line))
    program.secrets = inputs.secret_files(needs_broker(program.board)) or {}
    program.production = production
    return run_pack(program, report).files


def _of_new_lines(problems: list[Problem], reported: list[Problem]) -> list[Problem]:
    """Return the problems on lines for which none has been reported yet."""
    lines = {_line(problem) for problem in reported}
    return [problem for problem in problems if _line(problem) not in lines]


def _line(problem: Problem) -> tuple[str, int]:
    """Return the line of a problem: problems are sorted by it, and each line gets one message."""
    return (problem.where.file, problem.where.line) if problem.where else ("", 0)


def _documents(plan: Plan, board: BoardPlan) -> dict[str, bytes]:
    """The OpenAPI documents of the board's services, which do not go to the chip."""
    found = documents(plan)
    carried = [service.name for service in board.services if service.name in found]
    return {
        f"{name}.json": json.dumps(found[name], separators=(",", ":")).encode() for name in carried
    }


def _board(plan: Plan, name: str) -> BoardPlan:
    try:
        return plan.board(name)
    except KeyError:
        known = ", ".join(board.name for board in plan.boards)
        raise fail(f"the cluster has no board {name}", f"its boards: {known}") from None
