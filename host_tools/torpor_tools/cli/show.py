"""``torpor show``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import fail, writing
from .base import FILE, Command, Settings


@click.command(
    cls=Command,
    help="Show what the devices of a simulated board show: displays, lamps, servos.",
    arguments=[
        ("BOARD", "A board of the cluster, by its name in cluster.toml"),
        ("DEVICE", "One of its devices (default: all that show something)"),
    ],
    examples=[
        ("torpor show desk", "what all devices of desk show"),
        ("torpor show desk display --png now.png", "a picture of its display"),
    ],
)
@click.argument("board")
@click.argument("device", required=False)
@click.option("--png", type=FILE, metavar="FILE", help="Write a picture of a display or strip.")
@click.pass_obj
def command(settings: Settings, board: str, device: str | None, png: Path | None) -> None:
    from torpor_sim.shown import as_png, as_text, shown
    from torpor_sim.wiring import wired_device

    storage = settings.root / "build" / "sim"
    states = shown(storage, board)
    if device is None:
        if png:
            raise fail("--png shows one device", "name it: torpor show BOARD DEVICE --png FILE")
        for name, state in states.items():
            click.echo(f"{click.style(name, fg='cyan')}\n{as_text(state)}")
        if not states:
            click.echo("nothing is shown yet")
        return
    if device not in states:
        wired_device(storage, board, device)
        raise fail(f"{device} has shown nothing yet", "not every device shows something")
    if png:
        picture = as_png(states[device])
        with writing(settings.shown(png)):
            png.write_bytes(picture)
        click.echo(settings.shown(png))
    else:
        click.echo(as_text(states[device]))
