"""``torpor update``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UserError, fail
from ..suggest import counted, listing
from .base import FILE, Command, Settings
from .heap_check import check_heap
from .options import at_option, low_heap_option, types_option
from .output import busy, note, print_table, progress_bar
from .target import pick

if TYPE_CHECKING:
    from ..gateway.updates_at_broker import Known
    from ..model.plan import BoardPlan, Plan
    from ..update.keys import Signer
    from ..update.send import Status, Target

CONFIRM = click.option(
    "--confirm",
    "confirm_s",
    type=click.IntRange(1, 3600),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long the new image must stay healthy to be kept.",
)
WAIT = click.option(
    "--wait/--no-wait", default=True, help="Wait until a board that sleeps has the update."
)
DATA_LOSS = click.option(
    "--data-loss",
    is_flag=True,
    help="Drop the data of services that has had migrations which the sent build lacks.",
)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")


@click.command(
    cls=Command,
    extra="update",
    help="Send signed updates to running boards. Each tries its new image, and goes back to the "
    "old one if the new one is not healthy.",
    arguments=[("[BOARD]...", "Boards of the cluster (default: the only one)")],
    examples=[
        ("torpor update shed", "only the files that differ; then wait until it is confirmed"),
        ("torpor update shed --dry-run", "what would be sent"),
        ("torpor update --all", "called boards before their callers; stop at the first failure"),
        ("torpor update --status", "the build that each board runs"),
        ("torpor update shed --at 192.168.1.7", "a board at another address"),
        ("torpor update shed --firmware FILE", "another MicroPython, on an ESP32"),
    ],
)
@click.argument("boards", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All boards that accept updates.")
@click.option("--canary", type=click.IntRange(1), metavar="N", help="Only the first N of --all.")
@click.option("--status", "show", is_flag=True, help="Show what the boards run.")
@click.option(
    "--firmware",
    type=FILE,
    metavar="FILE",
    help="Replace the MicroPython of an ESP32 instead of the image: a .bin or .app-bin.",
)
@click.option(
    "--key",
    type=FILE,
    metavar="FILE",
    help="Sign with this key: signing-retired.pem, for a board that knows only a retired key.",
)
@DRY_RUN
@DATA_LOSS
@CONFIRM
@types_option
@low_heap_option
@WAIT
@at_option
@click.pass_obj
def command(
    settings: Settings,
    boards: tuple[str, ...],
    every: bool,
    canary: int | None,
    show: bool,
    firmware: Path | None,
    key: Path | None,
    dry_run: bool,
    data_loss: bool,
    confirm_s: int,
    types: bool,
    allow_low_heap: bool,
    wait: bool,
    at: str | None,
) -> None:
    from ..contracts import load_plan
    from ..contracts.promises import broken_promises

    if boards and every:
        raise click.UsageError("Name boards, or use --all.")
    if canary and not every:
        raise click.UsageError("--canary chooses the first boards of --all: use it with --all.")
    plan = load_plan(settings.root)
    if show:
        _show_status(plan, settings.root, boards, at)
        return
    if firmware:
        if key:
            raise click.UsageError("--key is for an image: firmware does not carry public keys.")
        _update_firmware(plan, settings.root, boards, every, firmware, dry_run, at, confirm_s)
        return
    if problems := broken_promises(plan):
        raise UserError(problems)
    names = _chosen(plan, boards, every)[:canary]
    if at and len(names) > 1:
        raise fail("--at is the address of one board", "name that board")
    if key and not at and any(plan.board(name).sleeps for name in names):
        raise fail(
            "the gateway checks updates with signing.pub, so it does not send one that is signed "
            "with a retired key",
            "name the board's address while it is awake: --at HOST; or flash it over USB",
        )
    signer = None if dry_run else _signer(settings.root, key)
    for number, name in enumerate(names):
        try:
            _update(
                settings, plan, name, signer, at, confirm_s, types, wait, allow_low_heap, data_loss
            )
        except UserError:
            if later := names[number + 1 :]:
                note(f"not updated after this failure: {listing(later)}")
            raise


def _update_firmware(
    plan: Plan,
    root: Path,
    boards: Sequence[str],
    every: bool,
    file: Path,
    dry_run: bool,
    at: str | None,
    confirm_s: int,
) -> None:
    from .new_firmware import check, update_firmware

    if every or len(boards) > 1:
        raise click.UsageError("--firmware is for one board: firmware fits one type only.")
    board = plan.board(pick(plan, next(iter(boards), None)))
    check(board, at)
    check_board(board)
    signer = None if dry_run else _signer(root)
    update_firmware(plan, root, board, file, signer, at, confirm_s)


def _chosen(plan: Plan, boards: Sequence[str], every: bool) -> list[str]:
    """The boards to update, in their order. Raises ``UserError``."""
    from ..update.send import order

    names = list(dict.fromkeys(boards)) or ([] if every else [pick(plan, None)])
    for name in names:
        check_board(plan.board(pick(plan, name)))
    names = names or [board.name for board in plan.boards if board.can_update]
    if not names:
        raise fail("no board of the cluster accepts updates", "see docs/updates.md")
    needs = {
        board.name: [home.name for peer in board.needs() for home in plan.homes(peer)]
        for board in plan.boards
    }
    return order(names, needs)


def check_board(board: BoardPlan) -> None:
    """Check that a board accepts updates. Raises ``UserError`` with the reason."""
    if board.can_update:
        return
    if not board.update:
        why, remedy = "has `update = false`", "remove that line from cluster.toml"
    elif board.board.port == "unix":
        why, remedy = "is a Linux process", "torpor export writes its new files"
    elif board.sleeps:
        why = 'sleeps with the policy "deep", and has no mailbox'
        remedy = "add [mailbox] to cluster.toml, or update it over USB with torpor deploy"
    else:
        why, remedy = "has no port", "give one of its services a port in cluster.toml"
    raise fail(f"{board.name} cannot be updated over the network: it {why}", remedy)


def _update(
    settings: Settings,
    plan: Plan,
    name: str,
    signer: Signer | None,
    at: str | None,
    confirm_s: int,
    types: bool,
    wait: bool,
    allow_low_heap: bool,
    data_loss: bool,
) -> None:
    """Build a board's image and send it; without a signer, only show what that would do."""
    from ..image.tree import read_tree
    from ..link import build
    from ..update import history
    from ..update.data_loss import dropped

    board = plan.board(name)
    with reached(plan, settings.root, board, at) as updater:
        status = ready(updater, board)
        with busy(f"Building {name}"):
            image = build(
                plan, name, settings.root / "build", types=types, production=status.production
            )
        check_heap(image, allow_low_heap)
        files = read_tree(image.tree)
        _check_secrets(updater, files, name)
        known = {
            service.name: len(service.contract.migrations)
            for service in board.services
            if service.contract.has_store
        }
        run = updater.migrations(known)
        for service in board.services:
            # A service that is new on the board, or had no store there, has none yet.
            coming = service.contract.migrations[run.get(service.name, 0) :]
            if coming:
                names = listing(migration.name for migration in coming)
                text = f"{service.name}: {names} will run, and going back does not undo that"
                if service.name in run and _has_service(updater, service.name):
                    text += f".\n      The old image's {service.name} does not start on such data"
                note(text)
        # One that does not start on its data now need not start in the new image either.
        starting = {each: n for each, n in run.items() if data_loss or each not in status.down}
        drop = dropped(name, starting, known, allowed=data_loss)
        try:
            put(plan, board, updater, status, files, signer, confirm_s, wait, drop)
        except UserError as error:
            raise _naming_lost(error, updater, board, status) from None
        if signer:
            history.keep(image, settings.root, status.production)


def _has_service(updater: Target, name: str) -> bool:
    """Return whether the image that a board runs has a service."""
    return any(path.startswith(f"services/{name}/") for path in updater.installed())


def _naming_lost(error: UserError, updater: Target, board: BoardPlan, before: Status) -> UserError:
    """Add the services to an error that ran before the update and do not run since."""
    from ..update.send import not_running

    try:
        down = updater.status().down
    except UserError:
        return error
    lost = {name: why for name, why in down.items() if name not in before.down}
    if not (text := not_running(board, lost)):
        return error
    first, *others = error.problems
    return UserError([replace(first, what=f"{first.what};\n{text}"), *others])


@contextmanager
def reached(plan: Plan, root: Path, board: BoardPlan, at: str | None) -> Iterator[Target]:
    """Connect to a board that accepts updates, for the block. Raises ``UserError``."""
    from ..client.tools import Tools
    from ..update.keys import check_public_key
    from ..update.send import Updater

    check_board(board)
    check_public_key(root)
    if board.sleeps and at is None:
        yield _sleeper(plan, root, board)
        return
    with Tools(root, board, at) as tools:
        yield Updater(tools)


def _sleeper(plan: Plan, root: Path, board: BoardPlan) -> Target:
    from ..extras import need

    need("gateway")
    from ..gateway.updates_at_broker import Desk
    from ..update.asleep import Sleeper

    return Sleeper(board, Desk(plan, root))


def ready(updater: Target, board: BoardPlan) -> Status:
    """The state of a board. Raises ``UserError`` if it cannot be updated now, or to such an image.

    The image of another chip would replace even the code that goes back to the old one.
    """
    status = updater.status()
    # A variant of the firmware may add to the name of the chip: ESP32-UNICORE.
    chip = status.machine.split(" ")[-1].partition("-")[0]
    if chip and chip != board.board.machine:
        raise fail(
            f"{board.name} reports {status.machine!r}, and its type in cluster.toml is "
            f"{board.board.name}, with {board.board.machine}",
            f"correct the type of {board.name} in cluster.toml; or, if the board was replaced, "
            "flash it over USB",
        )
    if status.trial:
        raise fail(
            f"{status.board} is still trying the previous update", "wait: torpor update --status"
        )
    return status


def put(
    plan: Plan,
    board: BoardPlan,
    updater: Target,
    status: Status,
    files: Mapping[str, bytes],
    signer: Signer | None,
    confirm_s: int,
    wait: bool,
    drop: Sequence[str] = (),
) -> None:
    """Send an image and wait for its confirmation. Without a signer, only show the plan.

    Args:
        plan: The cluster.
        board: The board.
        updater: The connection to it.
        status: The state of the board.
        files: The image.
        signer: Signs the manifest, if there is one.
        confirm_s: How long the board must stay healthy to keep the image.
        wait: Whether to wait for a board that sleeps.
        drop: The services whose data the board drops.
    """
    from ..update.data_loss import warning
    from ..update.manifest import Terms, build_id, manifest

    name = board.name
    changes = updater.changes(files)
    if not changes and status.build == build_id(files) and not drop:
        click.echo(f"{name} has build {status.build} already")
        return
    if before := updater.on_its_way():
        note(
            f"{before} is on its way to {name}. This update replaces it, unless {name} has "
            "committed it: then the plan below\n      is not up to date, and neither are the "
            "migrations above"
        )
    what = f"{counted(len(changes.send), 'file')} to send ({counted(changes.size, 'byte')})"
    gone = f", {len(changes.remove)} to remove" if changes.remove else ""
    click.echo(f"{name}: build {status.build} -> {build_id(files)}: {what}{gone}")
    if drop:
        note(warning(name, drop))
    if signer is None:
        for path in changes.send:
            click.echo(f"  send    {len(files[path]):>7,}  {path}")
        for path in changes.remove:
            click.echo(f"  remove           {path}")
        return
    counter = max(int(time.time()), updater.least_counter())
    least = board.board.firmware.version if board.board.firmware else "1.27.0"
    made = manifest(Terms(plan.cluster.name, name, counter, least, confirm_s), files, drop)
    left = "a gateway sends what is at the broker: torpor update --status"
    left = left if board.sleeps else f"{name} keeps what has arrived: run it again to continue"
    with (
        interrupted(left),
        progress_bar(f"Sending to {name}") as progress,
    ):
        updater.send(made, signer.sign(made.text), files, progress, note)
    if board.sleeps:
        click.echo(f"{name}: the gateway has the update, and sends it when the board wakes")
        if not wait:
            return
    else:
        click.echo(f"{name}: sent {counted(updater.sent, 'byte')}; it restarts and tries the image")
    if board.sleeps:
        rest = f"the gateway goes on, and {name} decides alone whether it keeps the image"
    else:
        rest = f"{name} now decides alone whether it keeps the image"
    with interrupted(f"{rest}: torpor update --status"), busy(f"{name} tries the image"):
        updater.wait(made, confirm_s)
    click.echo(f"{name}: build {made.build} is confirmed")


@contextmanager
def interrupted(text: str) -> Iterator[None]:
    """Say what the board does if Ctrl-C ends the block."""
    try:
        yield
    except KeyboardInterrupt:
        note(text)
        raise


def _check_secrets(updater: Target, files: Mapping[str, bytes], board: str) -> None:
    """Note changed keys and passwords, which an update does not send. Raises ``UserError``."""
    from hashlib import sha256

    from ..update.manifest import SECRETS

    there = updater.installed().get(SECRETS)
    if there and there != sha256(files.get(SECRETS, b"")).hexdigest():
        note(
            f"secrets.toml has changed since {board} was flashed. An update leaves keys and "
            "passwords\n      on the board as they are: torpor deploy changes them, over USB"
        )


def _signer(root: Path, key: Path | None = None) -> Signer:
    from ..update.keys import Signer

    return Signer(root, ask_passphrase, key)


def ask_passphrase() -> str:
    """Ask for the passphrase of the signing key."""
    asked: str = click.prompt("passphrase of the signing key", hide_input=True, err=True)
    return asked


def _show_status(plan: Plan, root: Path, boards: Sequence[str], at: str | None) -> None:
    shown = [board for board in plan.boards if not boards or board.name in boards]
    known = None
    rows = []
    for board in shown:
        if board.can_update and board.sleeps and at is None:
            known = known or _known(plan, root)
            rows.append((board.name, *_state_asleep(board, known)))
        else:
            build, state = _state(plan, root, board, at)
            rows.append((board.name, build, "", "now" if build else "", state))
    print_table(("board", "build", "pending", "contact", "state"), rows)


def _known(plan: Plan, root: Path) -> Known:
    from ..extras import need

    need("gateway")
    from ..gateway.updates_at_broker import Desk

    return Desk(plan, root).known()


def _state_asleep(board: BoardPlan, known: Known) -> tuple[str, str, str, str]:
    """Build, pending build, last contact and last failure of a board that sleeps."""
    from ..update.asleep import KEYLESS, shown
    from ..update.send import without_key

    state = shown(known.reports.get(board.name), known.seen.get(board.name, 0.0))
    contact = time.strftime("%Y-%m-%d %H:%M", time.localtime(state["at"])) if state["at"] else ""
    failed = state["failed"]
    if state["keyless"]:
        text = f"{without_key(board.name)}: {KEYLESS.format(board.name)}"
    elif not state["build"]:
        text = (
            "no gateway has reported what it runs: start torpor gateway; it asks at the next wake"
        )
    else:
        text = f"not kept: {failed.get('reason')}" if failed else "sleeps between wakes"
        text += _down(board, state["down"])
    return state["build"], state["pending"], contact, text


def _state(plan: Plan, root: Path, board: BoardPlan, at: str | None) -> tuple[str, str]:
    try:
        with reached(plan, root, board, at) as updater:
            status = updater.status()
    except UserError as error:
        return "", error.problems[0].what
    if status.trial:
        return status.build, "on trial"
    text = f"went back: {status.failed.get('reason')}" if status.failed else "running"
    return status.build, text + _down(board, status.down)


def _down(board: BoardPlan, down: Mapping[str, str]) -> str:
    from ..update.send import not_running

    text = not_running(board, down)
    return f"; {text}" if text else ""
