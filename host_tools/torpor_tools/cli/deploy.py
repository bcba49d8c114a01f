"""``torpor deploy``."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import click

from ..errors import UserError
from ..files import belongs
from ..model.image import Image
from ..model.plan import Plan
from ..paths import firmware_dir
from ..suggest import counted
from .base import Command, Settings
from .options import low_heap_option, types_option
from .output import busy, progress_bar
from .target import BOARD, build_image, device_of, image_files, port_option, show_start

_PROJECT = ("cluster.toml", "secrets.toml", "contracts.lock")


@click.command(
    cls=Command,
    extra="board",
    help="Send what has changed to a running board over USB, and restart it. Its data stays.",
    arguments=[BOARD],
    examples=[
        ("torpor deploy", "the only board of the cluster, found on USB"),
        ("torpor deploy shed --port /dev/ttyACM1", "one of several"),
        ("torpor deploy --watch", "deploy again at each change, with the board's log"),
        ("torpor deploy --via ampy", "on firmware without the raw paste mode"),
    ],
)
@click.argument("board", required=False)
@port_option
@click.option(
    "--via",
    type=click.Choice(["mpremote", "ampy"]),
    default="mpremote",
    show_default=True,
    help="The transport to use.",
)
@click.option("--watch", "watched", is_flag=True, help="Stay, and deploy again at each change.")
@types_option
@click.option(
    "--patience",
    type=click.FloatRange(min=0.1),
    default=1.0,
    metavar="FACTOR",
    help="Wait N times as long for a slow board.",
)
@low_heap_option
@click.pass_obj
def command(
    settings: Settings,
    board: str | None,
    port: str | None,
    via: str,
    watched: bool,
    types: bool,
    patience: float,
    allow_low_heap: bool,
) -> None:
    # This watches from the start, so changes during a deploy are deployed after it.
    with _changes(settings.root) if watched else contextlib.nullcontext() as changed:
        plan, image = build_image(settings, board, types, allow_low_heap=allow_low_heap)
        device = device_of(image.board.board, port)
        _deploy(plan, image, device, via, patience)
        while changed:
            _log_until(changed, device)
            changed.clear()
            try:
                plan, image = build_image(settings, board, types, allow_low_heap=allow_low_heap)
                _deploy(plan, image, device, via, patience)
            except UserError as error:
                from . import print_problems

                print_problems(error.problems)


def _deploy(plan: Plan, image: Image, device: str, via: str, patience: float) -> None:
    from ..board.deploy import deploy
    from ..board.deploy.health import READY_S, watch
    from ..board.deploy.repl import REPLS, SILENCE_S
    from ..update.history import keep_updated

    files = image_files(image)
    with busy(f"Connecting to {device}"):
        link = REPLS[via](device, SILENCE_S * patience)
    try:
        with progress_bar(f"Sending to {device}") as progress:
            changes = deploy(link, image.board.board, files, progress)
        link.reset()
        with busy("Waiting for the board"):
            health = watch(device, link.serial, ready_s=READY_S * patience)
    finally:
        link.close()
    if changes:
        sent = sum(len(files[path]) for path in changes.send)
        gone = f", {len(changes.remove)} removed" if changes.remove else ""
        of = counted(len(files), "file")
        click.echo(f"{len(changes.send)} of {of} sent ({counted(sent, 'byte')}){gone}")
    else:
        click.echo("the board has this image already")
    keep_updated(image, plan.cluster.root)
    show_start(plan, image, health, device)


def _log_until(changed: threading.Event, device: str) -> None:
    """Print the board's log until a source has changed."""
    from ..board.deploy.health import lines

    click.echo("\nWaiting for changes; Ctrl-C ends. The log:\n")
    for text in lines(device, changed.is_set):
        click.echo(text)


@contextlib.contextmanager
def _changes(root: Path) -> Iterator[threading.Event]:
    """An event that is set when a source changes."""
    changed = threading.Event()
    stop = threading.Event()
    folders = [p.resolve() for p in (root / "services", firmware_dir()) if p.is_dir()]
    watchers = [
        threading.Thread(target=_note_changes, args=(places, deep, changed, stop), daemon=True)
        for places, deep in ((folders, True), ([root], False))
    ]
    for watcher in watchers:
        watcher.start()
    try:
        yield changed
    finally:
        stop.set()
        for watcher in watchers:
            watcher.join()


def _note_changes(
    places: list[Path], deep: bool, changed: threading.Event, stop: threading.Event
) -> None:
    """Watch everything below the folders, or only the project's own files in them.

    It watches these files through their folder, because they may be created or replaced.
    """
    import watchfiles

    def wanted(_: watchfiles.Change, name: str) -> bool:
        if not deep:
            return Path(name).name in _PROJECT
        return any(belongs(Path(name), p) for p in places if Path(name).is_relative_to(p))

    for _ in watchfiles.watch(
        *places, watch_filter=wanted, stop_event=stop, raise_interrupt=False, recursive=deep
    ):
        changed.set()
