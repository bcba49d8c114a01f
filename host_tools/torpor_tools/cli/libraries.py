"""``torpor libraries``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from ..errors import UserError
from ..model.image import Image
from ..model.library import LIB
from ..model.plan import Plan
from .base import Command, Settings
from .output import busy, note, print_table

_HEADINGS = ("library", "version", "source", "licence", "board", "services", "compiled B", "heap B")


@click.command(
    cls=Command,
    help="List the libraries: version, licence, who uses them, bytes in the image and the heap.",
    examples=[("torpor libraries", "")],
)
@click.pass_obj
def command(settings: Settings) -> None:
    from ..contracts import load_plan

    plan = load_plan(settings.root)
    with busy("Weighing"):
        rows = list(_rows(plan))
    if rows:
        print_table(_HEADINGS, rows, "llllllrr")
    else:
        click.echo("no libraries; add one with: torpor add NAME")


def _rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    from ..libraries.vendor import vendored
    from ..link import build
    from ..link.uses import users

    about = {
        locked.name: (locked.version, locked.source, locked.licence or "not stated")
        for _, locked in vendored(plan.cluster)
    }
    unused = set(about)
    with TemporaryDirectory(prefix="torpor-libraries-") as folder:
        for board in plan.boards:
            image = build(plan, board.name, Path(folder), types=False)
            heap = _heap(image)
            for row in image.sizes.of("library"):
                unused.discard(row.name)
                known = about.get(row.name, ("", LIB, ""))
                services = ", ".join(users(plan, board, row.modules))
                bytes_ = sum(heap.get(name, 0) for name in row.modules)
                figures = (f"{row.compiled:,}", f"{bytes_:,}" if bytes_ else "")
                yield (row.name, *known, board.name, services, *figures)
    for name in sorted(unused):
        yield (name, *about[name], "none", "none", "0", "0")


def _heap(image: Image) -> dict[str, int]:
    from torpor_sim import weigh

    try:
        weights = weigh(image)
    except UserError as error:
        note(f"heap not measured: {error.problems[0].what}")
        return {}
    return {**weights.on_request, **weights.parts}
