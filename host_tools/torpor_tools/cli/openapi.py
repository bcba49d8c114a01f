"""``torpor openapi``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..errors import fail, writing
from ..suggest import did_you_mean, listing
from .base import FOLDER, Command, Settings
from .output import show_files


@click.command(
    cls=Command,
    help="Write the OpenAPI 3.1 document of a service, made from its contract.",
    arguments=[("SERVICE", "A service that has a port (default, with --out: all of them)")],
    examples=[
        ("torpor openapi alerts", "print one"),
        ("torpor openapi --out build/openapi", "one file per service"),
    ],
)
@click.argument("service", required=False)
@click.option(
    "--out", type=FOLDER, metavar="DIR", help="Write <service>.json files into this folder."
)
@click.pass_obj
def command(settings: Settings, service: str | None, out: Path | None) -> None:
    from ..contracts import load_plan
    from ..contracts.openapi import documents

    found = documents(load_plan(settings.root))
    if service is not None and service not in found:
        names = listing(found)
        remedy = did_you_mean(service, found) or f"services with a port: {names}"
        raise fail(f"{service} is not a service with a port", remedy)
    if service is not None:
        found = {service: found[service]}
    if out is None:
        if service is None:
            raise click.UsageError("Name a service, or a folder with --out.")
        click.echo(json.dumps(found[service], indent=2))
        return
    files = [out / f"{name}.json" for name in found]
    with writing(settings.shown(out)):
        out.mkdir(parents=True, exist_ok=True)
        for file, document in zip(files, found.values(), strict=True):
            file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8", newline="\n")
    show_files(out, files)
