"""``torpor update``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UserError, fail
from ..suggest import counted, listing
from .base import Command, Settings
from .output import busy, note, print_table, progress_bar
from .target import pick

if TYPE_CHECKING:
    from ..client.tools import Tools
    from ..model.plan import BoardPlan, Plan
    from ..update.keys import Signer
    from ..update.send import Status, Updater

AT = click.option("--at", metavar="HOST", help="Where the board is: a host, host:port or URL.")
CONFIRM = click.option(
    "--confirm",
    "confirm_s",
    type=click.IntRange(1, 3600),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long the new image must stay healthy to be kept.",
)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")


@click.command(
    cls=Command,
    extra="update",
    help="Send signed updates to running boards. Each tries its new image, and goes back to the "
    "old one if that is not healthy.",
    arguments=[("[BOARD]...", "Boards of the cluster (default: the only one)")],
    examples=[
        ("torpor update shed", "only the files that differ; then wait until it is confirmed"),
        ("torpor update shed --dry-run", "what would be sent"),
        ("torpor update --all", "called boards before their callers; stop at the first failure"),
        ("torpor update --status", "what every board runs"),
        ("torpor update shed --at 192.168.1.7", "a board at another address"),
    ],
)
@click.argument("boards", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All boards that take updates.")
@click.option("--canary", type=click.IntRange(1), metavar="N", help="Only the first N of --all.")
@click.option("--status", "show", is_flag=True, help="Show what the boards run.")
@DRY_RUN
@CONFIRM
@click.option("--types/--no-types", default=True, help="Run mypy with the boards' stubs (default).")
@AT
@click.pass_obj
def command(
    settings: Settings,
    boards: tuple[str, ...],
    every: bool,
    canary: int | None,
    show: bool,
    dry_run: bool,
    confirm_s: int,
    types: bool,
    at: str | None,
) -> None:
    from ..contracts import load_plan
    from ..contracts.promises import broken_promises

    if boards and every:
        raise click.UsageError("Name boards, or say --all.")
    if canary and not every:
        raise click.UsageError("--canary takes the first boards of --all.")
    plan = load_plan(settings.root)
    if show:
        _show_status(plan, settings.root, boards, at)
        return
    if problems := broken_promises(plan):
        raise UserError(problems)
    names = _chosen(plan, boards, every)[:canary]
    if at and len(names) > 1:
        raise fail("--at is the address of one board", "name that board")
    signer = None if dry_run else _signer(settings.root)
    for number, name in enumerate(names):
        try:
            _update(settings, plan, name, signer, at, confirm_s, types)
        except UserError:
            if rest := names[number + 1 :]:
                note(f"not updated after this failure: {listing(rest)}")
            raise


def _chosen(plan: Plan, boards: Sequence[str], every: bool) -> list[str]:
    """The boards to update, in their order. Raises ``UserError``."""
    from ..update.send import order

    names = list(dict.fromkeys(boards)) or ([] if every else [pick(plan, None)])
    for name in names:
        check_board(plan.board(pick(plan, name)))
    names = names or [board.name for board in plan.boards if board.can_update]
    if not names:
        raise fail("no board of the cluster takes updates", "see docs/updates.md")
    needs = {
        board.name: [home.name for peer in board.needs() for home in plan.homes(peer)]
        for board in plan.boards
    }
    return order(names, needs)


def check_board(board: BoardPlan) -> None:
    """Check that a board can take updates. Raises ``UserError`` with the reason."""
    if board.can_update:
        return
    if not board.update:
        why, remedy = "says `update = false`", "take that line out of cluster.toml"
    elif board.board.port == "unix":
        why, remedy = "is a Linux process", "torpor export writes its new files"
    elif board.port is None:
        why, remedy = "has no port", "give one of its services a port in cluster.toml"
    else:
        why, remedy = 'sleeps with the policy "deep"', "torpor deploy updates it over USB"
    raise fail(f"{board.name} takes no updates over the network: it {why}", remedy)


def _update(
    settings: Settings,
    plan: Plan,
    name: str,
    signer: Signer | None,
    at: str | None,
    confirm_s: int,
    types: bool,
) -> None:
    """Build a board's image and put it there; without a signer, only say what that would do."""
    from ..image.tree import read_tree
    from ..link import build
    from ..update import kept
    from ..update.send import Updater

    board = plan.board(name)
    with tools_of(plan, settings.root, board, at) as tools:
        updater = Updater(tools)
        status = ready(updater)
        with busy(f"Building {name}"):
            image = build(
                plan, name, settings.root / "build", types=types, production=status.production
            )
        files = read_tree(image.tree)
        _check_secrets(updater, files, name)
        run = migrations_done(tools, board)
        for service in board.services:
            coming = service.contract.migrations[run.get(service.name, 0) :]
            if service.name in run and coming:
                names = listing(migration.name for migration in coming)
                note(f"{service.name}: {names} will run, and going back does not undo that")
        put(plan, board, updater, status, files, signer, confirm_s)
        if signer:
            kept.keep(image, settings.root, status.production)


def tools_of(plan: Plan, root: Path, board: BoardPlan, at: str | None) -> Tools:
    """The tools of a board that takes updates. Raises ``UserError``."""
    from ..client.tools import Tools
    from ..project.signers import NAME, public_keys

    check_board(board)
    if not public_keys(root):
        raise fail(
            f"the project has no signing key ({NAME})",
            "make one: torpor secrets signing-key; then flash every board once",
        )
    return Tools(plan, root, board, at)


def ready(updater: Updater) -> Status:
    """The state of a board. Raises ``UserError`` if it cannot take an update now."""
    status = updater.status()
    if status.trial:
        raise fail(
            f"{status.board} tries the update before this one", "wait: torpor update --status"
        )
    return status


def migrations_done(tools: Tools, board: BoardPlan) -> dict[str, int]:
    """How many migrations the data of each service has had, as far as the board tells."""
    found = {}
    for service in board.services:
        if service.contract.has_store:
            try:
                answer = tools.ask("data", do="state", service=service.name)
            except UserError:
                continue  # it is new on the board
            found[service.name] = int(answer["migrations"])
    return found


def put(
    plan: Plan,
    board: BoardPlan,
    updater: Updater,
    status: Status,
    files: Mapping[str, bytes],
    signer: Signer | None,
    confirm_s: int,
) -> None:
    """Send an image and wait for its confirmation. Without a signer, only show the plan."""
    from ..update.manifest import build_id, manifest

    name = board.name
    changes = updater.changes(files)
    if not changes and status.build == build_id(files):
        click.echo(f"{name} has build {status.build} already")
        return
    what = f"{counted(len(changes.send), 'file')} to send ({counted(changes.size, 'byte')})"
    gone = f", {len(changes.remove)} to remove" if changes.remove else ""
    click.echo(f"{name}: build {status.build} -> {build_id(files)}: {what}{gone}")
    if signer is None:
        for path in changes.send:
            click.echo(f"  send    {len(files[path]):>7,}  {path}")
        for path in changes.remove:
            click.echo(f"  remove           {path}")
        return
    counter = max(int(time.time()), status.counter + 1)
    least = board.board.firmware.version if board.board.firmware else "1.27.0"
    made = manifest(plan.cluster.name, name, files, counter, firmware=least, confirm_s=confirm_s)
    with progress_bar(f"Sending to {name}") as progress:
        updater.send(made, signer.sign(made.text), files, progress)
    click.echo(f"{name}: sent {counted(updater.sent, 'byte')}; it restarts and tries the image")
    with busy(f"{name} tries the image"):
        updater.wait(made, confirm_s)
    click.echo(f"{name}: build {made.build} is confirmed")


def _check_secrets(updater: Updater, files: Mapping[str, bytes], board: str) -> None:
    """Keys and passwords do not travel over the network, which reads them. Raises ``UserError``."""
    from hashlib import sha256

    from ..update.manifest import SECRETS

    there = updater.installed().get(SECRETS)
    if there and there != sha256(files.get(SECRETS, b"")).hexdigest():
        note(
            f"secrets.toml has changed since {board} was flashed. An update leaves keys and "
            "passwords\n      on the board as they are: torpor deploy changes them, over USB"
        )


def _signer(root: Path) -> Signer:
    from ..update.keys import Signer

    return Signer(root, ask_passphrase)


def ask_passphrase() -> str:
    """Ask for the passphrase of the signing key."""
    asked: str = click.prompt("passphrase of the signing key", hide_input=True, err=True)
    return asked


def _show_status(plan: Plan, root: Path, boards: Sequence[str], at: str | None) -> None:
    rows = []
    for board in plan.boards:
        if boards and board.name not in boards:
            continue
        rows.append((board.name, *_state(plan, root, board, at)))
    print_table(("board", "build", "state"), rows)


def _state(plan: Plan, root: Path, board: BoardPlan, at: str | None) -> tuple[str, str]:
    from ..update.send import Updater

    try:
        with tools_of(plan, root, board, at) as tools:
            status = Updater(tools).status()
    except UserError as error:
        return "", error.problems[0].what
    if status.trial:
        return status.build, "on trial"
    if status.failed:
        return status.build, f"went back: {status.failed.get('reason')}"
    down = "".join(f"; {name} failed: {why}" for name, why in status.down.items())
    return status.build, f"running{down}"
