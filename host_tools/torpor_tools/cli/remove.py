"""``torpor remove``."""

from __future__ import annotations

import click

from .base import Command, Settings


@click.command(
    cls=Command,
    help="Remove a library from cluster.toml, libraries.lock and vendor/.",
    arguments=[("NAME", "The library, by its name in cluster.toml")],
    examples=[("torpor remove micropython-bme280", "")],
)
@click.argument("name")
@click.pass_obj
def command(settings: Settings, name: str) -> None:
    from ..libraries.add import remove

    remove(settings.root, name)
    click.echo(f"removed {name}")
