"""``torpor graph``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import fail, writing
from ..suggest import did_you_mean, listing
from .base import FILE, Command, Settings


@click.command(
    cls=Command,
    help="Show which services call each other, in memory or over the network, and what a route "
    "uses. The sources are read, not run.",
    arguments=[("SERVICE.METHOD", "Show what a call of this method uses")],
    examples=[
        ("torpor graph", "boards, services, calls; what each route uses"),
        ("torpor graph dashboard.overview", "all calls that one request makes"),
        ("torpor graph --svg graph.svg --mermaid graph.mmd", "draw it"),
    ],
)
@click.argument("method", required=False, metavar="[SERVICE.METHOD]")
@click.option("--svg", type=FILE, metavar="FILE", help="Draw a picture.")
@click.option("--mermaid", type=FILE, metavar="FILE", help="Write a Mermaid flowchart.")
@click.option(
    "--record", type=FILE, metavar="FILE", help="Add the counts of a run (torpor sim --record)."
)
@click.pass_obj
def command(
    settings: Settings,
    method: str | None,
    svg: Path | None,
    mermaid: Path | None,
    record: Path | None,
) -> None:
    from ..contracts import load_plan
    from ..topology import mermaid as flowchart
    from ..topology import svg as picture
    from ..topology import text
    from ..topology.calls import Point
    from ..topology.placed import graph
    from ..topology.record import read_record

    plan = load_plan(settings.root)
    counts = read_record(record).between() if record else None
    drawn = graph(plan, counts)
    if svg:
        _write(settings, svg, picture.svg(drawn))
    if mermaid:
        _write(settings, mermaid, flowchart.mermaid(drawn))
    if method:
        points = {str(point): point for point in drawn.calls.direct}
        if method not in points:
            services = listing(dict.fromkeys(node.service for node in drawn.nodes))
            remedy = did_you_mean(method, points) or f"services: {services}"
            raise fail(f"there is no method {method}", remedy)
        lines = list(text.tree(drawn, Point(*method.split("."))))
    elif svg or mermaid:
        return
    else:
        lines = [*text.overview(drawn), "", *text.touched(drawn, plan)]
    for line in lines:
        click.echo(line)


def _write(settings: Settings, file: Path, content: str) -> None:
    with writing(settings.shown(file)):
        file.write_text(content, encoding="utf-8", newline="\n")
    click.echo(f"wrote {settings.shown(file)}")
