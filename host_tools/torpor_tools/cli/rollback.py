"""``torpor rollback``."""

from __future__ import annotations

import click

from ..errors import fail
from .base import Command, Settings
from .options import at_option
from .output import note
from .target import pick
from .update import (
    CONFIRM,
    DATA_LOSS,
    DRY_RUN,
    WAIT,
    ask_passphrase,
    put,
    reached,
    ready,
)


@click.command(
    cls=Command,
    extra="update",
    help="Put an earlier build back on a running board, as a signed update.",
    arguments=[("BOARD", "A board of the cluster (default: the only one)")],
    examples=[
        ("torpor rollback shed", "the build before the one that it runs"),
        ("torpor rollback shed --to 3f2a", "one that is kept in build/.updates/"),
        ("torpor rollback shed --dry-run", "which build, and what would be sent"),
    ],
)
@click.argument("board", required=False)
@click.option("--to", "wanted", metavar="BUILD", help="The id of the build, or its beginning.")
@DATA_LOSS
@DRY_RUN
@CONFIRM
@WAIT
@at_option
@click.pass_obj
def command(
    settings: Settings,
    board: str | None,
    wanted: str | None,
    data_loss: bool,
    dry_run: bool,
    confirm_s: int,
    wait: bool,
    at: str | None,
) -> None:
    from ..contracts import load_plan
    from ..project.signers import NAME as SIGNERS
    from ..update import history
    from ..update.data_loss import dropped
    from ..update.keys import Signer
    from ..update.manifest import build_id

    root = settings.root
    plan = load_plan(root)
    chosen = plan.board(pick(plan, board))
    with reached(plan, root, chosen, at) as updater:
        status = ready(updater, chosen)
        target = history.earlier(root, chosen.name, status.build, wanted)
        if target.production != status.production:
            raise fail(
                f"build {target.build} is {_kind(target.production)}, and {chosen.name} runs "
                f"{_kind(status.production)}",
                "choose another build with --to",
            )
        stores = [each.name for each in chosen.services if each.contract.has_store]
        has_run = updater.migrations(dict.fromkeys([*stores, *target.migrations]))
        drop = dropped(chosen.name, has_run, target.migrations, allowed=data_loss)
        signer = None if dry_run else Signer(root, ask_passphrase)
        files = history.files_of(root, chosen.name, target.build)
        if build_id(files) != target.build:
            note(
                f"the project's signing key has changed since build {target.build}. The board gets "
                f"that\n      build with the current {SIGNERS}: it is build {build_id(files)}"
            )
        put(plan, chosen, updater, status, files, signer, confirm_s, wait, drop)
        if signer and build_id(files) != target.build:
            history.keep_files(root, chosen.name, files, target.production, target.migrations)


def _kind(production: bool) -> str:
    return "a production image" if production else "a development image"
