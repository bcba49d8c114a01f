"""``torpor secrets``."""

from __future__ import annotations

import os
import sys

import click

from ..errors import fail
from ..text import read_text
from .base import Command, Group, Settings
from .output import note


@click.group(
    name="secrets",
    cls=Group,
    help="Make and change the cluster's keys: for calls between boards, and for signed updates.",
)
def command() -> None:
    pass


@command.command(
    cls=Command,
    help="Make the cluster's key and put it into secrets.toml, which git must ignore.",
    examples=[("torpor secrets init", "before the first build for several boards")],
)
@click.pass_obj
def init(settings: Settings) -> None:
    from ..client.keys import init
    from ..project.secrets import NAME

    init(settings.root)
    click.echo(f"{NAME} now has a key; anyone who has it can call every method of every service")
    if not _is_ignored(settings):
        note(f"put {NAME} into .gitignore")
    click.echo("next: torpor build")


@command.command(
    cls=Command,
    help="Change the key without interrupting calls between boards.",
    examples=[
        ("torpor secrets rotate", "two keys are valid: build and flash every board, in any order"),
        ("torpor secrets rotate --finish", "drop the old one: build and flash every board again"),
    ],
)
@click.option("--finish", is_flag=True, help="Drop the old key.")
@click.pass_obj
def rotate(settings: Settings, finish: bool) -> None:
    from ..client.keys import finish_rotation, rotate

    if finish:
        finish_rotation(settings.root)
        click.echo("the old key is dropped; next: build and flash every board")
    else:
        rotate(settings.root)
        click.echo("two keys are valid; next: build and flash every board, one by one")
        click.echo("when all are done: torpor secrets rotate --finish")


@command.command(
    "signing-key",
    cls=Command,
    extra="update",
    help="Make the key pair that signs updates over the network, or change it.",
    examples=[
        ("torpor secrets signing-key", "then build, and flash every board once"),
        ("torpor secrets signing-key --rotate", "a second key, which boards learn by an update"),
        ("torpor secrets signing-key --finish", "when every board is updated: retire the old key"),
    ],
)
@click.option("--rotate", "change", flag_value="rotate", help="Make a second key.")
@click.option("--finish", "change", flag_value="finish", help="Retire the old key.")
@click.option("--yes", is_flag=True, help="Do not ask before --finish.")
@click.pass_obj
def signing_key(settings: Settings, change: str | None, yes: bool) -> None:
    from ..project.signers import NAME
    from ..update import keys

    if change == "finish":
        keys.check_rotation(settings.root)
        _confirm_finish(yes)
        retired = keys.finish_rotation(settings.root)
        click.echo(f"{keys.PRIVATE} is now the new key; next: torpor update, for every board")
        if retired:
            click.echo(
                f"{retired} is the old one, with its passphrase. For a board that was not updated "
                f"since --rotate:\ntorpor update BOARD --key {retired}. Delete the file when every "
                "board has been updated"
            )
            _check_ignored(settings, keys.IGNORED)
        return
    if change == "rotate":
        keys.rotate(settings.root, _new_passphrase())
        click.echo(f"{NAME} has two keys; {keys.PRIVATE} still signs: torpor update, every board")
        click.echo("when all are done: torpor secrets signing-key --finish")
    else:
        keys.create(settings.root, _new_passphrase())
        click.echo(
            f"{keys.PRIVATE} signs updates: keep it and its passphrase, and a copy elsewhere"
        )
        click.echo(f"{NAME} goes into every image: commit it")
        click.echo("next: torpor build, then flash every board once; after that: torpor update")
    _check_ignored(settings, keys.IGNORED)


def _confirm_finish(yes: bool) -> None:
    """Say what ``--finish`` does, and ask for it. Raises ``UserError`` if nobody can answer."""
    if yes:
        return
    click.echo(
        "The old key stops signing, and signing.pub keeps only the new one. A board that has not\n"
        "been updated since --rotate does not know the new key, and refuses all updates that are\n"
        "signed with it. The builds that boards run: torpor update --status",
        err=True,
    )
    if not _has_terminal():
        raise fail(
            "--finish needs a confirmation, but there is no terminal to ask for it",
            "when every board is updated: torpor secrets signing-key --finish --yes",
        )
    click.confirm("Has every board been updated since --rotate?", abort=True, err=True)


def _new_passphrase() -> str:
    """The passphrase from the environment or the terminal."""
    from ..update.keys import PASSPHRASE_VARIABLE

    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given is not None:
        return given
    try:
        asked: str = click.prompt("passphrase", hide_input=True, confirmation_prompt=True, err=True)
    except click.Abort:
        if _has_terminal():
            raise
        raise fail(
            "there is no terminal to ask for the passphrase of the new key",
            f"put it into {PASSPHRASE_VARIABLE}",
        ) from None
    return asked


def _has_terminal() -> bool:
    return sys.stdin.isatty()


def _check_ignored(settings: Settings, name: str) -> None:
    if not _is_ignored(settings, name):
        note(f"put {name} into .gitignore")


def _is_ignored(settings: Settings, name: str = "secrets.toml") -> bool:
    path = settings.root / ".gitignore"
    return path.is_file() and name in read_text(path, path.name).split()
