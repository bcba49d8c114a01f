"""``torpor flash``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..board.flash.prepare import flash_file
from ..errors import UserError, fail
from ..model.board import Board
from ..model.image import Image
from .base import FOLDER, Command, Settings
from .options import firmware_option, low_heap_option, types_option
from .output import busy, note, progress_bar
from .target import BOARD, build_image, device_of, port_option, root_relative, show_start

if TYPE_CHECKING:
    from ..board.flash.find import Drive

_DRIVE_S = 60.0  # for the computer to mount the drive of a board in its boot loader
_LEAVE_S = 0.2  # time to send the bytes from this computer
_USB_S = 15.0  # for the board's own USB to appear
_NO_PORT = (
    "the board is flashed, but its serial port did not appear; "
    "torpor logs --port PORT shows its log"
)
_KNOWN = {  # port -> what is known then; an RP2's drive cannot be read back
    "esp32": ", and the flash holds what was written",
    "rp2": ": its boot loader has accepted every block and started the firmware",
}


@click.command(
    cls=Command,
    extra="board",
    help="Put the official firmware and the image on a board, in one go. What the services have "
    "stored there is erased; torpor deploy keeps it.",
    arguments=[BOARD],
    examples=[
        ("torpor flash", "the only board of the cluster, found on USB"),
        ("torpor flash shed --port /dev/ttyUSB1", "one of several"),
        ("torpor flash --drive /media/me/RPI-RP2", "an RP2 in its boot loader (BOOTSEL)"),
    ],
)
@click.argument("board", required=False)
@port_option
@click.option(
    "--drive",
    type=FOLDER,
    metavar="DIR",
    help="The drive of an RP2 in its boot loader (default: the one mounted).",
)
@firmware_option
@click.option("--force", is_flag=True, help="Flash even if the chip's revision is wrong.")
@click.option("--wait/--no-wait", default=True, help="Wait until the board is ready (default).")
@types_option
@click.option("--production", is_flag=True, help="Disable the board's prompt over USB.")
@low_heap_option
@click.pass_obj
def command(
    settings: Settings,
    board: str | None,
    port: str | None,
    drive: Path | None,
    firmware: Path | None,
    force: bool,
    wait: bool,
    types: bool,
    production: bool,
    allow_low_heap: bool,
) -> None:
    from ..board.flash import esp32
    from ..update.history import keep_updated

    plan, image = build_image(settings, board, types, production, allow_low_heap=allow_low_heap)
    kind = image.board.board
    with progress_bar(f"Firmware of {kind.name}") as progress:
        file = flash_file(image, source=firmware, progress=progress)
    _say(settings, image, file, production)
    if kind.port == "rp2":
        device = _flash_rp2(image, file, port, drive)
    else:
        named = device_of(kind, port)
        click.echo(f"writing through {named}")
        with progress_bar(f"Flashing {named}") as progress:
            device = esp32.flash(file, kind, named, force=force, progress=progress)
        if device is None:
            note(_NO_PORT)
    keep_updated(image, settings.root, production)
    click.echo(f"{image.board.name} is flashed{_KNOWN[kind.port]}")
    if wait and device:
        from ..board.deploy.health import READY_S, watch

        with busy("Waiting for the board"):
            health = watch(device, ready_s=READY_S)
        show_start(plan, image, health, device)
    else:
        click.echo("Next: torpor logs")


def _flash_rp2(image: Image, file: Path, port: str | None, named: Path | None) -> str | None:
    """Write the file; return the board's serial port after that, if it is found."""
    from ..board.flash import rp2

    board = image.board.board
    drive = _drive(board, port, named)
    click.echo(f"writing to the drive {drive.path}")
    with progress_bar(f"Flashing {drive.path}") as progress:
        rp2.flash(file, board, drive, progress=progress)
    return port or _new_port(board)


def _drive(board: Board, port: str | None, named: Path | None) -> Drive:
    from ..board.flash import find, rp2

    if named:
        drive = find.drive_at(named)
        if drive is None:
            raise fail(
                f"{named} is not the drive of a board in its boot loader: it has no INFO_UF2.TXT",
                "hold BOOTSEL while you plug the board in, and look where its drive is mounted",
            )
        return drive
    if port is None:
        found = find.drives()
        if found:
            return rp2.the_drive(found, board)
    device = device_of(board, port)
    click.echo(f"asking the MicroPython on {device} into its boot loader")
    from ..board.deploy.repl import MpremoteRepl

    link = MpremoteRepl(device)
    link.start("import machine\nmachine.bootloader()")
    time.sleep(_LEAVE_S)
    link.close()
    with busy("Waiting for the drive"):
        return rp2.wait_for_drive(board, _DRIVE_S)


def _new_port(board: Board) -> str | None:
    from ..board.flash import find

    end = time.monotonic() + _USB_S
    while time.monotonic() < end:
        try:
            return find.the_port(board).device
        except UserError:
            time.sleep(0.2)
    note(_NO_PORT)
    return None


def _say(settings: Settings, image: Image, file: Path, production: bool) -> None:
    """Announce what will happen before anything is written."""
    shown = root_relative(file, settings.root)
    size = file.stat().st_size
    click.echo(f"{image.board.name} ({image.board.board.title}): {shown}, {size:,} bytes")
    click.echo(
        "this erases everything on the board, including what its services have stored "
        "(torpor deploy keeps that)"
    )
    if production:
        click.echo("it will have no prompt: only flashing it again can change it")
