"""``torpor export``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import UserError, fail
from ..model.cluster import Cluster
from ..suggest import listing
from .base import FOLDER, Command, Settings
from .heap_check import check_heap
from .options import low_heap_option, types_option
from .output import busy, show_files


@click.command(
    cls=Command,
    help="Write a service, or a board of type UNIX, as a Linux service: the image, a systemd "
    "unit and a container file.",
    arguments=[("NAME", "A service of the cluster, or a board of type UNIX")],
    examples=[
        ("torpor export readings", "below dist/readings"),
        ("torpor export readings --prefix /srv/readings", "it will be installed there"),
    ],
)
@click.argument("name")
@click.option("--out", type=FOLDER, metavar="DIR", help="Write to this folder, which is replaced.")
@click.option("--prefix", metavar="DIR", help="Where the folder will be on the machine.")
@click.option("--micropython", metavar="FILE", help="The program on that machine.")
@types_option
@low_heap_option
@click.pass_obj
def command(
    settings: Settings,
    name: str,
    out: Path | None,
    prefix: str | None,
    micropython: str | None,
    types: bool,
    allow_low_heap: bool,
) -> None:
    from ..contracts import plan_of
    from ..contracts.promises import broken_promises
    from ..image import linux
    from ..link import build
    from ..project import load_cluster

    root = settings.root
    cluster = load_cluster(root)
    plan = plan_of(_with_process(cluster, name))
    if problems := broken_promises(plan):
        raise UserError(problems)
    folder = out or root / "dist" / name
    _refuse_foreign(folder)
    with busy(f"Building {name}"):
        image = build(plan, name, root / "build", types=types)
    check_heap(image, allow_low_heap)
    paths = {"prefix": prefix or "", "micropython": micropython or linux.MICROPYTHON}
    show_files(folder, linux.write_service(image, plan.cluster.name, folder, **paths))
    click.echo(f"{folder} runs {name} on Linux; torpor-{name}.service says how to install it")


def _with_process(cluster: Cluster, name: str) -> Cluster:
    """The cluster with a board of type UNIX that is called ``name``."""
    from ..topology.change import alone

    board = next((board for board in cluster.boards if board.name == name), None)
    if board is None:
        return alone(cluster, name, "UNIX")
    if board.type == "UNIX":
        return cluster
    services = listing(board.services, "or")
    raise fail(f"{name} is a {board.type}, not a Linux process", f"export a service: {services}")


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not (folder / "start.py").is_file():
        raise fail(
            f"{folder} exists and was not written by torpor export",
            "name a folder that may be replaced: --out DIR",
        )
