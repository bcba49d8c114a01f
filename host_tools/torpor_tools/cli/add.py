"""``torpor add``."""

from __future__ import annotations

from pathlib import Path

import click

from .base import FILE, Command, Settings
from .output import busy, note


@click.command(
    cls=Command,
    help="Fetch a library into vendor/, with its version in cluster.toml and its hashes in "
    "libraries.lock.",
    arguments=[
        (
            "NAME",
            "A package of micropython-lib or PyPI, or an address (default: all that are missing)",
        )
    ],
    examples=[
        ("torpor add micropython-bme280==2.1.3", "from PyPI"),
        ("torpor add logging", "from micropython-lib"),
        ("torpor add github:owner/name@v1.2", "a repository with a package.json"),
        ("torpor add bme280 --from bme280.whl", "without a network"),
        ("torpor add", "everything in cluster.toml that vendor/ lacks"),
    ],
)
@click.argument("name", required=False)
@click.option("--from", "file", type=FILE, metavar="FILE", help="Take it from this file or folder.")
@click.option("--index", metavar="URL", help="The index of micropython-lib, or a copy of it.")
@click.pass_obj
def command(settings: Settings, name: str | None, file: Path | None, index: str | None) -> None:
    from ..libraries.add import add, restore, wanted
    from ..libraries.mip import INDEX

    root, index = settings.root, (index or INDEX).rstrip("/")
    if file and not name:
        raise click.UsageError("--from needs a NAME.")
    if name:
        what = wanted(name)
        with busy(f"Fetching {what.name}"):
            packages = add(root, what, index=index, file=file)
    else:
        with busy("Fetching libraries"):
            packages = restore(root, index)
    for each in packages:
        modules = ", ".join(each.locked().packages)
        click.echo(f"added {each.name} {each.version} ({each.source}): import {modules}")
        if each.needs and each.source == "pypi":
            needs = ", ".join(each.needs)
            note(f"{each.name} requires {needs}; torpor build reports what is missing")
    if not packages:
        click.echo("nothing is missing")
