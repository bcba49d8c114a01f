"""``torpor client``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import fail, writing
from ..suggest import did_you_mean, listing
from .base import FILE, Command, Settings
from .output import show_files


@click.command(
    cls=Command,
    help="Write a typed Python client of the services, made from their contracts.",
    arguments=[("SERVICE", "The services to call (default: all that have a port)")],
    examples=[
        ("torpor client --out fridge_client.py", "one class per service, in one module"),
        ("torpor client alerts readings", "print one for these two services"),
    ],
)
@click.argument("services", nargs=-1, metavar="[SERVICE...]")
@click.option("--out", type=FILE, metavar="FILE", help="Write it to this file.")
@click.pass_obj
def command(settings: Settings, services: tuple[str, ...], out: Path | None) -> None:
    from ..client.generate import client
    from ..contracts import load_plan

    plan = load_plan(settings.root)
    known = [s.name for board in plan.boards for s in board.services if s.port]
    for name in services:
        if name not in known:
            remedy = did_you_mean(name, known) or f"services with a port: {listing(known)}"
            raise fail(f"{name} is not a service with a port", remedy)
    text = client(plan, list(services or sorted(set(known))))
    if out is None:
        click.echo(text, nl=False)
        return
    with writing(settings.shown(out)):
        out.write_text(text, encoding="utf-8", newline="\n")
    show_files(out.parent, [out])
