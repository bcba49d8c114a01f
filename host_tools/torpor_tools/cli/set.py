"""``torpor set``."""

from __future__ import annotations

import click

from ..errors import UserError, fail
from .base import Command, Settings
from .output import note


@click.command(
    cls=Command,
    help="Change what a simulated board senses, while torpor sim runs in another terminal. The "
    "value stays until it is set again, even in the next torpor sim, but not with --fresh.",
    arguments=[
        ("BOARD", "A board of the cluster, by its name in cluster.toml"),
        (
            "WHAT",
            "DEVICE.INPUT, probe:ROM, pin:NUMBER, adc:NUMBER, wifi:up, wifi:rssi, chip:celsius",
        ),
        ("VALUE", "Degrees (a probe: also off and crc), 0 or 1, 0 to 65535, yes or no"),
    ],
    examples=[
        ("torpor set desk thermometer.temperature 21.5", "a device of cluster.toml measures that"),
        ("torpor set desk thermometer.temperature day.csv", "a curve: lines of seconds,value"),
        ("torpor set shed probe:28ff641e8216c3a1 9.5", "a probe measures 9.5 degrees"),
        ("torpor set shed probe:28ff641e8216c3a1 off", "it is cut off"),
        ("torpor set shed pin:4 1", "a pin goes high"),
        ("torpor set shed wifi:up no", "the access point goes away"),
    ],
)
@click.argument("board")
@click.argument("what")
@click.argument("value")
@click.pass_obj
def command(settings: Settings, board: str, what: str, value: str) -> None:
    from torpor_sim import is_running, set_input

    _check_pin(settings, board, what)
    storage = settings.root / "build" / "sim"
    if value.endswith(".csv"):
        value = str(settings.folder / value)
    set_input(storage, board, what, value)
    click.echo(f"{board}: {what} is {value}")
    if not is_running(storage):
        note("torpor sim is not running here: this holds from its next start, but not with --fresh")


def _check_pin(settings: Settings, board: str, what: str) -> None:
    """Refuse a pin that the board does not have. Raises ``UserError``."""
    from ..contracts.pins import absent_pin
    from ..project import load_board, load_cluster

    kind, _, pin = what.partition(":")
    if kind != "pin":
        return
    try:
        cluster = load_cluster(settings.root)
    except UserError:  # it is being edited
        return
    for entry in cluster.boards:
        if entry.name == board and (
            absent := absent_pin(int(pin) if pin.isdecimal() else pin, load_board(entry.type))
        ):
            raise fail(f"{what}: {absent[0]}", absent[1])
