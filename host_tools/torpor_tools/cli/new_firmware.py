"""``torpor update --firmware``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import fail
from ..suggest import counted
from .output import busy, note, progress_bar

if TYPE_CHECKING:
    from ..model.plan import BoardPlan, Plan
    from ..update.keys import Signer


def check(board: BoardPlan, at: str | None) -> None:
    """Check that a board's firmware can be replaced over the network. Raises ``UserError``."""
    kind = board.board
    if kind.port == "rp2":
        raise fail(
            f"the firmware of {board.name} can be replaced only over USB: the flash of a "
            f"{kind.title} has no room for a second one,\n"
            "and its boot loader cannot go back to the first",
            f"torpor flash {board.name}; this erases what the services have stored "
            "(torpor data export)",
        )
    if kind.port != "esp32":
        raise fail(
            f"{board.name} is a Linux process: its MicroPython is the system's",
            "install another one there",
        )
    if not kind.partitions:
        raise fail(
            f"{board.name} has a single slot for firmware, by its board type or by cluster.toml",
            "give it two: firmware_slots = 2, with flash_mb = 8 if the firmware needs that; then "
            f"torpor flash {board.name}\nover USB once (docs/partitions.md)",
        )
    if board.sleeps and at is None:
        raise fail(
            f"{board.name} sleeps, and firmware is too large for its mailbox",
            "name its address while it is awake: --at HOST; or flash it over USB: torpor flash "
            f"{board.name}",
        )


def update_firmware(
    plan: Plan,
    root: Path,
    board: BoardPlan,
    file: Path,
    signer: Signer | None,
    at: str | None,
    confirm_s: int,
) -> None:
    """Put a firmware file into a board's other slot, and start its trial. Raises ``UserError``."""
    from ..image.app import read
    from ..update.firmware import FirmwareUpdater, firmware_manifest
    from ..update.manifest import Terms
    from ..update.send import Updater
    from .update import interrupted, reached, ready

    check(board, at)
    assert board.board.firmware
    least = board.board.firmware.version
    try:
        app = read(file.read_bytes(), file.name, board.board)
    except OSError as error:
        raise fail(f"cannot read {file}: {error.strerror}", "name an existing file") from None
    if _numbers(app.version) < _numbers(least):
        raise fail(
            f"{file.name} is MicroPython {app.release}, and images for {board.board.name} need "
            f"{least}",
            "use that version or a newer one",
        )
    with reached(plan, root, board, at) as updater:
        assert isinstance(updater, Updater)
        status = ready(updater, board)
        remote = FirmwareUpdater(updater)
        slots = remote.slots()
        size = len(app.content)
        if size > slots.room:
            raise fail(
                f"{file.name} has {size:,} bytes, and a slot of {board.name} has {slots.room:,}",
                "with more flash, flash_mb gives larger slots; otherwise firmware_slots = 1: "
                "docs/partitions.md",
            )
        click.echo(
            f"{board.name}: MicroPython {status.firmware} in {slots.running} -> {app.release} in "
            f"{slots.other}: {counted(size, 'byte')}"
        )
        if signer is None:
            return
        counter = max(int(time.time()), updater.least_counter())
        terms = Terms(plan.cluster.name, board.name, counter, least, confirm_s)
        manifest = firmware_manifest(terms, app)
        with (
            interrupted(f"{board.name} keeps what has arrived: run it again to continue"),
            progress_bar(f"Sending to {board.name}") as progress,
        ):
            remote.send(manifest, signer.sign(manifest.text), progress, note)
        sent = counted(updater.sent, "byte")
        click.echo(f"{board.name}: sent {sent}; it restarts and tries the firmware")
        rest = f"{board.name} now decides alone whether it keeps the firmware"
        with (
            interrupted(f"{rest}: torpor update --status"),
            busy(f"{board.name} tries the firmware"),
        ):
            remote.wait(manifest, slots.other, confirm_s)
        click.echo(f"{board.name}: MicroPython {app.release} is confirmed")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
