"""``torpor call``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import click

from .base import Command, Settings

_OPTIONS = (
    click.argument("method", metavar="SERVICE.METHOD"),
    click.argument("given", nargs=-1, metavar="[NAME=VALUE...]"),
    click.option("--at", metavar="HOST", help="Where it runs: a host, host:port or URL."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0.1),
        default=10.0,
        metavar="SECONDS",
        help="How long to wait (default: 10).",
    ),
)


def calls_a_method(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments and options of a call."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(
    cls=Command,
    help="Call a method of a service that runs in the simulator or on a board.",
    arguments=[
        ("SERVICE.METHOD", "A method of the service's contract"),
        (
            "NAME=VALUE",
            "Its arguments; lists and objects as JSON, or part by part: point.celsius=4.5 "
            "marks.0.at=7",
        ),
    ],
    examples=[
        ("torpor call alerts.open_alerts", "while torpor sim runs in another terminal"),
        ("torpor call readings.newest fridge=fridge-1 limit=3", "with arguments"),
        ("torpor call plants.add plant.name=fern plant.pots.0=3", "a record field by field"),
        ("torpor call device.status --at 192.168.1.7", "a board on the network"),
    ],
)
@calls_a_method
@click.pass_obj
def command(
    settings: Settings, method: str, given: tuple[str, ...], at: str | None, timeout: float
) -> None:
    from ..client.call import call
    from ..contracts import load_plan

    root = settings.root
    for value in call(load_plan(root), root, method, given, at=at, timeout=timeout):
        _print(value)


def _print(value: Any) -> None:
    if isinstance(value, bytes):
        sys.stdout.buffer.write(value)
    elif isinstance(value, str):
        click.echo(value, nl=not value.endswith("\n"))
    else:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
