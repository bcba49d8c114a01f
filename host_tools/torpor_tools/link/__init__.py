"""The linker: from a plan to an image.

``build`` reads top to bottom what happens: generate the wiring, collect the modules that something
imports, compile them, and write the image.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ..contracts import check_types, read_plan
from ..contracts.lock import read_lock
from ..contracts.openapi import documents
from ..contracts.promises import broken_promises
from ..errors import Problem, UserError, fail
from ..image import littlefs
from ..image.tree import LISTING, checksums, replace_folder, static_files, write_tree
from ..model.image import Image
from ..model.plan import BoardPlan, Plan
from ..project.secrets import broker_login, cluster_keys, secret_files
from ..suggest import listing
from . import radio, stub
from .compile import compile_all
from .freeze import FOLDER, frozen_files, left_over
from .module import Module
from .on_request import with_modules
from .prune import collect, start_modules
from .sizes import measure, to_json
from .unused import without_unused
from .wiring import module_of, wiring, wiring_of_service

T = TypeVar("T")

__all__ = ["build", "build_boards", "check", "check_syntax", "image_files", "missing_secrets"]


def build(
    plan: Plan,
    board_name: str,
    out: Path,
    *,
    types: bool = True,
    strict: bool = False,
    production: bool = False,
    frozen: bool = False,
) -> Image:
    """Build the image of a board below ``out`` and return it.

    ``out/<board>/`` is replaced as a whole, and only if all went well: ``fs/`` (the root of the
    chip's filesystem), ``<board>.lfs`` (the same as a LittleFS2 image), ``cluster.py`` (the wiring,
    to be read, and what belongs to it), ``sizes.json`` and ``openapi/<service>.json``. Same input,
    same bytes. ``types=False`` leaves out the check with mypy; ``strict`` makes calls in memory go
    through the wire encoding; ``production`` keeps everybody from the board's prompt; ``frozen``
    writes the modules to ``frozen/``, for a firmware of one's own, and leaves them out of the
    filesystem. Raises ``UserError`` with all problems found.
    """
    board = _board(plan, board_name)
    linked = _link(plan, board, out / ".cache" / "mpy", strict=strict)
    files = _files(plan, board, linked, types=types, production=production)
    if frozen:
        files = left_over(files)
    filesystem = littlefs.pack(files, board.board.filesystem)
    sizes = measure(board, linked.modules, files)
    folder = out / board.name

    def write(new: Path) -> None:
        write_tree(files, new / "fs")
        (new / f"{board.name}.lfs").write_bytes(filesystem)
        for name, text in linked.generated.items():
            (new / f"{name}.py").write_text(text, encoding="utf-8")
        (new / "sizes.json").write_text(to_json(sizes), encoding="utf-8")
        write_tree(_documents(plan, board), new / "openapi")
        if frozen:
            start = start_modules(board.board.port, production, radio.begin(board))
            write_tree(frozen_files(linked.modules, start), new / FOLDER)

    replace_folder(folder, write)
    return Image(board, folder, folder / "fs", folder / f"{board.name}.lfs", sizes)


def build_boards(
    plan: Plan, names: Iterable[str], out: Path, *, types: bool = True, **options: bool
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
    for name in names:
        yield build(plan, name, out, types=types, **options)
        types = False


def image_files(plan: Plan, board_name: str, cache: Path | None = None) -> dict[str, bytes]:
    """What a build would put into a board's filesystem, without the check with mypy.

    ``cache`` is a folder that keeps bytecode. Raises ``UserError`` with all problems found.
    """
    board = _board(plan, board_name)
    return _files(plan, board, _link(plan, board, cache), types=False)


def check(root: Path, *, types: bool = True) -> tuple[Plan, list[Problem]]:
    """The cluster in ``root`` and all that keeps it from being built, in the order of the places.

    A file where only mypy has found something comes after those that break a rule: that is where
    it may follow from.
    What mpy-cross and mypy say of a line is left out where we have said something better. Nothing
    is built. Raises ``UserError`` if ``cluster.toml`` or the lock cannot be read.
    """
    plan, problems = read_plan(root)
    promises = [] if problems else broken_promises(plan)
    problems += _of_new_lines(check_syntax(plan, wired=not problems), problems)
    typed = _of_new_lines(check_types(plan), problems) if types else []
    broken = [*problems, *promises]
    files = {_line(problem)[0] for problem in broken}
    return plan, sorted(broken + typed, key=lambda p: (_line(p)[0] not in files, _line(p)))


def check_syntax(plan: Plan, *, wired: bool = True) -> list[Problem]:
    """What keeps the services of any board from being linked and compiled; nothing is written.

    ``wired=False`` looks at the modules alone, for a plan that no wiring can be made of.
    """
    found = [p for board in plan.boards for p in _link(plan, board, None, wired).problems]
    return sorted(dict.fromkeys(found), key=_line)


def missing_secrets(plan: Plan) -> list[Problem]:
    """What a build asks for that is not in the project's files: keys, and the broker's login."""
    found: list[Problem] = []
    for board in plan.boards:
        _gather_secrets(plan, board, found)
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class _Linked:
    generated: dict[str, str]  # name -> source of cluster.py and what belongs to it
    modules: tuple[Module, ...]
    compiled: dict[str, bytes]  # path in the image -> bytecode
    problems: tuple[Problem, ...]


def _link(
    plan: Plan, board: BoardPlan, cache: Path | None, wired: bool = True, strict: bool = False
) -> _Linked:
    problems: list[Problem] = []
    written = _gather(problems, lambda: _generated(plan, board, strict)) if wired else None
    generated = written or {"cluster": ""}
    collected, missing = collect(plan, board, generated)
    start = start_modules(board.board.port, begin=radio.begin(board))
    modules = without_unused(collected, start)
    if wired:
        modules = with_modules(board, modules, start)
        generated = {**generated, "cluster": next(m.source for m in modules if m.name == "cluster")}
    compiled, refused = compile_all(modules, cache)
    return _Linked(generated, tuple(modules), compiled, (*problems, *missing, *refused))


def _generated(plan: Plan, board: BoardPlan, strict: bool) -> dict[str, str]:
    """The modules that the build writes: name -> source."""
    # A board that has the cluster's key can be called: by other boards, and by the host's tools.
    keyed = bool(cluster_keys(plan.cluster.root))
    board = replace(board, called=keyed and board.port is not None)
    versions = {n: locked.version for n, locked in (read_lock(plan.cluster.root) or {}).items()}
    found = {"cluster": wiring(plan, board, strict=strict)}
    for service in board.on_request:
        found[module_of(service.name)] = wiring_of_service(board, service, strict=strict)
    if text := stub.stubs(plan, board, versions):
        found[stub.STUBS] = text
    if board.called:
        found[stub.API] = stub.api(board)
        found[stub.SIGNATURES] = stub.signatures(board, versions)
    return found


def _files(
    plan: Plan, board: BoardPlan, linked: _Linked, *, types: bool, production: bool = False
) -> dict[str, bytes]:
    """All files of the image. Raises ``UserError`` with all that is wrong."""
    problems = list(linked.problems)
    secrets = _gather_secrets(plan, board, problems)
    if types:
        problems += _of_new_lines(check_types(plan), problems)
    if problems:
        raise UserError(sorted(dict.fromkeys(problems), key=_line))
    files = {**linked.compiled, **_other_files(board, production), **(secrets or {})}
    files[LISTING] = checksums(files)
    return files


def _gather_secrets(
    plan: Plan, board: BoardPlan, problems: list[Problem]
) -> dict[str, bytes] | None:
    """The files with the board's secrets; what is wrong with them joins ``problems``."""
    secrets = _gather(problems, lambda: secret_files(plan.cluster.root, bool(board.mailbox)))
    if secrets is not None:
        problems += _without_key(plan, board, secrets)
        problems += _open_mailbox(plan, board)
    return secrets


def _without_key(plan: Plan, board: BoardPlan, secrets: dict[str, bytes]) -> Iterator[Problem]:
    """Only peers may call peers: calls between boards carry a code under the cluster's key."""
    peers = board.needs() + [n for other in plan.boards for n in other.needs() if board.has(n)]
    if peers and b'"keys"' not in secrets.get("secrets.json", b""):
        what = f"calls between boards need a key ({board.name}: {listing(dict.fromkeys(peers))})"
        yield Problem(None, what, "make one, which git ignores, with: torpor secrets init")


def _open_mailbox(plan: Plan, board: BoardPlan) -> Iterator[Problem]:
    """Check the broker's password and certificate.

    Anyone who may write into the mailbox may call every route: a broker asks for a password, and
    over TLS its certificate identifies it.
    """
    broker = board.mailbox
    if broker is None:
        return
    login = broker_login(plan.cluster.root)
    if not (login.get("user") and login.get("password")) and not broker.is_here:
        what = f"the broker at {broker.host} would take requests for {board.name} from anybody"
        yield Problem(broker.where, what, "put [mailbox] user and password into secrets.toml")
    if broker.tls and "ca" not in login:
        what = f"{board.name} could not tell the broker at {broker.host} from another"
        remedy = 'put [mailbox] ca = "ca.pem", the certificate of its CA, into secrets.toml'
        yield Problem(broker.where, what, remedy)


def _gather(problems: list[Problem], work: Callable[[], T]) -> T | None:
    """What ``work`` returns; if it raises ``UserError``, its problems join the others."""
    try:
        return work()
    except UserError as error:
        problems += error.problems
        return None


def _of_new_lines(found: list[Problem], told: list[Problem]) -> list[Problem]:
    """Those of ``found`` on whose line nothing was told yet."""
    lines = {_line(problem) for problem in told}
    return [problem for problem in found if _line(problem) not in lines]


def _line(problem: Problem) -> tuple[str, int]:
    """The line of a problem: what to sort by, and where one explanation is enough."""
    return (problem.where.file, problem.where.line) if problem.where else ("", 0)


def _other_files(board: BoardPlan, production: bool = False) -> dict[str, bytes]:
    """What goes into the image as it is."""
    start = start_modules(board.board.port, production, radio.begin(board))
    files = {module.path: module.source.encode() for module in start}
    for service in board.services:
        for name, data in static_files(service.folder / "static").items():
            files[f"services/{service.name}/static/{name}"] = data
    return files


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
